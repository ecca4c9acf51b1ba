"""The Prometheus collector: asks the sources at each scrape and says what the table allows.

A source that fails or says nonsense costs its own metrics and sets `filterd_source_up` to 0; the
scrape goes on. Nothing is kept between scrapes but the admitted label values.
"""

import logging
from collections.abc import Callable, Iterator, Mapping

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.core import Metric as Family
from prometheus_client.registry import Collector

from filterd.metrics.histogram import histogram
from filterd.metrics.labels import Bounds
from filterd.metrics.names import METRICS, Metric, Source, Type
from filterd.metrics.sources import Sources
from filterd.metrics.walk import walk

logger = logging.getLogger(__name__)

Samples = list[tuple[tuple[str, ...], float]]
Numbers = dict[tuple[str, ...], Samples]  # by the path of a metric
_RING = ("events_dropped",)


class FilterdCollector(Collector):
    """Register it with a `prometheus_client.CollectorRegistry`."""

    def __init__(self, sources: Sources) -> None:
        self._sources = sources
        self._bounds = Bounds()
        self._down: set[Source] = set()

    def collect(self) -> Iterator[Family]:
        """Yield every metric that has numbers now, in the order of the table."""
        histograms: list[Family] = []
        asked: dict[Source, Callable[[], Numbers]] = {
            Source.ENGINE: self._engine,
            Source.DOORS: lambda: _walked(Source.DOORS, self._sources.doors()),
            Source.UPSTREAM: lambda: self._upstream(histograms),
            Source.HITS: self._hits,
            Source.GROUPS: self._groups,
            Source.LISTS: self._lists,
            Source.REPORT: self._report,
            Source.NODE: self._node,
            Source.FEED: lambda: _walked(Source.FEED, self._sources.feed()),
            Source.HUB: lambda: _walked(Source.HUB, self._sources.hub()),
            Source.WHO: lambda: _walked(Source.WHO, self._sources.who()),
            Source.BYPASS: lambda: _walked(Source.BYPASS, self._sources.bypass()),
            Source.GATEWAY: lambda: _walked(Source.GATEWAY, self._sources.gateway()),
        }
        if self._sources.http is not None:
            http = self._sources.http
            asked[Source.HTTP] = lambda: _walked(Source.HTTP, http())
        numbers = {source: self._ask(source, ask) for source, ask in asked.items()}
        # Events are lost in two places; the metric is one.
        drops = numbers[Source.ENGINE].get(_RING, [])
        numbers[Source.REPORT].setdefault(("dropped",), []).extend(drops)
        up: Samples = [((source.value,), float(source not in self._down)) for source in numbers]
        numbers[Source.SCRAPE] = {("up",): up}
        for metric in METRICS:
            if metric.type is not Type.HISTOGRAM and metric.source in numbers:
                yield self._family(metric, numbers[metric.source].get(metric.path, []))
        yield from histograms

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
        numbers = _walked(Source.ENGINE, stats)
        numbers[_RING] = [(("ring",), number) for _, number in walk(stats, _RING)]
        return numbers

    def _upstream(self, histograms: list[Family]) -> Numbers:
        stats = self._sources.upstream()
        rows = [metric for metric in METRICS if metric.type is Type.HISTOGRAM]
        histograms.extend([histogram(metric, stats, self._bounds) for metric in rows])
        return _walked(Source.UPSTREAM, stats)

    def _hits(self) -> Numbers:
        lists: Samples = []
        categories: Samples = []
        for name, category, decisions in self._sources.hits():
            if name is not None:
                lists.append(((name,), decisions))
            if category is not None:
                categories.append(((category,), decisions))
        return {("list",): lists, ("category",): categories}

    def _groups(self) -> Numbers:
        rows = self._sources.groups()
        return {("group",): [((group, verdict), number) for group, verdict, number in rows]}

    def _lists(self) -> Numbers:
        states = list(self._sources.lists())
        return {
            ("rules",): [((state.name,), state.entries) for state in states],
            ("refused",): [
                ((state.name, code), number) for state in states for code, number in state.refused
            ],
            ("age",): [((state.name,), state.age) for state in states if state.age is not None],
            ("problem",): [((state.name,), float(state.state != "ok")) for state in states],
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
        free: Samples = [] if state.disk is None else [((), state.disk[0])]
        size: Samples = [] if state.disk is None else [((), state.disk[1])]
        return {
            ("rules_since",): age,
            ("filtering",): [((group,), float(on)) for group, on in state.filtering.items()],
            ("ready",): [((), float(state.ready))],
            ("started",): [((), state.started)],
            ("disk", "free"): free,
            ("disk", "size"): size,
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


def _walked(source: Source, stats: Mapping[str, object]) -> Numbers:
    return {
        metric.path: list(walk(stats, metric.path))
        for metric in METRICS
        if metric.source is source and metric.type is not Type.HISTOGRAM
    }
