"""The daily numbers of .vn sites with and without an age label, on their way to the ministry's hub.

Each whole day that ended after this node began to report is told once, also over restarts: which
one was the last is on disk before its rows are in the spool. So a power cut between the two costs a
day's two numbers, and never doubles them. Days of which the daemon saw a part only are not told,
nor are those on which no site was seen.
"""

import json
import logging
from collections.abc import Callable, Iterable
from pathlib import Path
from threading import Lock

from filterd.app.site_days import whole_days
from filterd.http.labels.unlabelled import DAY, DayCount
from filterd.model.durable import write_atomically
from filterd.report.batch import SITES_FORM, SITES_LABELLED, SITES_UNLABELLED
from filterd.report.tally import Tally

logger = logging.getLogger(__name__)
TOLD = "sites.json"
LATEST = 31 * DAY  # seconds after which a day is too old to be told
Add = Callable[[Iterable[Tally]], None]


class SiteTelling:
    """Tells days. `counted`: the folder with the numbers of days; `folder`: of the spool, where the
    last day told is kept; `add`: adds to the spool.
    """

    def __init__(self, counted: Path, folder: Path, add: Add) -> None:
        self._counted = counted
        self._path = folder / TOLD
        self._add = add
        self._lock = Lock()
        self._problem = ""

    def tell(self, now: float) -> None:
        """Add the days to the spool that have ended and were not told. Never raises for the disk:
        what cannot be read or noted waits for the next time. Thread-safe.
        """
        with self._lock:
            try:
                self._tell(int(now))
                problem = ""
            except OSError as error:
                problem = f"the numbers of sites with labels wait: {error}"
                if problem != self._problem:
                    logger.error("report: %s", problem)  # noqa: TRY400
            self._problem = problem

    def _tell(self, now: int) -> None:
        today = now // DAY * DAY
        last = self._last()
        if last is None or last >= today:  # the first time, or the clock was set back
            self._note(today - DAY)
            return
        first = max(last + DAY, today - LATEST)
        for count in whole_days(self._counted):
            if first <= count.day < today and count.labelled + count.unlabelled:
                self._note(count.day)
                self._add(_tallies(count))

    def _last(self) -> int | None:
        """Return the last day told; None: none, or nobody knows."""
        try:
            plain = json.loads(self._path.read_bytes())
            day = plain["day"]
        except FileNotFoundError:
            return None
        except (ValueError, TypeError, KeyError) as error:
            logger.warning("report: %s does not read, days are told from today on: %s", TOLD, error)
            return None
        return day if type(day) is int else None

    def _note(self, day: int) -> None:
        write_atomically(self._path, json.dumps({"day": day}).encode())


def _tallies(count: DayCount) -> list[Tally]:
    span, bracket, deed, clients = SITES_FORM
    both = ((SITES_LABELLED, count.labelled), (SITES_UNLABELLED, count.unlabelled))
    return [Tally(count.day, span, rule, bracket, deed, n, clients) for rule, n in both]
