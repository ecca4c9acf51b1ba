"""What a node knows of its feed: whom it trusts, how far it is, what it enforces and refuses."""

import itertools
from collections import Counter, deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from filterd.app.scales import Guard
from filterd.config.feed import FeedConfig
from filterd.feed.base import Base
from filterd.feed.canary import KEPT, Ends, canary_orders
from filterd.feed.follow import AHEAD, Position
from filterd.feed.guard import LEAST_SAMPLED, Withheld
from filterd.feed.hint import Hints
from filterd.feed.judge import Judged, Judgement
from filterd.feed.ledger import Digest
from filterd.feed.manifest import Doubt, Finding, Manifest, compare
from filterd.feed.mirror import Mirror
from filterd.feed.outbox import Outbox
from filterd.feed.receipt import KINDS, MOST_CHECKS, Check
from filterd.feed.refusal import Fault
from filterd.feed.rollout import staged
from filterd.feed.segment import Segment
from filterd.feed.stream import State, Stream
from filterd.feed.trust import Trust
from filterd.model.order import Order
from filterd.policy.order_base import OrderBase

MOST_TOLD = 100  # orders that wait, in a status


@dataclass(slots=True)
class Feed:
    """What a node knows of its feed. `faults` counts refusals; `problem` is the one that lasts."""

    config: FeedConfig
    folder: Path
    trust: Trust | None = None
    mirror: Mirror | None = None
    base: Base | None = None
    judged: Judgement = field(default_factory=dict)
    segments: tuple[Segment, ...] = ()  # the newest
    faults: Counter[Fault] = field(default_factory=Counter)
    problem: str | None = None
    manifests: tuple[Manifest, ...] = ()  # what authorities say of themselves
    doubts: tuple[Doubt, ...] = ()  # what is wrong with the others'
    findings: tuple[Finding, ...] = ()  # where they and the log do not agree
    confronted: tuple[Position, tuple[Manifest, ...]] | None = None  # what was held together
    looked_at: float = 0.0  # at the trust root, in unix seconds
    hints: Hints = field(default_factory=Hints)  # that it is another
    received_at: int = 0  # the newest segments, in unix milliseconds
    enforced: Position | None = None  # whose orders are in force
    receipt: dict[str, object] | None = None  # the newest, as it is sent
    proved: int = 0  # segments that it speaks of
    stream: Stream = field(default_factory=Stream)
    guard: Guard | None = None
    node: str = ""  # this node's id; it draws the lot in staged roll-outs
    begun: dict[int, int] = field(default_factory=dict)  # canaries that came late, see `Ends`
    checks: deque[Check] = field(default_factory=lambda: deque(maxlen=MOST_CHECKS))
    failed: Counter[str] = field(default_factory=Counter)  # checks that were not good, by kind
    turn: int | None = None  # when the next order of the base begins, in unix seconds
    skew: int = 0  # seconds that this clock is ahead of that of the feed's server
    doubt: bool = False  # something was refused that a newer trust root might explain
    media: dict[str, str] = field(default_factory=dict)  # sets that are missing, and why
    outbox: Outbox | None = None  # where receipts wait for the hub, if there is one

    def age(self, now: float) -> float | None:
        """Seconds since the newest checkpoint that was taken; None: there is none."""
        if self.mirror is None or self.mirror.position.time == 0:
            return None
        return max(0.0, now - self.mirror.position.time)

    def numbers(self, now: float) -> dict[str, object]:
        """Return what metrics tell of it."""
        states = Counter(_state(each) for each in self.judged.values())
        age = self.age(now)
        return {
            **({} if age is None else {"age": age}),
            "segments": 0 if self.mirror is None else self.mirror.position.edge.size,
            "orders": {state: states[state] for state in ("enforced", "refused", "ended")},
            "held": len(self.withheld),
            "waiting": len(self.waiting(now)),
            "stream": float(self.stream.state is State.LIVE),
            "pushed": self.stream.events,
            "checks": {kind: self.failed[kind] for kind in sorted({*KINDS, "canary"})},
            "refused": {fault.value: self.faults[fault] for fault in Fault},
            "skew": self.skew,
            "problem": float(self.problem is not None),
            "manifests": len(self.manifests),
            "doubted": len(self.doubts),
            "omitted": sum(each.fault is Fault.OMITTED for each in self.findings),
            "uncounted": sum(each.fault is Fault.UNCOUNTED for each in self.findings),
        }

    def status(self, now: float) -> dict[str, object]:
        """Return what `filterd feed status` tells."""
        refused = (each for each in self.judged.values() if each.fault is not None)
        waiting = self.waiting(now)
        standing = (each.entry.order for each in self.judged.values() if each.enforced)
        return {
            "segments": 0 if self.mirror is None else self.mirror.position.edge.size,
            "time": 0 if self.mirror is None else self.mirror.position.time,
            "orders": dict(Counter(map(_state, self.judged.values()))),
            "refused_orders": [
                {"order": "/".join(each.entry.name), "why": each.why} for each in refused
            ],
            "held_orders": [
                {"order": "/".join(self.judged[key].entry.name), "why": why.why}
                for key, why in self.withheld.items()
            ],
            "waiting_orders": [
                {"order": "/".join(self.judged[key].entry.name), "begins": begins}
                for key, begins in itertools.islice(waiting.items(), MOST_TOLD)
            ],
            "next_end": min((each.not_after for each in standing), default=None),
            "guard": {
                "most": self.config.guard,
                "sampled": 0 if self.guard is None else self.guard.sampled,
                "needed": LEAST_SAMPLED,
            },
            "stream": {"state": self.stream.state.value, "why": self.stream.why},
            "pushed": self.stream.events,
            "failed_checks": dict(self.failed),
            "faults": {fault.value: count for fault, count in self.faults.items()},
            "skew": self.skew,
            "problem": self.problem,
            "alarms": [*(d.why for d in self.doubts), *(f.why for f in self.findings)],
            "receipt": self.receipt,
            **self._further(),
        }

    def _further(self) -> dict[str, object]:
        """Return what the trust root says for the HTTP filter."""
        trust = self.trust
        never = None if trust is None else trust.never
        core = None if never is None else {"version": never.version, "names": len(never.names)}
        sets = () if trust is None else trust.media
        return {
            "never_decrypt": core,
            "media": [
                {"id": each.id, "epoch": each.epoch, "missing": self.media.get(each.id)}
                for each in sets
            ],
        }

    @property
    def withheld(self) -> Mapping[Digest, Withheld]:
        """Orders that the guard holds back, each with why."""
        return {} if self.guard is None else self.guard.weighed.withheld

    @property
    def ends(self) -> Ends:
        """When canaries end here."""
        return Ends(3600 if self.trust is None else self.trust.policy.canary_life, self.begun)

    def hear(self, manifests: tuple[Manifest, ...], doubts: tuple[Doubt, ...]) -> tuple[Doubt, ...]:
        """Take what authorities say of themselves; return the doubts that are new."""
        new = tuple(each for each in doubts if each not in self.doubts)
        self.manifests, self.doubts = manifests, doubts
        self.faults.update(each.fault for each in new)
        return new

    def hear_time(self, theirs: int, now: float) -> bool:
        """Take what time it is at the feed's server; say whether this clock has become one to look
        at. It is told and not trusted: nothing is decided by it.
        """
        before, self.skew = self.skew, round(now - theirs)
        return abs(self.skew) > AHEAD >= abs(before)

    def confront(self, position: Position) -> tuple[Finding, ...]:
        """Hold the log up to `position` against the manifests; return the findings that are new."""
        held = self.confronted
        if held is not None and held[0] is position and held[1] is self.manifests:
            return ()
        self.confronted = position, self.manifests
        found = tuple(
            finding
            for each in self.manifests
            if each.size <= position.edge.size
            for finding in compare(each, position.ledger, position.time, self.judged.values())
        )
        new = tuple(each for each in found if each not in self.findings)
        self.findings = found
        self.faults.update(each.fault for each in new)
        return new

    def orders(self) -> tuple[Order, ...]:
        """Return what is to be enforced over the base: warranted orders, each from its turn on, and
        canaries.
        """
        if self.trust is None:
            return ()
        policy, withheld = self.trust.policy, self.withheld
        own = tuple(
            staged(each.entry, self.node, policy.rollout)
            for key, each in self.judged.items()
            if each.enforced and not each.entry.held and key not in withheld
        )
        return (*canary_orders(self.segments, policy.canaries, self.ends), *own)

    def is_turn(self, now: float) -> bool:
        """Say whether an order of the base has waited until its turn came; others begin by
        themselves.
        """
        return self.turn is not None and self.turn <= now

    def take_segments(self, segments: Iterable[Segment]) -> None:
        """Keep the newest of the log, each once."""
        known = {each.number: each for each in (*self.segments, *segments)}
        self.segments = tuple(known[number] for number in sorted(known))[-KEPT:]

    def waiting(self, moment: float) -> dict[Digest, int]:
        """Return the orders that wait for their turn in a staged roll-out at `moment`, and when it
        comes, in unix seconds.
        """
        rollout = 0 if self.trust is None else self.trust.policy.rollout
        recent = (
            (key, staged(each.entry, self.node, rollout).not_before)
            for key, each in self.judged.items()
            if each.enforced and each.entry.at + rollout > moment and key not in self.withheld
        )
        return {key: begins for key, begins in recent if begins > moment}

    def held(self, moment: float) -> tuple[int, ...]:
        """Return the segments with an order that is warranted and not in force at `moment`."""
        keys = (*self.withheld, *self.waiting(moment))
        return tuple(sorted({self.judged[key].entry.segment for key in keys}))

    def has_begun(self, size: int, moment: float) -> bool:
        """Say whether anything that was logged after the first `size` segments is in force at
        `moment`, or if it need not be.
        """
        waiting = self.waiting(moment)
        segments = {self.judged[key].entry.segment for key in waiting}
        whole = 0 if self.enforced is None else self.enforced.edge.size
        return any(number not in segments for number in range(size, whole)) or any(
            each.enforced and each.entry.segment >= size and key not in waiting
            for key, each in self.judged.items()
        )

    def rules(self, moment: float) -> OrderBase | None:
        """Return the base as it is to be enforced at `moment`; None: there is none. What is held
        back, and what waits for its turn, is switched off in it.
        """
        if self.base is None:
            return None
        waiting = self.waiting(moment)
        turns = (begins for key, begins in waiting.items() if self.judged[key].entry.held)
        self.turn = min(turns, default=None)
        off = {*self.withheld, *waiting}
        judged = {key: each for key, each in self.judged.items() if key not in off}
        return self.base.rules(judged if off else self.judged)


def _state(judged: Judged) -> str:
    if judged.fault is not None:
        return "refused"
    return "ended" if judged.ended else "enforced"
