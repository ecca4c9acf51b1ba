"""Supervision as Prometheus metrics: `views.status`, looked at anew every so often.

`refresh` reads the database and belongs on a thread; `collect` only shows what it found, so a
scrape costs nothing however many there are. Labels are closed sets; no node is one.
"""

import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager
from typing import Any

from prometheus_client.core import GaugeHistogramMetricFamily, GaugeMetricFamily
from prometheus_client.registry import Collector
from sqlalchemy import Connection

from filterd.hub import order_views, views
from filterd.hub.compliance import Look, Paces, Terms
from filterd.hub.pace import SHOWN, Pace

Json = Any
Families = list[GaugeMetricFamily | GaugeHistogramMetricFamily]
FRESH = 15.0  # seconds that what was found is shown for
_PREFIX = "filterd_hub"
_BOUNDS = (100, 250, 500, 1000, 2500, 5000, 10_000, 30_000, 60_000, 300_000, 3_600_000)  # ms
_KINDS = ("enrolled", "late", "silent", "behind", "skewed", "refusing", "held", "ended")


class Gauges(Collector):
    """Metrics of the books that `read` opens a transaction on. Safe from many threads."""

    def __init__(
        self,
        read: Callable[[], AbstractContextManager[Connection]],
        steady: Callable[[], float],
        terms: Terms | None = None,
    ) -> None:
        self._read = read
        self._steady = steady
        self._terms = terms or Terms()
        self._paces = Paces()
        self._lock = threading.Lock()
        self._looked_at: float | None = None
        self._families: Families = []

    def refresh(self, now: int) -> bool:
        """Look again, at unix millisecond `now`, if what was found is older than `FRESH` and nobody
        else is looking; say whether it was done. DatabaseError: what was found before stays.
        """
        if not self._lock.acquire(blocking=False):
            return False
        try:
            steady = self._steady()
            if self._looked_at is not None and steady - self._looked_at < FRESH:
                return False
            with self._read() as connection:
                look = Look(connection, now, None, self._terms, self._paces)
                self._families = _families(views.status(look), order_views.paced(look))
            self._looked_at = steady
            return True
        finally:
            self._lock.release()

    def collect(self) -> Iterator[GaugeMetricFamily | GaugeHistogramMetricFamily]:
        """Give what was found last, and its age; nothing before the first look."""
        if self._looked_at is None:
            return
        yield _one(
            "look_age_seconds", "Time since these were found.", self._steady() - self._looked_at
        )
        yield from self._families

    def describe(self) -> Iterator[GaugeMetricFamily]:
        """Give nothing: names are known once there was a look."""
        yield from ()


def _families(told: Mapping[str, Json], pace: Pace) -> Families:
    waits, unblock, false = told["waiting"], told["unblock"], told["false_orders"]
    oldest = 0 if waits["oldest"] is None else told["at"] - waits["oldest"]
    newest = told["published_at"]
    return [
        _one("segments", "Segments of the log.", told["size"]),
        _one("segment_age_seconds", "Time since the newest was published.",
             0.0 if newest is None else (told["at"] - newest) / 1000),
        _many("orders", "Orders, by how they stand.", "state",
              {word.replace(" ", "_"): number for word, number in told["orders"].items()}),
        _one("held_orders", "Orders in force that some node has and does not enforce yet.",
             told["held_orders"]),
        _many("waiting", "Acts that are to be published.", "kind",
              {word: waits[word] for word in ("orders", "revocations")}),
        _one("waiting_age_seconds", "How long the oldest of them waits.", oldest / 1000),
        _many("nodes", "Nodes, by what is with them; one may be several.", "state",
              {word: told["nodes"][word] for word in _KINDS}),
        _many("coverage", "Share that enforces all that is due, 0 to 1.", "weight",
              {"nodes": told["coverage"], "subscribers": told["coverage_weighted"]}),
        _quantiles("enforce_seconds", "Time to enforce of the newest orders.", told["enforce"]),
        _histogram("enforce_delay_seconds", "The same as a histogram of nodes.", pace),
        _quantiles("revoke_seconds", "Time until a revocation was enforced.",
                   unblock["revocation"]),
        _quantiles("expiry_seconds", "Time from an end until it was seen.", unblock["expiry"]),
        _one("still_blocked", "Ends that were due and not seen.", unblock["still_blocked"]),
        _one("overblocked_names", "Names that must stay open and are blocked somewhere.",
             len(told["overblocked"])),
        _one("overblocked_nodes", "Nodes that block the one of them that most block.",
             max((each["nodes"] for each in told["overblocked"]), default=0)),
        _one("false_order_ratio", "Orders of 30 days that were revoked within a day, 0 to 1.",
             false["rate"] or 0.0),
        _many("broken_chains", "Nodes whose reports have gaps, forks, lost rows.", "kind",
              told["chains"]),
    ]  # fmt: skip


def _one(name: str, help_text: str, value: float) -> GaugeMetricFamily:
    return GaugeMetricFamily(f"{_PREFIX}_{name}", help_text, value=value)


def _many(
    name: str, help_text: str, label: str, values: Mapping[str, float | None]
) -> GaugeMetricFamily:
    family = GaugeMetricFamily(f"{_PREFIX}_{name}", help_text, labels=[label])
    for word, value in values.items():
        if value is not None:
            family.add_metric([word], value)
    return family


def _quantiles(name: str, help_text: str, pace: Mapping[str, int | None]) -> GaugeMetricFamily:
    family = GaugeMetricFamily(f"{_PREFIX}_{name}", help_text, labels=["quantile", "weight"])
    for share in SHOWN:
        for weight, suffix in (("nodes", ""), ("subscribers", "_weighted")):
            delay = pace[f"p{share * 100:.0f}{suffix}"]
            if delay is not None:
                family.add_metric([str(share), weight], delay / 1000)
    return family


def _histogram(name: str, help_text: str, pace: Pace) -> GaugeHistogramMetricFamily:
    bounds = [(str(bound / 1000), float(pace.within(bound))) for bound in _BOUNDS]
    total = sum(delay * nodes for delay, nodes, _ in pace.steps) / 1000
    return GaugeHistogramMetricFamily(
        f"{_PREFIX}_{name}",
        help_text,
        buckets=[*bounds, ("+Inf", float(pace.nodes))],
        gsum_value=total,
    )
