"""What a node knows of its firewall between two looks; `gating.py` looks."""

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field

Failures = Mapping[str, int]


@dataclass(slots=True)
class Gatehouse:
    """What was seen of the firewall. `packets`: by group and rule; `table`: the kernel's number of
    it; `problem`: why it could not be looked at; `problems`: the same in words for metrics, 0 or 1,
    without those that nobody knows of.
    """

    packets: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    table: int | None = None
    problem: str | None = None
    problems: Mapping[str, int] = field(default_factory=dict)
    failures: deque[Failures] = field(default_factory=lambda: deque(maxlen=2))  # of the last looks
    told_at: float | None = None
