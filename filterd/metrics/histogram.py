"""One Prometheus histogram from cumulative buckets that servers report.

What stands at the metric's path for each server: `buckets`, a list of (upper bound as text or
number, answers at or below it), the last bound "+Inf"; and `sum`, seconds in all.
"""

from collections.abc import Iterator, Mapping

from prometheus_client.core import HistogramMetricFamily

from filterd.metrics.labels import Bounds
from filterd.metrics.names import Metric

Buckets = dict[float, float]  # upper bound in seconds -> answers at or below it


def histogram(metric: Metric, stats: Mapping[str, object], bounds: Bounds) -> HistogramMetricFamily:
    """Return the family; servers that share the label value "other" are added up."""
    (label,) = metric.labels
    family = HistogramMetricFamily(metric.name, metric.help, labels=[label.name], unit=metric.unit)
    summed: dict[str, tuple[Buckets, float]] = {}
    for name, buckets, seconds in _servers(stats, metric.path):
        value = bounds.admit(label, name)
        before, spent = summed.get(value, ({}, 0.0))
        summed[value] = _add(before, buckets), spent + seconds
    for value, (buckets, seconds) in summed.items():
        rows = [("+Inf" if le == float("inf") else str(le), n) for le, n in sorted(buckets.items())]
        family.add_metric([value], rows, seconds)
    return family


def _servers(
    stats: Mapping[str, object], path: tuple[str, ...]
) -> Iterator[tuple[str, Buckets, float]]:
    """Yield (server, buckets, seconds) where `path` is (place, "*", field)."""
    place, _, field = path
    servers = stats.get(place)
    for name, state in servers.items() if isinstance(servers, Mapping) else ():
        told = state.get(field) if isinstance(state, Mapping) else None
        if isinstance(told, Mapping):
            buckets = {float(le): float(n) for le, n in told["buckets"]}
            if float("inf") in buckets:
                yield str(name), buckets, float(told["sum"])


def _add(one: Buckets, other: Buckets) -> Buckets:
    """Add up cumulative buckets; where the bounds differ, the next lower one counts."""
    return {le: _at_most(one, le) + _at_most(other, le) for le in one.keys() | other.keys()}


def _at_most(buckets: Buckets, bound: float) -> float:
    return max((n for le, n in buckets.items() if le <= bound), default=0.0)
