"""`listen`: the doors for DNS and what one client may take of them."""

from typing import Annotated

from pydantic import Field

from filterd.config.addresses import Listen, ListenAddress
from filterd.config.section import Section
from filterd.config.types import Duration, Network

_LOOPBACK = (ListenAddress("127.0.0.1", 5300), ListenAddress("::1", 5300))


class TcpConfig(Section):
    """Limits of TCP connections (RFC 7766 section 6.2)."""

    idle_timeout: Duration = 10.0
    """How long a connection may be silent before it is closed."""
    max_connections: int = Field(default=1000, ge=1, le=1_000_000)
    """Connections at one time; one more is refused until one has ended."""
    max_per_client: int = Field(default=50, ge=1, le=100_000)
    """Connections at one time from one client: an IPv4 address, or the /64 of an IPv6 address."""


class ListenConfig(Section):
    """Where queries come in."""

    udp: tuple[Listen, ...] = _LOOPBACK
    """Addresses and ports for DNS over UDP. Port 53 needs the right to bind it."""
    tcp: tuple[Listen, ...] = _LOOPBACK
    """Addresses and ports for DNS over TCP; keep them the same as for UDP."""
    workers: int = Field(default=1, ge=0, le=256)
    """Threads that answer UDP on each address; one for each processor that has nothing else to do.
    0: no threads, Python answers, which costs several times as much."""
    pin: tuple[Annotated[int, Field(ge=0, le=4095)], ...] = ()
    """Processors, by number, that the threads stay on, in turn; left out: any."""
    proxies: tuple[Network, ...] = ()
    """Addresses of proxies such as dnsdist, which must say in front of every message whose it is
    (PROXY protocol, version 2). Nobody else is believed. They are answered themselves, too."""
    drain: Annotated[Duration, Field(le=60)] = 0.0
    """How long filterd still answers after it was told to stop, while health.filterd.internal fails
    and whoever spreads clients over several nodes sends them elsewhere; at most 60s."""
    tcp_limits: TcpConfig = TcpConfig()
    """Limits of TCP connections."""
