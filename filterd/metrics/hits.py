"""Decisions by list and category, as counters that never go back.

The core counts by class within a generation of rules and forgets old generations. A counter that
drops looks like a restart to Prometheus, so what each class gained since the last reading is added
here to totals that outlive the generations. Read it at every swap and every scrape.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping

from filterd.metrics.names import OTHER

Names = tuple[str | None, str | None]  # list, category


class HitTotals:
    """Totals since the start.

    Args:
        names_of: (generation, class) -> (list, category), None where that is not known any more:
            counted as list "other".
    """

    def __init__(self, names_of: Callable[[int, int], Names | None]) -> None:
        self._names_of = names_of
        self._last: dict[tuple[int, int], int] = {}
        self._totals: Counter[Names] = Counter()

    def announce(self, names: Names) -> None:
        """Show 0 for a list and category that may never decide anything."""
        self._totals[names] += 0

    def read(self, stats: Mapping[str, object]) -> None:
        """Add what is new in the `hits` (generation in force) and `earlier` ones of the stats."""
        now = dict(_counts(stats))
        for (generation, class_id), count in now.items():
            gained = count - self._last.get((generation, class_id), 0)
            if gained > 0:
                names = self._names_of(generation, class_id)
                self._totals[(OTHER, None) if names is None else names] += gained
        self._last = now

    def totals(self) -> Iterator[tuple[str | None, str | None, int]]:
        """Yield (list, category, decisions)."""
        for (name, category), count in self._totals.items():
            yield name, category, count


def _counts(stats: Mapping[str, object]) -> Iterator[tuple[tuple[int, int], int]]:
    in_force = {"generation": stats.get("generation", 0), "hits": stats.get("hits", ())}
    earlier = stats.get("earlier")
    for of in (in_force, *(earlier if isinstance(earlier, list) else ())):
        for _layer, class_id, count in of["hits"]:
            yield (of["generation"], class_id), count
