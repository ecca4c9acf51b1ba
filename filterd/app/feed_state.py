"""What a node knows of its feed: whom it trusts, how far it is, what it enforces and refuses."""

from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from filterd.config.feed import FeedConfig
from filterd.feed.canary import canary_orders
from filterd.feed.follow import Position
from filterd.feed.judge import Judged, Judgement
from filterd.feed.manifest import Doubt, Finding, Manifest, compare
from filterd.feed.mirror import Mirror
from filterd.feed.outbox import Outbox
from filterd.feed.refusal import Fault
from filterd.feed.segment import Segment
from filterd.feed.stream import Stream
from filterd.feed.trust import Trust
from filterd.model.order import Order


@dataclass(slots=True)
class Feed:
    """What a node knows of its feed. `faults` counts refusals; `problem` is the one that lasts."""

    config: FeedConfig
    folder: Path
    trust: Trust | None = None
    mirror: Mirror | None = None
    judged: Judgement = field(default_factory=dict)
    segments: tuple[Segment, ...] = ()  # the newest
    faults: Counter[Fault] = field(default_factory=Counter)
    problem: str | None = None
    manifests: tuple[Manifest, ...] = ()  # what authorities say of themselves
    doubts: tuple[Doubt, ...] = ()  # what is wrong with the others'
    findings: tuple[Finding, ...] = ()  # where they and the log do not agree
    confronted: tuple[Position, tuple[Manifest, ...]] | None = None  # what was held together
    looked_at: float = 0.0  # at the trust root, in unix seconds
    enforced: Position | None = None  # whose orders are in force
    receipt: dict[str, object] | None = None  # the newest, as it is sent
    proved: int = 0  # segments that it speaks of
    outbox: Outbox | None = None  # where receipts wait for the hub, if there is one
    stream: Stream = field(default_factory=Stream)

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
            "refused": {fault.value: self.faults[fault] for fault in Fault},
            "problem": float(self.problem is not None),
            "manifests": len(self.manifests),
            "doubted": len(self.doubts),
            "omitted": sum(each.fault is Fault.OMITTED for each in self.findings),
            "uncounted": sum(each.fault is Fault.UNCOUNTED for each in self.findings),
        }

    def status(self) -> dict[str, object]:
        """Return what `filterd feed status` tells."""
        refused = (each for each in self.judged.values() if each.fault is not None)
        return {
            "segments": 0 if self.mirror is None else self.mirror.position.edge.size,
            "time": 0 if self.mirror is None else self.mirror.position.time,
            "orders": dict(Counter(map(_state, self.judged.values()))),
            "refused_orders": [
                {"order": "/".join(each.entry.name), "why": each.why} for each in refused
            ],
            "faults": {fault.value: count for fault, count in self.faults.items()},
            "problem": self.problem,
            "alarms": [*(d.why for d in self.doubts), *(f.why for f in self.findings)],
            "receipt": self.receipt,
        }

    def hear(self, manifests: tuple[Manifest, ...], doubts: tuple[Doubt, ...]) -> tuple[Doubt, ...]:
        """Take what authorities say of themselves; return the doubts that are new."""
        new = tuple(each for each in doubts if each not in self.doubts)
        self.manifests, self.doubts = manifests, doubts
        self.faults.update(each.fault for each in new)
        return new

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
        """Return what is to be enforced: warranted orders, and canaries."""
        own = tuple(each.entry.order for each in self.judged.values() if each.enforced)
        domain = "" if self.trust is None else self.trust.policy.canaries
        return (*canary_orders(self.segments, domain), *own)


def _state(judged: Judged) -> str:
    if judged.fault is not None:
        return "refused"
    return "ended" if judged.ended else "enforced"
