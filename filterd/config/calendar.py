"""Times of day, weekdays and dates as a timetable writes them, English or Vietnamese.

Weekdays are numbered from Monday = 0. In Vietnamese, Monday is the second day (T2), Sunday CN.
"""

import re
from datetime import date, time, timedelta
from typing import Annotated, Any

from filterd.config.text import Text, shape, written

_NAMES = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_VIETNAMESE = {"t2": 0, "t3": 1, "t4": 2, "t5": 3, "t6": 4, "t7": 5, "cn": 6}
_TIME = re.compile(r"([0-9]{1,2})(?::([0-9]{2})|h([0-9]{2})?)")
_MAX_SPAN = 400  # days; a longer "holiday" is a slip of the pen


def read_time(value: Any) -> time:
    """Return a time of day from "07:15" (or "7h15", "7h"); "24:00" ends a day."""
    text = written(value).lower()
    found = _TIME.fullmatch(text)
    if not found:
        raise ValueError(f"{text[:40]!r} is no time of day")
    hour, minute = int(found[1]), int(found[2] or found[3] or 0)
    if (hour, minute) == (24, 0):
        hour = 0
    if hour > 23 or minute > 59:
        raise ValueError(f"{text!r} is no time of day")
    return time(hour, minute)


def _weekday(text: str) -> int:
    if text in _VIETNAMESE:
        return _VIETNAMESE[text]
    for number, name in enumerate(_NAMES):
        if text in {name[:3], name}:
            return number
    if text.startswith(("thứ", "chủ")):
        raise ValueError(f"{text[:40]!r} is no weekday; write t2 to t7 and cn")
    raise ValueError(f"{text[:40]!r} is no weekday")


def read_weekdays(value: Any) -> frozenset[int]:
    """Return weekdays from "mon-fri", "sat,sun", "t2-t6", "daily" or a list of such."""
    if isinstance(value, (list, tuple)):
        return frozenset().union(*(read_weekdays(item) for item in value))
    days: set[int] = set()
    for part in written(value).lower().replace(" ", "").split(","):
        if part in {"daily", "all"}:
            days.update(range(7))
            continue
        first, dash, last = part.partition("-")
        start = _weekday(first)
        end = _weekday(last) if dash else start
        days.update((start + step) % 7 for step in range((end - start) % 7 + 1))
    return frozenset(days)


def show_weekdays(days: frozenset[int]) -> str:
    """Write weekdays shortly: a run as "mon-fri", else a list with commas."""
    numbers = sorted(days)
    if len(numbers) == 7:
        return "daily"
    if len(numbers) > 2 and numbers[-1] - numbers[0] == len(numbers) - 1:
        return f"{_NAMES[numbers[0]][:3]}-{_NAMES[numbers[-1]][:3]}"
    return ",".join(_NAMES[number][:3] for number in numbers)


def read_date(value: Any) -> date:
    """Return a date from "2027-02-06"."""
    text = written(value)
    if not re.fullmatch(r"\d{4}-\d{2}-\d{2}", text):
        raise ValueError(f"{text[:40]!r} is no date")
    return date.fromisoformat(text)


def read_dates(value: Any) -> tuple[date, date]:
    """Return first and last day of "2027-02-04..2027-02-12", or of one date."""
    first, dots, last = written(value).partition("..")
    start = read_date(first)
    end = read_date(last) if dots else start
    if end < start:
        raise ValueError("the last day lies before the first")
    if (end - start).days > _MAX_SPAN:
        raise ValueError(f"{shape(value)} spans more than {_MAX_SPAN} days")
    return start, end


def show_dates(span: tuple[date, date]) -> str:
    """Write a span of days; one day as one date."""
    start, end = span
    return start.isoformat() if start == end else f"{start.isoformat()}..{end.isoformat()}"


def days_of(span: tuple[date, date]) -> tuple[date, ...]:
    """Return every day of a span, both ends included."""
    start, end = span
    return tuple(start + timedelta(days=step) for step in range((end - start).days + 1))


TimeOfDay = Annotated[
    time, Text(read_time, lambda at: f"{at:%H:%M}", "a time of day such as 07:15", ("07:15",))
]
Weekdays = Annotated[
    frozenset[int],
    Text(
        read_weekdays,
        show_weekdays,
        "weekdays such as mon-fri, sat,sun, t2-t6, cn or daily",
        ("mon-fri", "sat,sun"),
        ("string", "array"),
    ),
]
Date = Annotated[
    date, Text(read_date, date.isoformat, "a date such as 2026-11-20", ("2026-11-20",))
]
Dates = Annotated[
    tuple[date, date],
    Text(
        read_dates,
        show_dates,
        "a date such as 2026-11-20, or two with .. between",
        ("2027-02-04..2027-02-12",),
    ),
]
