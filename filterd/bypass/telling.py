"""Hours to what people are told: days and weeks. An hour with too little in it is none of a signal.

Nothing finer than a day is told: with the timetable, an hour would often be a class, or a pupil.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from filterd.bypass.book import DAY, Hour
from filterd.bypass.signals import LEAST, Signal

WEEK = 7 * DAY


@dataclass(frozen=True, slots=True)
class Told:
    """A signal of a group. `day`, `week`, `before`: attempts in the last 24 hours, the last 7 days
    and the 7 days before those; `days`: how many of the last 7 had any.
    """

    group: str
    signal: Signal
    day: int
    week: int
    days: int
    before: int


def tell(hours: Iterable[Hour], now: float) -> list[Told]:
    """Return what is to be told at Unix time `now`, by group, the most frequent first; signals
    that were only seen in the week before are left out.
    """
    sums: dict[tuple[str, Signal], list[int]] = {}  # by day, today first
    for each in hours:
        age = int((now - each.hour) // DAY)
        if each.n >= LEAST[each.signal] and 0 <= age < 2 * WEEK // DAY:
            days = sums.setdefault((each.group, each.signal), [0] * (2 * WEEK // DAY))
            days[age] += each.n
    found = [
        Told(group, signal, days[0], sum(days[:7]), sum(map(bool, days[:7])), sum(days[7:]))
        for (group, signal), days in sums.items()
    ]
    return sorted((each for each in found if each.week), key=lambda t: (t.group, -t.week, t.signal))
