"""Several servers and a strategy: one question becomes a race that ends with the first good answer.

The next server is asked when the last one failed, or when it has kept us waiting longer than it
usually does; the first stays in the race, so a late answer is still an answer. FORMERR, SERVFAIL,
NOTIMP and REFUSED count as "ask the next one"; if no server does better the SERVFAIL is passed on,
with whatever reason it carries. When all have failed and time is left, the race is run again.
"""

import asyncio
import logging
from collections.abc import Sequence
from functools import partial

from filterd.upstream.base import ABSENT, Cancel, Done, Fault, Outcome, Transport
from filterd.upstream.counts import Counts
from filterd.upstream.health import Health
from filterd.upstream.message import rcode
from filterd.upstream.strategy import Strategy, plan

logger = logging.getLogger(__name__)

SERVFAIL = 2
REFUSED = 5
UNHELPFUL = frozenset({1, SERVFAIL, 4, REFUSED})
ROUNDS = 3
GRACE = 1.0  # seconds left to the others once one has said SERVFAIL and all are asked
QUIET = 10.0  # seconds between two lines of the log about one server
PAUSE = 0.2  # seconds before the second round; doubles


class Upstream:
    """One server as it runs: the way to it, how it is doing, what was counted."""

    __slots__ = ("_told_at", "counts", "health", "name", "transport")

    def __init__(self, name: str, transport: Transport, counts: Counts) -> None:
        self.name = name
        self.transport = transport
        self.counts = counts
        self.health = Health()
        self._told_at = -QUIET

    def learn(self, outcome: Outcome, rtt: float, now: float) -> bool:
        """Keep what an outcome says about the server; True if the answer is a good one."""
        if isinstance(outcome, Fault):
            if outcome is Fault.TIMEOUT and rtt < self.health.patience:
                self.counts.failures[outcome] += 1  # it had less time than it usually takes
            else:
                self.missed(outcome, now)
            return False
        code = rcode(outcome)
        if code == REFUSED:  # one that refuses us refuses all we ask
            self.missed(Fault.RCODE, now)
            return False
        self.counts.answered(rtt)
        if self.health.succeeded(rtt):
            self._tell(logging.INFO, "answers again", now)
        if code in UNHELPFUL:
            self.counts.failures[Fault.RCODE] += 1
            return False
        return True

    def missed(self, fault: Fault, now: float) -> None:
        """Keep that no answer came."""
        self.counts.failures[fault] += 1
        if self.health.failed(now):
            self._tell(logging.WARNING, f"does not answer ({fault.value})", now)

    def _tell(self, level: int, what: str, now: float) -> None:
        """Log a change, but not every one of a server that comes and goes: names made up to time
        out must not fill the disk. The metrics know each.
        """
        if now - self._told_at >= QUIET:
            self._told_at = now
            logger.log(level, "upstream %s %s", self.name, what)


class Forwarder:
    """Asks some of `upstreams` by `strategy`."""

    def __init__(
        self,
        upstreams: Sequence[Upstream],
        strategy: Strategy,
        loop: asyncio.AbstractEventLoop,
    ) -> None:
        self.upstreams = tuple(upstreams)
        self.strategy = strategy
        self.loop = loop
        self._healths = tuple(upstream.health for upstream in self.upstreams)
        self._turn = 0
        self.closed = False

    def ask(self, query: bytes, deadline: float, done: Done) -> Cancel:
        """Like Transport.ask."""
        race = _Race(self, query, deadline, done)
        self._turn += 1
        now = self.loop.time()
        chosen = plan(self.strategy, self._healths, self._turn, now)
        race.start(tuple(self.upstreams[i] for i in chosen.order))
        for i in chosen.beside:
            self._probe(self.upstreams[i], query, deadline, now)
        return race.cancel

    def close(self) -> None:
        """Close the transports; races end with what they have, without another round."""
        self.closed = True
        for upstream in self.upstreams:
            upstream.transport.close()

    def _probe(self, upstream: Upstream, query: bytes, deadline: float, now: float) -> None:
        upstream.health.probing = True

        def heard(outcome: Outcome) -> None:
            then = self.loop.time()
            upstream.health.probing = False
            upstream.learn(outcome, then - now, then)

        upstream.counts.queries += 1
        upstream.transport.ask(query, deadline, heard)


class _Race:
    """One question and the servers asked so far."""

    __slots__ = (
        "_deadline",
        "_done",
        "_faults",
        "_forwarder",
        "_loop",
        "_next",
        "_open",
        "_order",
        "_query",
        "_remembered",
        "_rounds",
        "_timer",
    )

    def __init__(self, forwarder: Forwarder, query: bytes, deadline: float, done: Done) -> None:
        self._forwarder = forwarder
        self._loop = forwarder.loop
        self._query = query
        self._deadline = deadline
        self._done: Done | None = done
        self._order: tuple[Upstream, ...] = ()
        self._next = 0
        self._open: dict[Upstream, tuple[float, Cancel]] = {}
        self._timer: asyncio.Handle | None = None
        self._remembered: bytes | None = None
        self._faults: list[Fault] = []
        self._rounds = 0

    def start(self, order: tuple[Upstream, ...]) -> None:
        """Ask the first server, or all of them when parallel."""
        self._order = order
        self._next = 0
        self._rounds += 1
        if not self._ask_next():  # the deadline has passed
            self._timer = self._loop.call_soon(self._give_up)
        elif self._forwarder.strategy is Strategy.PARALLEL:
            while self._ask_next():
                pass

    def cancel(self) -> None:
        """Withdraw the question everywhere. Whoever was slower than usual gets a mark for it."""
        self._done = None
        if self._timer is not None:
            self._timer.cancel()
        if not self._open:
            return
        now = self._loop.time()
        for upstream, (asked_at, cancel) in self._open.items():
            cancel()
            if now - asked_at > upstream.health.patience:
                upstream.missed(Fault.TIMEOUT, now)
        self._open.clear()

    def _ask_next(self) -> bool:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        now = self._loop.time()
        if self._next >= len(self._order) or now >= self._deadline:
            return False
        upstream = self._order[self._next]
        self._next += 1
        upstream.counts.queries += 1
        cancel = upstream.transport.ask(
            self._query, self._deadline, partial(self._heard, upstream, now)
        )
        self._open[upstream] = (now, cancel)
        if self._next < len(self._order):
            self._timer = self._loop.call_at(now + upstream.health.patience, self._ask_next)
        return True

    def _heard(self, upstream: Upstream, asked_at: float, outcome: Outcome) -> None:
        now = self._loop.time()
        self._open.pop(upstream, None)
        good = upstream.learn(outcome, now - asked_at, now)
        if self._done is None:
            return
        if good:
            self._finish(outcome)
            return
        if isinstance(outcome, Fault):
            self._faults.append(outcome)
        else:
            self._faults.append(Fault.RCODE)
            if rcode(outcome) == SERVFAIL:
                self._remembered = outcome
        if not self._ask_next() and not self._open:
            self._again_or_give_up(now)
        elif self._remembered is not None and self._timer is None:
            # All are asked: nobody should wait for a dead server to hear SERVFAIL.
            self._timer = self._loop.call_later(GRACE, self._give_up)

    def _again_or_give_up(self, now: float) -> None:
        pause = PAUSE * 2 ** (self._rounds - 1)
        if (
            self._remembered is None
            and not self._forwarder.closed
            and self._rounds < ROUNDS
            and now + 2 * pause < self._deadline
            and ABSENT.issuperset(self._faults)
        ):
            self._timer = self._loop.call_later(pause, self.start, self._order)
        else:
            self._give_up()

    def _give_up(self) -> None:
        if self._remembered is not None:
            self._finish(self._remembered)
            return
        worse = [fault for fault in self._faults if fault not in ABSENT]
        self._finish((worse or self._faults or [Fault.TIMEOUT])[-1])

    def _finish(self, outcome: Outcome) -> None:
        done = self._done
        self.cancel()
        if done is not None:
            done(outcome)
