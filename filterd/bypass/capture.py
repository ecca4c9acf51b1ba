"""Packets to facts: who began what, which names were asked for, what was answered, which name a TLS
connection shows. Sans-io, and bounded whatever the packets say: what is too much is forgotten, the
oldest first.
"""

from collections import OrderedDict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cached_property

from filterd.bypass.dissect import Unwrap
from filterd.bypass.dnsread import read_message
from filterd.bypass.pcap import Captured
from filterd.bypass.wire import ACK, LINKS, SYN, TCP, UDP, Packet, read_frame
from filterd.model.hello import BadHello, ClientHello, HelloReader

MOST_FLOWS, MOST_STREAMS = 65_536, 1_024
MOST_HELLO = 32_768  # bytes of a stream that are waited for
AGAIN = 5.0  # seconds after which the same datagrams are another attempt
DNS = 53
Flow = tuple[bytes, int, bytes, int, int]  # from, port, to, port, protocol


@dataclass(frozen=True, slots=True)
class Began:
    """A client began a connection, or sent the first datagram of one. `first`: what it says."""

    at: float
    flow: Flow
    device: bytes
    first: Packet


@dataclass(frozen=True, slots=True)
class Spoke:
    """The first bytes of a TCP connection that began earlier."""

    at: float
    flow: Flow
    device: bytes
    first: Packet


@dataclass(frozen=True, slots=True)
class Greeted:
    """A TCP connection began with this ClientHello."""

    at: float
    flow: Flow
    device: bytes
    hello: ClientHello


@dataclass(frozen=True, slots=True)
class Asked:
    """A client asked a resolver for a name."""

    at: float
    flow: Flow
    device: bytes
    name: str


@dataclass(frozen=True, slots=True)
class Answered:
    """A resolver answered with names and addresses."""

    at: float
    names: tuple[str, ...]
    addresses: tuple[bytes, ...]


Fact = Began | Spoke | Greeted | Asked | Answered


@dataclass(slots=True)
class _Stream:
    """A TCP connection whose hello is not whole. `next`: the number of the next byte."""

    next: int
    seen: int = 0
    hello: HelloReader = field(default_factory=HelloReader)


class FactReader:
    """Reads facts from packets in the order of the capture. `other` counts what is no IP packet,
    `foreign` frames of links that only `unwrap` would read, where there is none.
    """

    def __init__(self, unwrapper: Callable[[], Unwrap | None] = lambda: None) -> None:
        self.other = self.foreign = 0
        self._unwrapper = unwrapper
        self._flows: OrderedDict[Flow, float] = OrderedDict()  # when it was told last
        self._streams: OrderedDict[Flow, _Stream] = OrderedDict()

    def read(self, captured: Captured) -> Iterator[Fact]:
        """Yield what one packet says."""
        packet = self._packet(captured)
        if packet is None:
            return
        flow = _flow(packet)
        if packet.protocol == TCP:
            yield from self._tcp(captured.at, flow, packet)
        elif packet.protocol == UDP and packet.from_port == DNS:
            yield from _dns(captured.at, flow, packet, packet.payload)
        else:
            if self._is_new(flow, captured.at, again=AGAIN):
                yield Began(captured.at, flow, packet.device, packet)
            if packet.protocol == UDP and packet.to_port == DNS:
                yield from _dns(captured.at, flow, packet, packet.payload)

    def _packet(self, captured: Captured) -> Packet | None:
        """Return what a frame carries, and count the frame if that cannot be read."""
        frame: Captured | None = captured
        if captured.link not in LINKS:
            unwrap = self._unwrap
            if unwrap is None:
                self.foreign += 1
                return None
            frame = unwrap(captured)
        packet = None if frame is None else read_frame(frame.link, frame.data)
        self.other += packet is None
        return packet

    @cached_property
    def _unwrap(self) -> Unwrap | None:
        return self._unwrapper()

    def _tcp(self, at: float, flow: Flow, packet: Packet) -> Iterator[Fact]:
        if packet.flags & (SYN | ACK) == SYN:
            if self._is_new(flow, at, again=float("inf")):
                yield Began(at, flow, packet.device, packet)
            self._streams[flow] = _Stream((packet.sequence + 1) % 2**32)
            if len(self._streams) > MOST_STREAMS:
                self._streams.popitem(last=False)
            return
        if DNS in (packet.from_port, packet.to_port):
            # RFC 1035 section 4.2.2: a length of two bytes, nearly always in the same segment.
            yield from _dns(at, flow, packet, packet.payload[2:])
            return
        stream = self._streams.get(flow)
        if stream is None or not packet.payload or packet.sequence != stream.next:
            return
        if not stream.seen:
            yield Spoke(at, flow, packet.device, packet)
        stream.seen += len(packet.payload)
        stream.next = (stream.next + len(packet.payload)) % 2**32
        try:
            hello = stream.hello.feed(packet.payload)
        except BadHello:
            del self._streams[flow]  # something else than TLS is spoken
            return
        if hello is not None:
            yield Greeted(at, flow, packet.device, hello)
        if hello is not None or stream.seen > MOST_HELLO:
            del self._streams[flow]

    def _is_new(self, flow: Flow, at: float, again: float) -> bool:
        """Say whether a flow is told: it, or its other direction, was not, or a while ago."""
        back = (*flow[2:4], *flow[:2], flow[4])
        if back in self._flows:
            self._flows.move_to_end(back)
            return False
        told = self._flows.pop(flow, None)
        new = told is None or not told <= at < told + again
        self._flows[flow] = at if new or told is None else told
        if len(self._flows) > MOST_FLOWS:
            self._flows.popitem(last=False)
        return new


def _flow(packet: Packet) -> Flow:
    return (packet.source, packet.from_port, packet.target, packet.to_port, packet.protocol)


def _dns(at: float, flow: Flow, packet: Packet, data: bytes) -> Iterator[Fact]:
    message = read_message(data)
    if message is None:
        return
    if message.answer and packet.from_port == DNS:
        yield Answered(at, message.names, message.addresses)
    elif not message.answer and packet.to_port == DNS:
        yield Asked(at, flow, packet.device, message.name)
