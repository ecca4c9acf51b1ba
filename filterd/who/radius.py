"""RADIUS accounting (RFC 2866): requests in, what they say and the response out. Sans-io.

A request is believed only if its authenticator shows that the sender has the secret; what is not
believed gets no response (section 3). Access points and switches tell us of it who logged in, with
which device, and the addresses they saw.
"""

import hashlib
import hmac
import ipaddress
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from enum import IntEnum

from filterd.model.errors import FilterdError
from filterd.who.sighting import read_label, read_mac, read_network

MOST_BYTES = 4095  # RFC 2866 section 3
MOST_ADDRESSES = 16
_REQUEST, _RESPONSE = 4, 5
_HEAD = struct.Struct("!BBH16s")
_NO_AUTHENTICATOR = bytes(16)
_NOT_ASSIGNED = frozenset({b"\xff\xff\xff\xff", b"\xff\xff\xff\xfe", bytes(4)})  # RFC 2865 5.8


class BadPacket(FilterdError):
    """No accounting request that is to be believed; the message says why, and nobody's name."""


class Status(IntEnum):
    """Acct-Status-Type (section 5.1), those that matter here."""

    START = 1
    STOP = 2
    INTERIM = 3
    ON = 7
    OFF = 8
    OTHER = 0


@dataclass(frozen=True, slots=True)
class Accounting:
    """What a request says. `session` is the NAS's own name of the session; `addresses` are
    addresses and networks; `at` is the Event-Timestamp, unix seconds, None: not said. `nas` is what
    the NAS says of itself, attribute by attribute: a RADIUS server sends for many.
    """

    status: Status
    session: bytes
    user: str = ""
    mac: str = ""
    classes: tuple[str, ...] = ()
    addresses: tuple[str, ...] = ()
    at: int | None = None
    delay: int = 0
    nas: frozenset[tuple[int, bytes]] = frozenset()


class Attribute(IntEnum):
    """Types of attributes: RFC 2865, 2866, 2869, 3162, 4818, 6911."""

    USER_NAME = 1
    NAS_IP_ADDRESS = 4
    FRAMED_IP_ADDRESS = 8
    CLASS = 25
    CALLING_STATION_ID = 31
    NAS_IDENTIFIER = 32
    PROXY_STATE = 33
    ACCT_STATUS_TYPE = 40
    ACCT_DELAY_TIME = 41
    ACCT_SESSION_ID = 44
    EVENT_TIMESTAMP = 55
    NAS_IPV6_ADDRESS = 95
    FRAMED_IPV6_PREFIX = 97
    DELEGATED_IPV6_PREFIX = 123
    FRAMED_IPV6_ADDRESS = 168


# RFC 2866 section 4.1: a request has the first or the last; RFC 3162 section 2.1.
_OF_THE_NAS = (Attribute.NAS_IP_ADDRESS, Attribute.NAS_IPV6_ADDRESS, Attribute.NAS_IDENTIFIER)


def read_request(packet: bytes, secret: bytes) -> Accounting:
    """Return what an Accounting-Request says.

    Raises:
        BadPacket: it is none, is malformed, or its sender does not have `secret`.
    """
    if not _HEAD.size <= len(packet) <= MOST_BYTES:
        raise BadPacket(f"{len(packet)} octets are no packet of RADIUS")
    code, _, length, authenticator = _HEAD.unpack_from(packet)
    if code != _REQUEST:
        raise BadPacket(f"code {code} is no Accounting-Request; accounting alone is taken here")
    if not _HEAD.size <= length <= len(packet):
        raise BadPacket("the length does not fit the packet")
    packet = packet[:length]  # what follows is padding (RFC 2865 section 3)
    wanted = _digest(packet[:4] + _NO_AUTHENTICATOR + packet[_HEAD.size :] + secret)
    if not hmac.compare_digest(wanted, authenticator):
        raise BadPacket("wrong authenticator; compare the secret here and there")
    return _accounting(list(_attributes(packet[_HEAD.size :])))


def response_to(packet: bytes, secret: bytes) -> bytes:
    """Return the Accounting-Response to a request that `read_request` has taken."""
    _, number, length, authenticator = _HEAD.unpack_from(packet)
    states = b"".join(
        bytes((kind, len(value) + 2)) + value
        for kind, value in _attributes(packet[_HEAD.size : length])
        if kind == Attribute.PROXY_STATE
    )
    head = struct.pack("!BBH", _RESPONSE, number, _HEAD.size + len(states))
    return head + _digest(head + authenticator + states + secret) + states


def _digest(data: bytes) -> bytes:
    return hashlib.md5(data, usedforsecurity=False).digest()  # what RFC 2866 section 3 says


def _attributes(data: bytes) -> Iterator[tuple[int, bytes]]:
    at = 0
    while at < len(data):
        length = data[at + 1] if at + 1 < len(data) else 0
        if length < 2 or at + length > len(data):
            raise BadPacket("an attribute does not fit the packet")
        yield data[at], data[at + 2 : at + length]
        at += length


def _accounting(attributes: list[tuple[int, bytes]]) -> Accounting:
    last = dict(attributes)
    number = _integer(last.get(Attribute.ACCT_STATUS_TYPE, b""))
    if number is None:
        raise BadPacket("no Acct-Status-Type")
    status = Status(number) if number in set(Status) else Status.OTHER
    session = last.get(Attribute.ACCT_SESSION_ID, b"")
    if not session and status in {Status.START, Status.STOP, Status.INTERIM}:
        raise BadPacket("no Acct-Session-Id")
    classes = (_text(value) for kind, value in attributes if kind == Attribute.CLASS)
    addresses = dict.fromkeys(each for each in map(_address, attributes) if each)
    return Accounting(
        status=status,
        session=session,
        user=_text(last.get(Attribute.USER_NAME, b"")),
        mac=read_mac(_text(last.get(Attribute.CALLING_STATION_ID, b""))),
        classes=tuple(dict.fromkeys(each for each in classes if each)),
        addresses=tuple(addresses)[:MOST_ADDRESSES],
        at=_integer(last.get(Attribute.EVENT_TIMESTAMP, b"")),
        delay=_integer(last.get(Attribute.ACCT_DELAY_TIME, b"")) or 0,
        nas=frozenset((int(kind), last[kind]) for kind in _OF_THE_NAS if kind in last),
    )


def _address(attribute: tuple[int, bytes]) -> str:
    kind, value = attribute
    if kind == Attribute.FRAMED_IP_ADDRESS and len(value) == 4 and value not in _NOT_ASSIGNED:
        return str(ipaddress.IPv4Address(value))
    if kind == Attribute.FRAMED_IPV6_ADDRESS and len(value) == 16:
        return str(ipaddress.IPv6Address(value))
    prefixes = {Attribute.FRAMED_IPV6_PREFIX, Attribute.DELEGATED_IPV6_PREFIX}
    if kind in prefixes and 2 <= len(value) <= 18 and 0 < value[1] <= 128:
        whole = ipaddress.IPv6Address(value[2:].ljust(16, b"\0"))
        return read_network(f"{whole}/{value[1]}")
    return ""


def _integer(value: bytes) -> int | None:
    return int.from_bytes(value, "big") if len(value) == 4 else None


def _text(value: bytes) -> str:
    """Return text, "" for octets that are none: a Class may be anything."""
    try:
        return read_label(value.decode())
    except UnicodeDecodeError:
        return ""
