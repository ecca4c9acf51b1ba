"""The Prometheus collector: asks the sources at each scrape and says what the table allows.

A source that fails or says nonsense costs its own metrics and sets `filterd_source_up` to 0; the
scrape goes on. Nothing is kept between scrapes but the admitted label values.
"""

import logging
from collections.abc import Callable, Iterable, Iterator, Mapping

from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
)
from prometheus_client.core import (
    Metric as Family,
)
from prometheus_client.registry import Collector

from filterd.metrics.labels import Bounds
from filterd.metrics.names import METRICS, Metric, Source, Type
from filterd.metrics.sources import ServerState, Sources

logger = logging.getLogger(__name__)

Samples = list[tuple[tuple[str, ...], float]]
Numbers = dict[tuple[str, ...], Samples]  # by the path of a metric


class FilterdCollector(Collector):
    """Register it with a `prometheus_client.CollectorRegistry`."""

    def __init__(self, sources: Sources) -> None:
        self._sources = sources
        self._bounds = Bounds()
        self._down: set[Source] = set()

    def collect(self) -> Iterator[Family]:
        """Yield every metric that has numbers now, in the order of the table."""
        asked: dict[Source, Callable[[], Numbers]] = {
            Source.ENGINE: self._engine,
            Source.HITS: self._hits,
            Source.LISTS: self._lists,
            Source.REPORT: self._report,
            Source.NODE: self._node,
        }
        numbers = {source: self._ask(source, ask) for source, ask in asked.items()}
        servers: list[ServerState] = []
        numbers[Source.UPSTREAM] = self._ask(Source.UPSTREAM, lambda: self._upstream(servers))
        self._engine_drops(numbers)
        numbers[Source.SCRAPE] = {
            ("up",): [
                ((source.value,), float(source not in self._down))
                for source in (*asked, Source.UPSTREAM)
            ]
        }
        for metric in METRICS:
            if metric.type is Type.HISTOGRAM:
                yield self._histogram(metric, servers)
            else:
                yield self._family(metric, numbers[metric.source].get(metric.path, []))

    def _ask(self, source: Source, ask: Callable[[], Numbers]) -> Numbers:
        try:
            numbers = ask()
        except Exception as error:  # noqa: BLE001 -- whatever fails, the others are still counted
            if source not in self._down:
                logger.warning("metrics: %s gave no numbers: %s", source.value, error)
            self._down.add(source)
            return {}
        self._down.discard(source)
        return numbers

    def _engine(self) -> Numbers:
        stats = self._sources.engine()
        numbers = {
            metric.path: list(_leaves(_at(stats, metric.path), len(metric.labels)))
            for metric in METRICS
            if metric.source is Source.ENGINE
        }
        numbers["events_dropped",] = list(_leaves(stats.get("events_dropped"), 0))
        return numbers

    @staticmethod
    def _engine_drops(numbers: dict[Source, Numbers]) -> None:
        """Events are lost in two places; the metric is one."""
        drops = numbers[Source.REPORT].setdefault(("dropped",), [])
        for _, number in numbers[Source.ENGINE].get(("events_dropped",), []):
            drops.append((("ring",), number))

    def _hits(self) -> Numbers:
        lists: Samples = []
        categories: Samples = []
        for name, category, decisions in self._sources.hits():
            if name is not None:
                lists.append(((name,), decisions))
            if category is not None:
                categories.append(((category,), decisions))
        return {("list",): lists, ("category",): categories}

    def _upstream(self, servers: list[ServerState]) -> Numbers:
        servers.extend(self._sources.upstream())
        return {
            ("queries",): [((server.name,), server.queries) for server in servers],
            ("spoofed",): [((server.name,), server.spoofed) for server in servers],
            ("failures",): [
                ((server.name, reason), number)
                for server in servers
                for reason, number in server.failures.items()
            ],
        }

    def _lists(self) -> Numbers:
        states = list(self._sources.lists())
        now = self._sources.now()
        return {
            ("rules",): [((state.name,), state.rules) for state in states],
            ("refused",): [
                ((state.name, code), number)
                for state in states
                for code, number in state.refused.items()
            ],
            ("fetched_at",): [
                ((state.name,), max(0.0, now - state.fetched_at))
                for state in states
                if state.fetched_at is not None
            ],
            ("problem",): [((state.name,), float(bool(state.problem))) for state in states],
        }

    def _report(self) -> Numbers:
        state = self._sources.report()
        return {
            ("dropped",): [(("store",), state.dropped)],
            ("written",): [((), state.written)],
            ("waiting",): [((), state.waiting)],
            ("problem",): [((), float(bool(state.problem)))],
        }

    def _node(self) -> Numbers:
        state = self._sources.node()
        since = state.rules_since
        age: Samples = [] if since is None else [((), max(0.0, self._sources.now() - since))]
        return {
            ("rules_since",): age,
            ("filtering",): [((group,), float(on)) for group, on in state.filtering.items()],
            ("ready",): [((), float(state.ready))],
            ("started",): [((), state.started)],
            ("version",): [((state.version,), 1.0)],
        }

    def _family(self, metric: Metric, samples: Samples) -> Family:
        kind = CounterMetricFamily if metric.type is Type.COUNTER else GaugeMetricFamily
        names = [label.name for label in metric.labels]
        family = kind(metric.name, metric.help, labels=names, unit=metric.unit)
        folded = self._bounds.fold(metric, samples)
        if metric.source is Source.ENGINE and len(metric.labels) == 1:
            # A door nobody used is 0, not absent: rates and alarms need a beginning.
            folded = {(value,): 0.0 for value in metric.labels[0].values} | folded
        for values, number in folded.items():
            family.add_metric(values, number)
        return family

    def _histogram(self, metric: Metric, servers: Iterable[ServerState]) -> Family:
        family = HistogramMetricFamily(
            metric.name,
            metric.help,
            labels=[label.name for label in metric.labels],
            unit=metric.unit,
        )
        (label,) = metric.labels
        for name, same in _by_label(servers, lambda name: self._bounds.admit(label, name)):
            bounds = sorted({bound for server in same for bound, _ in server.latency})
            buckets = [
                (str(float(bound)), float(sum(_at_most(server, bound) for server in same)))
                for bound in bounds
            ]
            buckets.append(("+Inf", float(sum(server.answers for server in same))))
            family.add_metric([name], buckets, sum(server.seconds for server in same))
        return family


def _at(stats: Mapping[str, object], path: tuple[str, ...]) -> object:
    value: object = stats
    for key in path:
        value = value.get(key) if isinstance(value, Mapping) else None
    return value


def _leaves(value: object, depth: int) -> Iterator[tuple[tuple[str, ...], float]]:
    """Yield the numbers `depth` keys below `value`, with the keys."""
    if depth and isinstance(value, Mapping):
        for key, below in value.items():
            for keys, number in _leaves(below, depth - 1):
                yield (str(key), *keys), number
    elif not depth and isinstance(value, int | float):
        yield (), float(value)


def _by_label(
    servers: Iterable[ServerState], admit: Callable[[str], str]
) -> Iterable[tuple[str, list[ServerState]]]:
    groups: dict[str, list[ServerState]] = {}
    for server in servers:
        groups.setdefault(admit(server.name), []).append(server)
    return groups.items()


def _at_most(server: ServerState, bound: float) -> int:
    """Answers of `server` within `bound` seconds, as far as its own buckets say."""
    return max((number for limit, number in server.latency if limit <= bound), default=0)
