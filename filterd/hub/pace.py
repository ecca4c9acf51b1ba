"""How fast something came to be: delays and how often each, as quantiles. Pure."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

SHOWN = (0.5, 0.95, 0.99)


@dataclass(frozen=True, slots=True)
class Pace:
    """`steps`: (delay in milliseconds, nodes, subscribers behind them), by rising delay, each delay
    once.
    """

    steps: tuple[tuple[int, int, int], ...] = ()

    @property
    def nodes(self) -> int:
        """How many nodes it tells of."""
        return sum(nodes for _, nodes, _ in self.steps)

    @property
    def subscribers(self) -> int:
        """How many subscribers they have."""
        return sum(subscribers for _, _, subscribers in self.steps)

    def quantile(self, share: float) -> int | None:
        """Return the delay within which `share` (0 to 1) of the nodes came; None without any."""
        return _reached([(delay, nodes) for delay, nodes, _ in self.steps], share)

    def weighted(self, share: float) -> int | None:
        """Return the delay within which `share` of the subscribers were covered."""
        return _reached([(delay, weight) for delay, _, weight in self.steps], share)

    def within(self, delay: int) -> int:
        """Return how many nodes came within `delay` milliseconds."""
        return sum(nodes for each, nodes, _ in self.steps if each <= delay)


def merged(paces: Iterable[Pace]) -> Pace:
    """Return all of them as one."""
    nodes: Counter[int] = Counter()
    subscribers: Counter[int] = Counter()
    for pace in paces:
        for delay, count, weight in pace.steps:
            nodes[delay] += count
            subscribers[delay] += weight
    return Pace(tuple((delay, nodes[delay], subscribers[delay]) for delay in sorted(nodes)))


def pace_json(pace: Pace) -> dict[str, int | None]:
    """Return the quantiles in milliseconds, plain and weighted by subscribers, for views."""
    plain = {f"p{share * 100:.0f}": pace.quantile(share) for share in SHOWN}
    heavy = {f"p{share * 100:.0f}_weighted": pace.weighted(share) for share in SHOWN}
    return {"nodes": pace.nodes, **plain, **heavy}


def _reached(steps: Sequence[tuple[int, int]], share: float) -> int | None:
    """Return the nearest rank: a delay that was really seen, never one between two."""
    wanted = share * sum(count for _, count in steps)
    passed = 0
    for delay, count in steps:
        passed += count
        # Not to be fooled by how 0.95 * 20 is spelled in binary.
        if count and passed >= wanted - 1e-9:
            return delay
    return None
