"""The daily numbers of .vn sites with and without an age label, on their way to the ministry's hub.

Days of which the daemon saw a part only are not told, nor are those on which no site was seen.
"""

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from filterd.app.daily_telling import DailyTelling
from filterd.app.site_days import whole_days
from filterd.http.labels.unlabelled import DayCount
from filterd.report.batch import SITES_FORM, SITES_LABELLED, SITES_UNLABELLED
from filterd.report.tally import Tally

TOLD = "sites.json"
Add = Callable[[Iterable[Tally]], None]


def site_telling(counted: Path, folder: Path, add: Add) -> DailyTelling[list[Tally]]:
    """Return who tells days. `counted`: the folder with the numbers of days; `folder`: of the
    spool, where the last day told is kept; `add`: adds to the spool.
    """

    def days(first: int, end: int) -> Iterator[tuple[int, list[Tally]]]:
        for count in whole_days(counted):
            if first <= count.day < end and count.labelled + count.unlabelled:
                yield count.day, _tallies(count)

    return DailyTelling(folder / TOLD, "the numbers of sites with labels", days, add)


def _tallies(count: DayCount) -> list[Tally]:
    span, bracket, deed, clients = SITES_FORM
    both = ((SITES_LABELLED, count.labelled), (SITES_UNLABELLED, count.unlabelled))
    return [Tally(count.day, span, rule, bracket, deed, n, clients) for rule, n in both]
