"""Bounded labels: whatever the sources say, the number of time series has a limit known here."""

from collections.abc import Iterable, Sequence

from filterd.metrics.names import OTHER, PARTS, RCODES, STEPS, Label, Metric

_SPELLING = {"step": STEPS, "rcode": RCODES, "part": PARTS}
_LONGEST = 100


class Bounds:
    """Admits label values: the listed ones, or the first `most` of a configured label. It keeps
    what it admitted, so the bound holds over the life of the process.
    """

    def __init__(self) -> None:
        self._seen: dict[str, set[str]] = {}

    def admit(self, label: Label, value: str) -> str:
        """Return `value` in its public spelling, or "other"."""
        value = _SPELLING.get(label.name, {}).get(value, value)
        if label.values:
            return value if value in label.values else OTHER
        seen = self._seen.setdefault(label.name, set())
        if value not in seen:
            if len(seen) >= label.most or len(value) > _LONGEST:
                return OTHER
            seen.add(value)
        return value

    def fold(
        self, metric: Metric, samples: Iterable[tuple[Sequence[str], float]]
    ) -> dict[tuple[str, ...], float]:
        """Admit every sample's label values and add up those that became the same."""
        folded: dict[tuple[str, ...], float] = {}
        for values, number in samples:
            key = tuple(
                self.admit(label, value) for label, value in zip(metric.labels, values, strict=True)
            )
            folded[key] = folded.get(key, 0.0) + number
        return folded
