"""The face of the upstream floor: a question in, exactly one call of `done` out.

Zone -> forwarder -> servers, with a gate in front. Everything here runs on one event loop and
returns at once.
"""

import asyncio
import logging
import random
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from filterd.model.errors import ConfigError
from filterd.upstream.base import ABSENT, Fault, Means, Outcome
from filterd.upstream.bootstrap import Bootstrap
from filterd.upstream.counts import Counts
from filterd.upstream.forwarder import Forwarder, Upstream
from filterd.upstream.gate import Gate
from filterd.upstream.message import QueryError, question_end
from filterd.upstream.registry import make_transport
from filterd.upstream.server import Server, ServerSyntaxError, parse_server
from filterd.upstream.strategy import Strategy
from filterd.upstream.zones import Zones

logger = logging.getLogger(__name__)

NO_REACHABLE_AUTHORITY = 22  # RFC 8914 section 4.23
NETWORK_ERROR = 23  # RFC 8914 section 4.24

Answered = Callable[[bytes | None, int], None]


@dataclass(frozen=True, slots=True)
class Settings:
    """What the configuration says. Servers are written as `server.py` describes; `zones` are
    (zone, servers); `bootstrap` servers are addresses; `ca_file` None trusts the system's CAs.
    """

    servers: tuple[str, ...]
    strategy: str = Strategy.FASTEST.value
    zones: tuple[tuple[str, tuple[str, ...]], ...] = ()
    bootstrap: tuple[str, ...] = ()
    max_in_flight: int = 4096
    ca_file: str | None = None


class Resolver:
    """Resolves what the cache does not have.

    Raises:
        ConfigError: with every fault of the settings.
    """

    def __init__(
        self,
        settings: Settings,
        loop: asyncio.AbstractEventLoop,
        rng: random.Random | None = None,
    ) -> None:
        self._loop = loop
        self._gate = Gate(settings.max_in_flight)
        servers, zones, bootstrap = _checked(settings)
        plain = Means(loop, rng if rng is not None else random.SystemRandom())
        self._bootstrap = Bootstrap(bootstrap, plain)
        means = Means(loop, plain.rng, self._bootstrap, settings.ca_file)
        self._upstreams: dict[Server, Upstream] = {}
        strategy = Strategy(settings.strategy)
        self._zones = Zones(
            Forwarder(self._made(servers, means), strategy, loop),
            {z: Forwarder(self._made(s, means), strategy, loop) for z, s in zones.items()},
        )

    def _made(self, servers: tuple[Server, ...], means: Means) -> list[Upstream]:
        """One Upstream per server, however many zones name it."""
        made = []
        for server in servers:
            if server not in self._upstreams:
                counts = Counts()
                transport = make_transport(server, means, counts)
                self._upstreams[server] = Upstream(server.label, transport, counts)
            made.append(self._upstreams[server])
        return made

    def resolve(self, name: str, query: bytes, deadline: float, done: Answered) -> None:
        """Ask for `name` (normalised) with `query` (id 0) until `deadline` (loop time).

        `done(answer, 0)` or `done(None, EDE code)` is called exactly once, later, on the loop.
        """
        try:
            question_end(query)
        except QueryError as error:
            logger.warning("not asked: %s", error)
            self._loop.call_soon(done, None, NETWORK_ERROR)
            return
        if not self._gate.enter():
            self._loop.call_soon(done, None, NETWORK_ERROR)
            return
        self._zones.find(name).ask(query, deadline, partial(self._settle, done))

    def _settle(self, done: Answered, outcome: Outcome) -> None:
        self._gate.leave()
        if isinstance(outcome, Fault):
            done(None, NO_REACHABLE_AUTHORITY if outcome in ABSENT else NETWORK_ERROR)
        else:
            done(outcome, 0)

    def stats(self) -> dict[str, object]:
        """Return the gate's numbers and, per server, its counters and health."""
        return {
            "in_flight": self._gate.inside,
            "in_flight_peak": self._gate.peak,
            "overload": self._gate.turned_away,
            "servers": {
                upstream.name: {
                    **upstream.counts.report(),
                    "up": upstream.health.up,
                    "rtt_average": upstream.health.rtt,
                }
                for upstream in self._upstreams.values()
            },
        }

    def close(self) -> None:
        """Close every socket. Open questions end with a failure."""
        for forwarder in self._zones.values():
            forwarder.close()
        self._bootstrap.close()


def _checked(
    settings: Settings,
) -> tuple[tuple[Server, ...], dict[str, tuple[Server, ...]], tuple[Server, ...]]:
    """Return servers, servers by zone, bootstrap servers; ConfigError with every fault."""
    problems: list[str] = []

    def parsed(place: str, texts: tuple[str, ...]) -> tuple[Server, ...]:
        good = []
        for text in texts:
            try:
                good.append(parse_server(text))
            except ServerSyntaxError as error:
                problems.append(f"{place}: {error}")
        if not texts:
            problems.append(f"{place}: at least one server is needed")
        return tuple(dict.fromkeys(good))

    servers = parsed("servers", settings.servers)
    zones = {zone: parsed(f"zones.{zone}", texts) for zone, texts in settings.zones}
    bootstrap = parsed("bootstrap", settings.bootstrap) if settings.bootstrap else ()
    problems.extend(
        f"bootstrap: {server.label} must be udp:// or tcp:// with an address"
        for server in bootstrap
        if server.scheme not in {"udp", "tcp"}
    )
    named = {
        s.label for s in (*servers, *(s for z in zones.values() for s in z)) if not s.is_address
    }
    if named and not bootstrap:
        problems.append(
            f"bootstrap: {', '.join(sorted(named))} are names, so bootstrap needs the address of a"
            " server that resolves them"
        )
    if settings.strategy not in tuple(Strategy):
        problems.append(
            f"strategy: {settings.strategy!r} is none of {', '.join(s.value for s in Strategy)}"
        )
    if problems:
        raise ConfigError(tuple(problems))
    return servers, zones, bootstrap
