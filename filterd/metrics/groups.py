"""Decisions by group, as counters that move once in five minutes.

What is kept of a decision at the default privacy level says nothing finer than a slot of five
minutes, and a group may be one class. So a slot is added to the totals when it is over, and who
scrapes every second learns no more than the local log has.
"""

from collections import Counter
from collections.abc import Iterable, Iterator
from threading import Lock

SLOT = 300  # seconds; as the core counts (`report/privacy.py` has the same)
Row = tuple[int, str, str, int]  # start of the slot in unix seconds, group, verdict, how many


class GroupTotals:
    """Totals since the start. Rows come from a thread of their own, readers from another."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._slot = 0
        self._open: Counter[tuple[str, str]] = Counter()
        self._totals: Counter[tuple[str, str]] = Counter()

    def announce(self, groups: Iterable[str], verdicts: Iterable[str]) -> None:
        """Show 0 for what was never decided: alarms and rates need a beginning."""
        words = tuple(verdicts)
        with self._lock:
            for group in groups:
                for verdict in words:
                    self._totals[group, verdict] += 0

    def add(self, rows: Iterable[Row]) -> None:
        """Take counts; those of a slot that is over already, as its last are, count at once."""
        with self._lock:
            for slot, group, verdict, number in rows:
                if slot > self._slot:
                    self._settle()
                    self._slot = slot
                (self._open if slot == self._slot else self._totals)[group, verdict] += number

    def read(self, now: float) -> Iterator[tuple[str, str, int]]:
        """Return (group, verdict, decisions) of the slots that are over at unix time `now`."""
        with self._lock:
            if now >= self._slot + SLOT:
                self._settle()
            totals = dict(self._totals)
        return ((group, verdict, number) for (group, verdict), number in totals.items())

    def _settle(self) -> None:
        self._totals.update(self._open)
        self._open.clear()
