"""`upstream`: who answers what is not blocked and not cached."""

from typing import Literal

from pydantic import Field

from filterd.config.addresses import Upstream
from filterd.config.section import Section
from filterd.config.types import DomainName, Duration, FilePath


class UpstreamConfig(Section):
    """The resolvers that filterd asks."""

    servers: tuple[Upstream, ...] = ()
    """Resolvers: 192.0.2.1, tcp://, tls://192.0.2.1#dns.example, https://dns.example/dns-query;
    left out: those this machine uses itself (/etc/resolv.conf)."""
    strategy: Literal["fastest", "strict", "parallel"] = "fastest"
    """fastest: the one that answered best of late; strict: in this order; parallel: ask two, take
    the first answer."""
    timeout: Duration = 5.0
    """How long one question may take, with every server and every repetition."""
    max_waiting: int = Field(default=10_000, ge=1, le=1_000_000)
    """Questions that may wait for an answer at one time; more are answered SERVFAIL at once."""
    zone_rate: int = Field(default=5_000, ge=0, le=1_000_000)
    """New questions a second about names under one domain; more are answered SERVFAIL, or from an
    old answer, so that a flood of made-up names leaves the servers to others; 0: no bound."""
    ca_file: FilePath | None = None
    """Certificates (PEM) that tls:// and https:// servers must lead to, relative to this file;
    left out: the system's."""
    bootstrap: tuple[Upstream, ...] = ()
    """Servers, written by address, that resolve the names of other servers; left out: those this
    machine uses itself."""
    zones: dict[DomainName, tuple[Upstream, ...]] = Field(default_factory=dict)
    """Zones that have servers of their own, such as the school's domain."""
