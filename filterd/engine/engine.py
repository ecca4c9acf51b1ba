"""The engine as the rest of filterd sees it: core, misses and local answers behind one face.

`handle` is the core's own method, so a hit or a block is one call into Rust. A miss is parked in
the core (bounded, the same question once); misses are taken in batches, answered from local data
or handed upstream with a callback, and completed. There is no task per query.
"""

import asyncio
import json
import logging
import os
import socket
import sys
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from filterd.core import Engine as Core
from filterd.core import Proxies, Snapshot
from filterd.engine import health
from filterd.engine.local import Unfinished
from filterd.engine.routing import Routing
from filterd.model.clock import Clock

logger = logging.getLogger(__name__)

BATCH = 256
_SO_MEMINFO = 55  # socket(7); Python has no name for it. 32-bit numbers, the drops the ninth
_DROPS = 8
OTHER_ERROR = 0  # EDE, RFC 8914 section 4.1
_UNREADABLE = b""  # the core refuses and counts it like any answer that does not hold together
STALE_TICK = 0.1  # seconds between looks at misses that wait too long

Done = Callable[[bytes | None, int], None]


class Upstream(Protocol):
    """Whoever answers what the engine cannot: calls `done(answer, 0)` or `done(None, ede)` once."""

    def resolve(self, name: str, query: bytes, deadline: float, done: Done) -> None:
        """Ask; `deadline` in the loop's time."""
        ...


class Local(Protocol):
    """Answers of our own: local records and special names."""

    def answer(self, name: str, qtype: int, query: bytes) -> bytes | Unfinished | None:
        """Return a reply to `query`, or None for a name that is not ours."""
        ...


@dataclass(frozen=True, slots=True)
class EngineSettings:
    """Bounds and times; octets and seconds. The names are those of the core's settings."""

    cache_bytes: int = 64 << 20
    lanes: int = 1  # threads that will answer much
    max_misses: int = 10_000
    zone_rate: int = 5_000  # new questions a second about names under one domain
    ring: int = 65_536
    min_ttl: int = 0
    max_ttl: int = 86_400
    negative_ttl: int = 3_600
    stale_ttl: int = 86_400
    stale_answer_ttl: int = 30
    prefetch: float = 0.1
    udp_size: int = 1232
    record: str = "events"  # nothing, counts or events: the privacy level as the core knows it
    log_pass: bool = False

    def json(self) -> str:
        """Return the settings as the core reads them."""
        return json.dumps({name: getattr(self, name) for name in self.__dataclass_fields__})


@dataclass(frozen=True, slots=True)
class MissTimes:
    """Seconds: how long a miss may take, and when a stale answer is given instead (RFC 8767)."""

    deadline: float = 5.0
    stale_wait: float = 1.8


@dataclass(frozen=True, slots=True)
class Doors:
    """How the threads of the core do, "udp" (they answer) and "forward", and what went astray."""

    wanted: Mapping[str, int]
    running: Mapping[str, int]
    unsent: int  # replies that the system did not take
    lost: int  # datagrams that found a full socket and were dropped by the system


class Engine:
    """Answers queries. One per process; every door shares it."""

    def __init__(  # noqa: PLR0913 - what it is made of, once
        self,
        snapshot: Snapshot,
        settings: EngineSettings,
        upstream: Upstream,
        local: Local,
        *,
        clock: Clock,
        times: MissTimes = MissTimes(),
    ) -> None:
        self._core = Core(snapshot, settings.json())
        self.handle = self._core.handle
        self.snapshot = snapshot
        self._upstream = upstream
        self._local = local
        self._clock = clock
        self._times = times
        self._waiting: dict[int, Callable[[bytes], None]] = {}
        self._aging: deque[tuple[float, int]] = deque()
        self._in_flight: set[int] = set()
        self._draining = False
        self._ticker: asyncio.TimerHandle | None = None
        self._bell: asyncio.AbstractEventLoop | None = None
        self._wanted = {"udp": 0, "forward": 0}
        self._sockets: list[socket.socket] = []
        self.is_well: Callable[[], bool] = (
            bool  # what `health.NAME` says; not before somebody knows
        )

    def wait(self, token: int, reply: Callable[[bytes], None]) -> None:
        """Have `reply` called with the bytes for `token`; misses are taken once per loop turn."""
        self._waiting[token] = reply
        self._wake()

    def forget(self, token: int) -> None:
        """Drop a client that has gone."""
        if self._waiting.pop(token, None) is not None:
            self._core.forget(token)

    def open_doors(
        self,
        sockets: Sequence[socket.socket],
        cpus: Sequence[int],
        proxies: Proxies | None = None,
    ) -> None:
        """Have a thread of the core answer on each of these bound UDP sockets, which it
        duplicates. `proxies`: who says whose a datagram is. OSError: the system has no thread left.
        """
        self._core.open_doors([sock.fileno() for sock in sockets], list(cpus), proxies)
        self._wanted["udp"] = len(sockets)
        # Of our own, to ask what was dropped there; several threads may have one socket. Not by
        # `sock.dup()`, which makes the socket non-blocking again for the threads as well.
        own = [os.dup(sock.fileno()) for sock in dict.fromkeys(sockets)]
        self._sockets = [socket.socket(fileno=each) for each in own]
        self._listen()

    def forward(self, routing: Routing | None) -> None:
        """Have the core ask plain UDP servers by itself from now on, as `routing` says; None: no
        longer. After `open_doors`, if that is called at all. What was under way goes on here.
        OSError: the system has no thread left.
        """
        self._wanted["forward"] = int(routing is not None)
        if routing is None:
            self._core.stop_forwarding()
        else:
            self._core.start_forwarding(routing.forward, routing.kept)
            self._listen()

    def forwarding(self) -> dict[str, Any] | None:
        """Return the core's counts of the servers it asks; see `routing.merged`."""
        counts = self._core.forwarding()
        return None if counts is None else dict(json.loads(counts))

    def loses_case(self, server: int) -> None:
        """Have the core ask this one of its servers without random letter case for an hour."""
        self._core.loses_case(server)

    def _listen(self) -> None:
        if self._bell is None:
            self._bell = asyncio.get_running_loop()
            self._bell.add_reader(self._core.bell(), self._rung)

    def stop_workers(self) -> None:
        """End those threads; what they parked is still answered. Takes a tenth of a second."""
        self._wanted["udp"] = 0
        self._core.stop_workers()

    def doors(self) -> Doors:
        """Return how many threads should run and do, and what was lost on the way."""
        answering, forwarding, unsent = self._core.doors()
        return Doors(
            wanted=dict(self._wanted),
            running={"udp": answering, "forward": forwarding},
            unsent=unsent,
            lost=sum(map(_dropped, self._sockets)),
        )

    def welcomes(self, client: str) -> bool:
        """Say whether a connection from this address is taken; one that is not is counted."""
        return self._core.welcomes(client)

    def poke(self) -> None:
        """Take misses that nobody waits for (prefetch); call now and then."""
        self._wake()

    def set_guard(self, settings: str, secrets: Sequence[bytes]) -> None:
        """Put a guard in front of every query from now on; see `app/guarding.py`."""
        self._core.set_guard(settings, secrets)

    def set_gate(self, settings: str) -> None:
        """Open for strict groups what replies lead to, from now on; see `app/gating.py`."""
        self._core.set_gate(settings)

    def open_again(self) -> int:
        """Open it all again in a table that somebody has changed; return how many addresses. It
        may take a while: call it on a thread beside the loop.
        """
        return self._core.open_again(self._clock.steady())

    def swap(self, snapshot: Snapshot) -> None:
        """Put `snapshot` in force for the next query."""
        self._core.swap(snapshot)
        self.snapshot = snapshot

    def replace(self, upstream: Upstream, local: Local) -> None:
        """Use other upstreams and local records from now on; cached answers are dropped."""
        self._upstream = upstream
        self._local = local
        self._core.clear_cache()

    def events(self, most: int) -> list[tuple[Any, ...]]:
        """Return the oldest decision events, at most `most`."""
        return list(self._core.take_events(most))

    def gather_counts(self) -> int:
        """Bring together what threads have counted, and return how many rows that is by now."""
        return self._core.gather_counts()

    def counts(self) -> list[tuple[Any, ...]]:
        """Return the counts of decisions since the last call, where the settings keep counts."""
        return list(self._core.take_counts())

    def set_bands(self, key: bytes, sample: int = 0) -> None:
        """Count about how many clients there are, and sample one answer in `sample` (0: none).

        `key`: 16 random bytes that nothing else has; b"": neither. ValueError: another length.
        """
        self._core.set_bands(key, sample)

    def take_sample(self) -> list[tuple[str, int, bool]]:
        """Return sampled answers since the last call: name, the client's bit of 64 today, whether
        it was blocked. A bounded number: what nobody takes goes, the oldest first.
        """
        return self._core.take_sample()

    def stats(self) -> dict[str, Any]:
        """Return counters and gauges."""
        stats: dict[str, Any] = json.loads(self._core.stats())
        return stats

    def close(self) -> None:
        """Stop the ticker; what is in flight is given up."""
        if self._ticker is not None:
            self._ticker.cancel()
            self._ticker = None
        self._waiting.clear()
        if self._bell is not None:
            self._bell.remove_reader(self._core.bell())
            self._bell = None
        self._wanted = dict.fromkeys(self._wanted, 0)
        self._core.close_doors()
        for sock in self._sockets:
            sock.close()
        self._sockets = []

    @property
    def idle(self) -> bool:
        """Whether no query waits for an answer."""
        return not self._waiting and not self.stats()["misses"]["waiting"]

    def _rung(self) -> None:
        self._core.answer_bell()
        self._send(self._core.take_mail())
        self._drain()

    def _wake(self) -> None:
        if not self._draining:
            self._draining = True
            asyncio.get_running_loop().call_soon(self._drain)

    def _drain(self) -> None:
        self._draining = False
        loop = asyncio.get_running_loop()
        now = loop.time()
        while misses := self._core.take_misses(BATCH):
            for miss, query, name, qtype, _flags in misses:
                try:
                    self._resolve(miss, name, qtype, query, now)
                except Exception:  # whatever happens to one, none may be left without an end
                    logger.exception("a question could not be asked")
                    self._complete(miss, None, OTHER_ERROR)
        if self._aging and self._ticker is None:
            self._ticker = loop.call_later(STALE_TICK, self._tick)

    def _resolve(self, miss: int, name: str, qtype: int, query: bytes, now: float) -> None:
        if name == health.NAME:
            self._core.keep_nothing_of(miss)
            well = health.well(query, qtype) if self.is_well() else None
            self._complete(miss, well, health.NOT_READY)
            return
        own = self._local.answer(name, qtype, query)
        if isinstance(own, bytes):
            self._complete(miss, own, 0)
            return
        finish = None
        if own is not None:
            name, query, finish = own.target, own.query, own.finish
        self._in_flight.add(miss)
        self._aging.append((now + self._times.stale_wait, miss))
        done = self._done_with(miss, finish)
        self._upstream.resolve(name, query, now + self._times.deadline, done)

    def _done_with(self, miss: int, finish: Callable[[bytes], bytes] | None) -> Done:
        def done(answer: bytes | None, failure: int) -> None:
            self._in_flight.discard(miss)
            if answer is not None and finish is not None:
                try:
                    answer = finish(answer)
                except Exception as error:  # noqa: BLE001 - dnslib's kinds have no base in common
                    logger.debug("the end of a local CNAME chain: %s", error)
                    answer = _UNREADABLE
            self._complete(miss, answer, failure)

        return done

    def _complete(self, miss: int, answer: bytes | None, failure: int) -> None:
        self._send(
            self._core.complete(miss, answer, self._clock.unix(), self._clock.steady(), failure)
        )

    def _send(self, replies: list[tuple[int, bytes]]) -> None:
        for token, wire in replies:
            reply = self._waiting.pop(token, None)
            if reply is None:
                continue
            try:
                reply(wire)
            except (OSError, ValueError, RuntimeError) as error:
                # One client that cannot be reached; the others still wait for theirs.
                logger.debug("a reply that cannot be sent: %s", error)

    def _tick(self) -> None:
        """Give a stale answer where one is there and upstream is slow; the miss goes on."""
        self._ticker = None
        loop = asyncio.get_running_loop()
        now = loop.time()
        while self._aging and self._aging[0][0] <= now:
            _, miss = self._aging.popleft()
            if miss in self._in_flight:
                self._send(self._core.serve_stale(miss, self._clock.unix(), self._clock.steady()))
        self._wake()  # a rewrite's target may have become a new miss
        if self._aging:
            self._ticker = loop.call_later(STALE_TICK, self._tick)


def _dropped(sock: socket.socket) -> int:
    """Return how many datagrams the system has dropped at `sock`, where it says so."""
    try:
        numbers = sock.getsockopt(socket.SOL_SOCKET, _SO_MEMINFO, 4 * (_DROPS + 1))
    except OSError:
        return 0
    return int.from_bytes(numbers[4 * _DROPS :], sys.byteorder)
