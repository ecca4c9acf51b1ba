"""Capture files, a packet at a time: pcap and pcapng, as tcpdump, dumpcap and Wireshark write them.

draft-ietf-opsawg-pcap and draft-ietf-opsawg-pcapng. Whatever a file says, one packet at most is in
memory. Nothing else of a file is believed: a length that no packet can have ends the reading.
"""

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

from filterd.model.errors import FilterdError

MAX_PACKET = 262_144  # bytes; libpcap's own limit
MAX_INTERFACES = 1_000
_PIECE = 65_536
_PCAP = {0xA1B2C3D4: 1e-6, 0xA1B23C4D: 1e-9}  # magic -> seconds of a unit
_SECTION, _ORDER = 0x0A0D0D0A, 0x1A2B3C4D
_INTERFACE, _SIMPLE, _ENHANCED = 1, 3, 6
_OPTIONS_READ = 4_096  # bytes of an interface's options that are looked at
_TSRESOL = 9


class BadCapture(FilterdError):
    """Not a capture, or damaged; the message says what to do."""


class CutShort(BadCapture):
    """It ends in the middle of a packet, as one that was still being written does."""


@dataclass(frozen=True, slots=True)
class Captured:
    """A packet. `at`: Unix time; `link`: what it begins with, by the numbers of tcpdump.org."""

    at: float
    link: int
    data: bytes


@dataclass(frozen=True, slots=True)
class _Interface:
    link: int
    unit: float


def read_capture(stream: BinaryIO) -> Iterator[Captured]:
    """Yield the packets of a capture in the order in which they stand.

    Raises:
        BadCapture: it is none, or is damaged from here on. CutShort: it ends too early.
    """
    head = stream.read(4)
    for order in "<>":
        magic = struct.unpack(f"{order}I", head)[0] if len(head) == 4 else 0
        if magic in _PCAP:
            return _pcap(stream, order, _PCAP[magic])
    if head == struct.pack("<I", _SECTION):  # reads alike in both orders
        return _pcapng(stream)
    raise BadCapture("this is no capture; write one with `tcpdump -i br-lan -w FILE.pcap`")


def _pcap(stream: BinaryIO, order: str, unit: float) -> Iterator[Captured]:
    _, _, _, _, _, link = struct.unpack(f"{order}HHIIII", _exactly(stream, 20))
    header = struct.Struct(f"{order}IIII")
    while (said := stream.read(header.size)) != b"":
        if len(said) < header.size:
            raise CutShort("the capture ends in the middle of a packet")
        seconds, parts, length, _ = header.unpack(said)
        yield Captured(seconds + parts * unit, link & 0x0FFFFFFF, _packet(stream, length))


def _pcapng(stream: BinaryIO) -> Iterator[Captured]:
    order, interfaces = _section(stream), list[_Interface]()
    while (said := stream.read(8)) != b"":
        if len(said) < 8:
            raise CutShort("the capture ends in the middle of a packet")
        kind, length = struct.unpack(f"{order}II", said)
        if kind == _SECTION:
            order, interfaces = _section(stream, said[4:]), []
            continue
        if length < 12 or length % 4:
            raise BadCapture(f"a block of {length} bytes; the capture is damaged")
        left = length - 12
        if kind == _INTERFACE and left >= 8 and len(interfaces) < MAX_INTERFACES:
            body = _exactly(stream, min(left, 8 + _OPTIONS_READ))
            interfaces.append(_interface(body, order))
            left -= len(body)
        elif kind == _ENHANCED and left >= 20:
            number, high, low, size, _ = struct.unpack(f"{order}IIIII", _exactly(stream, 20))
            if number >= len(interfaces) or size > left - 20:
                raise BadCapture("a packet of no interface, or too long; the capture is damaged")
            one = interfaces[number]
            yield Captured((high << 32 | low) * one.unit, one.link, _packet(stream, size))
            left -= 20 + size
        elif kind == _SIMPLE and left >= 4 and interfaces:
            (size,) = struct.unpack(f"{order}I", _exactly(stream, 4))
            size = min(size, left - 4)
            yield Captured(0.0, interfaces[0].link, _packet(stream, size))
            left -= 4 + size
        _skip(stream, left + 4)  # what is left, and the length once more


def _section(stream: BinaryIO, length: bytes = b"") -> str:
    """Read the rest of a section's header; return the order of bytes in the section."""
    length = length or _exactly(stream, 4)
    magic = _exactly(stream, 4)
    order = next((o for o in "<>" if struct.unpack(f"{o}I", magic)[0] == _ORDER), None)
    if order is None:
        raise BadCapture("a section in no known order of bytes; the capture is damaged")
    (size,) = struct.unpack(f"{order}I", length)
    if size < 28 or size % 4:
        raise BadCapture(f"a section header of {size} bytes; the capture is damaged")
    _skip(stream, size - 12)
    return order


def _interface(body: bytes, order: str) -> _Interface:
    link, unit, at = struct.unpack(f"{order}H", body[:2])[0], 1e-6, 8
    while at + 4 <= len(body):
        code, size = struct.unpack(f"{order}HH", body[at : at + 4])
        if code == 0:
            break
        if code == _TSRESOL and size == 1 and at + 4 < len(body):
            said = body[at + 4]
            unit = 2.0 ** -(said & 0x7F) if said & 0x80 else 10.0**-said
        at += 4 + size + -size % 4
    return _Interface(link, unit)


def _packet(stream: BinaryIO, length: int) -> bytes:
    if length > MAX_PACKET:
        raise BadCapture(f"a packet of {length} bytes; the capture is damaged")
    return _exactly(stream, length)


def _exactly(stream: BinaryIO, length: int) -> bytes:
    data = stream.read(length)
    if len(data) < length:
        raise CutShort("the capture ends in the middle of a packet")
    return data


def _skip(stream: BinaryIO, length: int) -> None:
    while length > 0:
        length -= len(_exactly(stream, min(length, _PIECE)))
