"""The daily numbers of signs of going round the filter, on their way to the ministry's hub: how
many attempts of each kind there were in groups of each bracket of ages. No group has a name in
here, and nobody knows of a client (docs/bypass.md).
"""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

from filterd.app.daily_telling import DAY, DailyTelling
from filterd.bypass.book import Book
from filterd.bypass.signals import LEAST, Signal
from filterd.report.batch import SIGNS, SIGNS_FORM, Bracket, Tallied
from filterd.report.tally import bracket_of

TOLD = "bypass.json"
_RULES = {signal: rule for rule, signal in SIGNS.items()}
Add = Callable[[Sequence[Tallied]], None]


def signal_telling(
    book: Book, folder: Path, ages: Callable[[], Mapping[str, int]], add: Add
) -> DailyTelling[list[Tallied]]:
    """Return who tells days. `book`: what was counted; `folder`: of the spool, where the last day
    told is kept; `ages`: returns group -> age in years; `add`: makes a batch.
    """

    def days(first: int, end: int) -> Iterator[tuple[int, list[Tallied]]]:
        for day in range(first, end, DAY):
            rows = _tallied(book, day, ages())
            if rows:
                yield day, rows

    return DailyTelling(folder / TOLD, "the numbers of signs of going round", days, add)


def _tallied(book: Book, day: int, ages: Mapping[str, int]) -> list[Tallied]:
    """Return the rows of a day. What an hour had too few of is no sign; a group that is not there
    any more has no age.
    """
    found: Counter[tuple[Signal, Bracket]] = Counter()
    for each in book.hours(day - 1, day + DAY - 1):
        if each.n >= LEAST[each.signal]:
            age = ages.get(each.group)
            found[each.signal, Bracket.ALL if age is None else bracket_of(age)] += each.n
    span, deed, clients = SIGNS_FORM
    return [
        Tallied(day, span, _RULES[signal], bracket, deed, n, clients)
        for (signal, bracket), n in sorted(found.items())
    ]
