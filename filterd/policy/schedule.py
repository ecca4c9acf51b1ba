"""When a schedule holds: pure time arithmetic on the wall clock of a zone.

A moment is judged by what the clock on the wall says then, so a window from 07:00 to 11:30 keeps
its hours through a change to or from summer time. An overnight window belongs to the day it
starts on: an `off` date silences its whole night, and only its own.
"""

from bisect import bisect_right
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from itertools import pairwise

from filterd.model.group import Schedule

DAY = 86_400


def holds(schedule: Schedule, at: float, zone: tzinfo) -> bool:
    """Say whether `schedule` holds at `at` (unix seconds) on the clocks of `zone`."""
    local = datetime.fromtimestamp(at, zone)
    today, clock = local.date(), local.time()
    for start, end in _windows_of(schedule, today):
        if start < end:
            if start <= clock < end:
                return True
        elif start <= clock:
            return True
    yesterday = today - timedelta(days=1)
    return any(end <= start and clock < end for start, end in _windows_of(schedule, yesterday))


def switches(schedule: Schedule, start: float, days: int, zone: tzinfo) -> list[tuple[int, bool]]:
    """Return (unix seconds, holds from then on) for every change after `start`, up to `days` on."""
    moments = sorted(
        moment
        for moment in _candidates(schedule, start, days, zone)
        if start < moment <= start + days * DAY
    )
    changes: list[tuple[int, bool]] = []
    state = holds(schedule, start, zone)
    for moment in moments:
        now = holds(schedule, moment, zone)
        if now != state:
            changes.append((moment, now))
            state = now
    return changes


@dataclass(frozen=True, slots=True)
class Timeline:
    """A schedule worked out over a stretch of time. `changes` are moments at which it flips."""

    first: bool
    changes: tuple[int, ...]

    def at(self, moment: float) -> bool:
        """Say whether the schedule holds at `moment`, at or after the start of the line."""
        return self.first ^ (bisect_right(self.changes, moment) % 2 == 1)


def timeline(schedule: Schedule, start: float, days: int, zone: tzinfo) -> Timeline:
    """Work `schedule` out from `start` (unix seconds) for `days` days."""
    changes = tuple(moment for moment, _ in switches(schedule, start, days, zone))
    return Timeline(holds(schedule, start, zone), changes)


def _windows_of(schedule: Schedule, day: date) -> list[tuple[time, time]]:
    """Return the (start, end) that begin on `day`."""
    if day in schedule.off:
        return []
    for extra, windows in schedule.extra:
        if extra == day:
            return list(windows)
    weekday = day.weekday()
    return [(w.start, w.end) for w in schedule.windows if weekday in w.days]


def _candidates(schedule: Schedule, start: float, days: int, zone: tzinfo) -> set[int]:
    """Return every moment at which the schedule could change: edges of windows, days, offsets."""
    first = datetime.fromtimestamp(start, zone).date() - timedelta(days=1)
    found: set[int] = set()
    for n in range(days + 3):
        day = first + timedelta(days=n)
        clocks = {time(0)}
        for window in _windows_of(schedule, day):
            clocks.update(window)
        for clock in clocks:
            for on in (day, day + timedelta(days=1)):  # an overnight window ends on the next day
                local = datetime.combine(on, clock, tzinfo=zone)
                # A clock time that comes twice has two moments; one that is skipped has none,
                # and what it would have switched then switches with the offset.
                found.add(_unix(local))
                found.add(_unix(local.replace(fold=1)))
    return found | _offset_changes(start, days, zone)


def _unix(local: datetime) -> int:
    return int(local.timestamp())


def _offset_changes(start: float, days: int, zone: tzinfo) -> set[int]:
    """Return the moments at which the zone's offset changes, to the second."""

    def offset(moment: int) -> timedelta | None:
        return datetime.fromtimestamp(moment, UTC).astimezone(zone).utcoffset()

    begin = int(start) - DAY
    found = set()
    for low, high in pairwise(range(begin, begin + (days + 3) * DAY, DAY)):
        before = offset(low)
        if before == offset(high):
            continue
        while high - low > 1:
            middle = (low + high) // 2
            if offset(middle) == before:
                low = middle  # noqa: PLW2901
            else:
                high = middle  # noqa: PLW2901
        found.add(high)
    return found
