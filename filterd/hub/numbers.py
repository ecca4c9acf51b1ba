"""The hub's own metrics, in a registry of its own; docs/reference/hub-metrics.md lists them all.

Labels are closed sets: a route, a status, a reason. No node, school or person is a label.
"""

from collections.abc import Callable, Iterable

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, Metric
from prometheus_client.core import CounterMetricFamily
from prometheus_client.registry import Collector

from filterd.hub.arriving import What

ROUTES = (
    "/feed/events",
    "/v1/enrol",
    "/v1/receipts",
    "/v1/reports",
    "/v1/orders",
    "/v1/nodes",
    "/v1/late",
    "/v1/status",
    "/v1/audit",
    "/v1/export",
    "/v1/invitations",
    "/v1/statistics",
    "/v1/people",
)
_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)


class Numbers:
    """What is counted, and the registry to show it."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.requests = Counter(
            "filterd_hub_requests",
            "Requests answered, by route and status.",
            ("route", "status"),
            registry=self.registry,
        )
        self.seconds = Histogram(
            "filterd_hub_request_seconds",
            "Time from the head of a request to the end of its answer; events are left out.",
            ("route",),
            buckets=_SECONDS,
            registry=self.registry,
        )
        self.taken = Counter(
            "filterd_hub_taken",
            "Receipts and batches taken for the first time.",
            ("kind",),
            registry=self.registry,
        )
        self.known = Counter(
            "filterd_hub_known",
            "Receipts and batches that were here already; sent again, which is harmless.",
            ("kind",),
            registry=self.registry,
        )
        self.skew = Histogram(
            "filterd_hub_node_clock_seconds",
            "How far the clock of a node that sent something was off, ahead or behind.",
            buckets=(1, 2, 5, 10, 30, 60, 120, 300),
            registry=self.registry,
        )

    def show_all(self) -> None:
        """Show what was not counted yet as well, as 0."""
        for route in (*ROUTES, "feed", "other"):
            self.requests.labels(route, "200")
            self.seconds.labels(route)
        for kind in What:
            self.taken.labels(kind.value)
            self.known.labels(kind.value)

    def watch(self, name: str, about: str, look: Callable[[], float]) -> None:
        """Show a gauge that is looked up at each scrape."""
        Gauge(name, about, registry=self.registry).set_function(look)

    def count(self, name: str, about: str, look: Callable[[], float]) -> None:
        """Show a counter that somebody else counts."""
        self.registry.register(_Counted(name, about, look))

    def add(self, collectors: Iterable[Collector]) -> None:
        """Show what others collect; each of their scrapes must be cheap or cached."""
        for each in collectors:
            self.registry.register(each)


class _Counted(Collector):
    def __init__(self, name: str, about: str, look: Callable[[], float]) -> None:
        self._name = name
        self._about = about
        self._look = look

    def collect(self) -> Iterable[Metric]:
        yield CounterMetricFamily(self._name, self._about, value=self._look())


def route_of(path: str) -> str:
    """Return the label of a path: itself or what it lies below, else "feed" or "other"."""
    for route in ROUTES:
        if path == route or path.startswith(f"{route}/"):
            return route
    return "feed" if path.startswith("/feed/") else "other"
