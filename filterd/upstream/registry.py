"""Which transports there are. A new one is a file, its test and a line in TRANSPORTS."""

from collections.abc import Callable
from dataclasses import dataclass

from filterd.upstream.base import Means, Transport
from filterd.upstream.counts import Counts
from filterd.upstream.dot import dot_transport
from filterd.upstream.server import Server
from filterd.upstream.tcp import tcp_transport
from filterd.upstream.udp import UdpTransport


@dataclass(frozen=True, slots=True)
class Entry:
    """A scheme and what makes its transport."""

    scheme: str
    title: str
    make: Callable[[Server, Means, Counts], Transport]


def _udp(server: Server, means: Means, counts: Counts) -> Transport:
    tcp = tcp_transport(server.host, server.port, means, counts)
    return UdpTransport(server.host, server.port, means, counts, tcp)


def _tcp(server: Server, means: Means, counts: Counts) -> Transport:
    return tcp_transport(server.host, server.port, means, counts)


def _https(server: Server, means: Means, counts: Counts) -> Transport:
    from filterd.upstream.doh import doh_transport  # noqa: PLC0415  loads HTTP/2, for who uses it

    return doh_transport(server, means, counts)


TRANSPORTS = (
    Entry("udp", "DNS over UDP, over TCP where an answer does not fit", _udp),
    Entry("tcp", "DNS over TCP", _tcp),
    Entry("tls", "DNS over TLS", dot_transport),
    Entry("https", "DNS over HTTPS (HTTP/2)", _https),
)


def make_transport(server: Server, means: Means, counts: Counts) -> Transport:
    """Return a new transport to `server`; nothing is connected yet."""
    for entry in TRANSPORTS:
        if entry.scheme == server.scheme:
            return entry.make(server, means, counts)
    raise ValueError(f"no transport for {server.scheme}://")
