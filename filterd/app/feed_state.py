"""What a node knows of its feed: whom it trusts, how far it is, what it enforces and refuses."""

from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from filterd.config.feed import FeedConfig
from filterd.feed.base import Base
from filterd.feed.canary import canary_orders
from filterd.feed.follow import Position
from filterd.feed.judge import Judged, Judgement
from filterd.feed.mirror import Mirror
from filterd.feed.refusal import Fault
from filterd.feed.segment import Segment
from filterd.feed.trust import Trust
from filterd.model.order import Order
from filterd.policy.order_base import OrderBase


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
    looked_at: float = 0.0  # at the trust root, in unix seconds
    enforced: Position | None = None  # whose orders are in force
    receipt: dict[str, object] | None = None  # the newest, as it is sent
    proved: int = 0  # segments that it speaks of

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
            "receipt": self.receipt,
        }

    def orders(self) -> tuple[Order, ...]:
        """Return what is to be enforced over the base: warranted orders, and canaries."""
        own = tuple(
            each.entry.order
            for each in self.judged.values()
            if each.enforced and not each.entry.held
        )
        domain = "" if self.trust is None else self.trust.policy.canaries
        return (*canary_orders(self.segments, domain), *own)

    def rules(self) -> OrderBase | None:
        """Return the base as it is to be enforced; None: there is none."""
        return None if self.base is None else self.base.rules(self.judged)


def _state(judged: Judged) -> str:
    if judged.fault is not None:
        return "refused"
    return "ended" if judged.ended else "enforced"
