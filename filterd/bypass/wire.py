"""Frames to packets: who sent what to whom, with ports. Pure; what cannot be read is None.

RFC 791, RFC 8200 section 4 (extension headers), RFC 9293, RFC 768; IEEE 802.1Q; link types by the
numbers of tcpdump.org. No fragment but the first of a packet is looked at.
"""

from dataclasses import dataclass

TCP, UDP, GRE, ESP, AH = 6, 17, 47, 50, 51
SYN, ACK = 0x02, 0x10
_IPV4, _IPV6 = 0x0800, 0x86DD
_TAGS = frozenset({0x8100, 0x88A8, 0x9100})
_MOST_TAGS, _MOST_EXTENSIONS = 4, 8
_EXTENSIONS = frozenset({0, 43, 60})  # hop-by-hop, routing, destination
_FRAGMENT = 44
_BARE = frozenset({12, 14, 101, 228, 229})  # begins with IP itself
_LOOPBACK = frozenset({0, 108})
_COOKED, _COOKED2 = 113, 276
LINKS = frozenset({1, _COOKED, _COOKED2}) | _BARE | _LOOPBACK  # those that are read here


@dataclass(frozen=True, slots=True)
class Packet:
    """Addresses are bytes, 4 or 16; `device`: the sender's MAC address where the link has one.
    Ports are 0 where the protocol has none; `flags`, `sequence`: of TCP.
    """

    device: bytes
    source: bytes
    target: bytes
    protocol: int
    from_port: int = 0
    to_port: int = 0
    flags: int = 0
    sequence: int = 0
    payload: bytes = b""


def read_frame(link: int, data: bytes) -> Packet | None:
    """Return the packet in a frame; None: of another kind, or too short to say."""
    found = _ethernet(data) if link == 1 else _other(link, data)
    if found is None:
        return None
    kind, at, device = found
    if kind == 0 and len(data) > at:
        kind = {4: _IPV4, 6: _IPV6}.get(data[at] >> 4, 0)
    if kind == _IPV4:
        return _version4(data, at, device)
    return _version6(data, at, device) if kind == _IPV6 else None


def _ethernet(data: bytes) -> tuple[int, int, bytes] | None:
    at = 12
    for _ in range(_MOST_TAGS):
        kind = _number(data, at, 2)
        if kind not in _TAGS:
            return (kind, at + 2, data[6:12]) if len(data) >= at + 2 else None
        at += 4
    return None


def _other(link: int, data: bytes) -> tuple[int, int, bytes] | None:
    """Return kind (0: look at the first byte), where IP begins, and the device."""
    if link in _BARE:
        return 0, 0, b""
    if link in _LOOPBACK:
        return 0, 4, b""
    if link == _COOKED:
        return _number(data, 14, 2), 16, _cooked(data, 4, 6)
    if link == _COOKED2:
        return _number(data, 0, 2), 20, _cooked(data, 11, 12)
    return None


def _cooked(data: bytes, length_at: int, at: int) -> bytes:
    length = _number(data, length_at, 2 if at == 6 else 1)
    return data[at : at + 6] if length == 6 else b""


def _version4(data: bytes, at: int, device: bytes) -> Packet | None:
    if len(data) < at + 20 or data[at] >> 4 != 4:
        return None
    head, total = (data[at] & 15) * 4, _number(data, at + 2, 2)
    if head < 20 or _number(data, at + 6, 2) & 0x1FFF:
        return None
    # A length of 0 is of a packet that the network card still had to cut (TSO).
    end = min(len(data), at + total) if total else len(data)
    body = data[at + head : end]
    return _ports(
        Packet(device, data[at + 12 : at + 16], data[at + 16 : at + 20], data[at + 9]), body
    )


def _version6(data: bytes, at: int, device: bytes) -> Packet | None:
    if len(data) < at + 40 or data[at] >> 4 != 6:
        return None
    kind, length = data[at + 6], _number(data, at + 4, 2)
    end = min(len(data), at + 40 + length) if length else len(data)
    whole = Packet(device, data[at + 8 : at + 24], data[at + 24 : at + 40], 0)
    at += 40
    for _ in range(_MOST_EXTENSIONS):
        if kind == _FRAGMENT:
            if _number(data, at + 2, 2) & 0xFFF8:
                return None
            size = 8
        elif kind in _EXTENSIONS:
            size = 8 + _number(data, at + 1, 1) * 8
        else:
            break
        if at + size > end:
            return None
        kind, at = data[at], at + size
    made = Packet(whole.device, whole.source, whole.target, kind)
    return _ports(made, data[at:end])


def _ports(packet: Packet, body: bytes) -> Packet | None:
    """Return the packet with what TCP or UDP say."""
    if packet.protocol not in (TCP, UDP):
        return Packet(packet.device, packet.source, packet.target, packet.protocol, payload=body)
    if len(body) < 8:
        return None
    flags = sequence = 0
    start = 8
    if packet.protocol == TCP:
        if len(body) < 20:
            return None
        start = (body[12] >> 4) * 4
        flags, sequence = body[13], _number(body, 4, 4)
        if start < 20:
            return None
    return Packet(
        packet.device,
        packet.source,
        packet.target,
        packet.protocol,
        _number(body, 0, 2),
        _number(body, 2, 2),
        flags,
        sequence,
        body[start:],
    )


def _number(data: bytes, at: int, size: int) -> int:
    """Return a number in network order; what is not there reads as 0."""
    return int.from_bytes(data[at : at + size], "big")
