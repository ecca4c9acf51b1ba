"""First packets of tunnels, told by their shape. Pure.

WireGuard: the protocol page of wireguard.com (a handshake initiation has 148 bytes and begins
with 1, 0, 0, 0). OpenVPN: the protocol's description, a hard reset of a client (opcode 7 or 10 in
the upper five bits, key 0). IKE: RFC 7296 section 3.1, RFC 2408 section 3.1, on port 4500 behind
four zeros (RFC 3948 section 2.2). PPTP: RFC 2637 section 2.1; its tunnel is GRE version 1. L2TP:
RFC 2661 section 3.1 (control, first message SCCRQ).
"""

from filterd.bypass.signals import Signal
from filterd.bypass.wire import AH, ESP, GRE, TCP, UDP, Packet

TOR_PORTS = frozenset({9001, 9030, 9050, 9150})
_RESETS = frozenset({7 << 3, 10 << 3})
_IKE_FIRST = frozenset({2, 4, 34})  # main mode, aggressive mode, IKE_SA_INIT


def signal_of_shape(packet: Packet) -> Signal | None:
    """Return what the first packet of a flow says by itself, or None."""
    body = packet.payload
    if packet.protocol in (ESP, AH):
        return Signal.IPSEC
    if packet.protocol == GRE:
        return Signal.VPN if body[1:4] == b"\x01\x88\x0b" or body[1:4] == b"\x81\x88\x0b" else None
    if packet.protocol == UDP:
        if _wireguard(body) or _openvpn(body) or _l2tp(packet.to_port, body):
            return Signal.VPN
        return Signal.IPSEC if _ike(packet.to_port, body) else None
    if packet.protocol == TCP:
        framed = int.from_bytes(body[:2], "big") == len(body) - 2
        pptp = packet.to_port == 1723 and body[2:8] == b"\x00\x01\x1a\x2b\x3c\x4d"
        return Signal.VPN if pptp or (framed and _openvpn(body[2:])) else None
    return None


def _wireguard(body: bytes) -> bool:
    return len(body) == 148 and body[:4] == b"\x01\x00\x00\x00"


def _openvpn(body: bytes) -> bool:
    """A reset of a client: opcode, its session (8 bytes), no acknowledgements, packet 0 of the
    session. tls-auth puts an HMAC, a number and a time in between (20 bytes of HMAC or more),
    tls-crypt a number, a time and an HMAC, and what follows is encrypted.
    """
    if len(body) < 14 or body[0] not in _RESETS or not any(body[1:9]):
        return False
    if body[9:13] == b"\x00\x00\x00\x01":
        return len(body) >= 54
    return (len(body) == 14 or 42 <= len(body) <= 128) and body[-5:] == bytes(5)


def _ike(port: int, body: bytes) -> bool:
    if port == 4500:
        if body[:4] != bytes(4):
            return False
        body = body[4:]
    elif port != 500:
        return False
    if len(body) < 28 or not any(body[:8]) or any(body[8:16]):
        return False  # the responder has no cookie yet
    length = int.from_bytes(body[24:28], "big")
    return body[17] in (0x10, 0x20) and body[18] in _IKE_FIRST and length == len(body)


def _l2tp(port: int, body: bytes) -> bool:
    if port != 1701 or len(body) < 20:
        return False
    control = body[0] & 0xC8 == 0xC8 and body[1] & 0x0F == 2  # type, length, sequence; version 2
    return control and body[14:20] == b"\x00\x00\x00\x00\x00\x01"
