"""What is known of the connections of a worker, and what was told of each. No mitmproxy in here."""

import logging
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

from filterd.bypass.names import signal_of_hello, signal_of_rule
from filterd.bypass.signals import Signal
from filterd.http.daemon import Events
from filterd.http.exchange import Exchange
from filterd.http.words import Act, Verdict, Why
from filterd.model.clock import Clock
from filterd.model.verdict import Kind

logger = logging.getLogger(__name__)
_TOLD = 32  # different outcomes of one connection that become events


@dataclass(slots=True)
class Standing:
    """What is known of one client connection. `verdict`: the last, None before the first.
    `refused`: by our own DNS, when a way was looked for.
    """

    client: str
    tunnel: str | None = None
    sni: str | None = None
    ech: bool = False  # the extension is there, which may be GREASE
    verdict: Verdict | None = None
    refused: Verdict | None = None
    told: set[tuple[str, Act]] = field(default_factory=set)


@dataclass(frozen=True, slots=True)
class Most:
    """How many connections there may be, of one client and of all. A classroom may be behind one
    address; each takes two descriptors of a worker.
    """

    each: int = 1000
    all: int = 8000


class Standings:
    """All of them, by the identity of the connection."""

    def __init__(
        self, events: Events, exchange: Exchange, clock: Clock, most: Most | None = None
    ) -> None:
        self._events = events
        self.exchange = exchange
        self._clock = clock
        self._most = most or Most()
        self._known: dict[str, Standing] = {}
        self._each: Counter[str] = Counter()  # connections of a client

    def begin(self, connection: str, address: str) -> bool:
        """Begin a connection; False: there are too many, and it has to end."""
        client = plain(address)
        if self._each[client] >= self._most.each or len(self._known) >= self._most.all:
            self.exchange.count("connections.reset.too-many")
            return False
        self._each[client] += 1
        self._known[connection] = Standing(client)
        return True

    def of(self, connection: str, address: str) -> Standing:
        """Return what is known of a connection from `address`: of one that did not begin, nothing,
        and it stays so.
        """
        return self._known.get(connection) or Standing(plain(address))

    def end(self, connection: str) -> None:
        """Forget a connection."""
        standing = self._known.pop(connection, None)
        if standing is not None:
            self._each[standing.client] -= 1
            if not self._each[standing.client]:
                del self._each[standing.client]

    def settle(self, standing: Standing, closed: Act, decide: Callable[[], Verdict]) -> Verdict:
        """Have something decided. mitmproxy goes on after a fault of an add-on; nothing may go on
        that was not decided, so a fault of ours is a block.
        """
        try:
            verdict = decide()
        except Exception:
            logger.exception("not decided, so not let through")
            verdict = Verdict(closed, Why.NO_RULES, "")
        standing.verdict = verdict
        return verdict

    def tried(self, verdict: Verdict, signal: Signal | None) -> None:
        """Count a sign of going round the filter, by the group of a verdict's client."""
        if signal is not None and verdict.reason is not None:
            self.exchange.tried(signal.value, verdict.reason.group)

    def tell(self, standing: Standing, verdict: Verdict) -> None:
        """Make an event of an outcome, once a connection."""
        key = (verdict.host, verdict.act)
        if key in standing.told or len(standing.told) >= _TOLD:
            return
        standing.told.add(key)
        reason = verdict.reason
        self._events.add(
            {
                "at": self._clock.unix(),
                "client": standing.client,
                "host": verdict.host,
                "act": verdict.act.value,
                "why": verdict.why.value,
                "kind": reason.kind.value if reason else None,
                "step": reason.step.value if reason else None,
                "list": reason.list if reason else None,
                "category": reason.category if reason else None,
                "rule": reason.rule if reason else None,
                "group": reason.group if reason else None,
            }
        )


def signal_of(standing: Standing, verdict: Verdict) -> Signal | None:
    """Return what the hello of a connection, and a block of its name, say of going round us."""
    if standing.sni is None:
        return None
    reason = verdict.reason
    found = signal_of_hello(standing.sni, ech=standing.ech)
    if found is not None or reason is None or reason.kind is not Kind.BLOCK:
        return found
    return signal_of_rule(standing.sni, reason.list, reason.category)


def plain(address: str) -> str:
    """An IPv4 address that a socket of both families shows as `::ffff:`, without that."""
    return address.removeprefix("::ffff:") if "." in address else address.partition("%")[0]
