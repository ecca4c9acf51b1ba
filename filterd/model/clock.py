"""The time, twice: as calendars tell it, and as it passes."""

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Clock:
    """`unix`: seconds since 1970, which somebody may set; `steady`: seconds of a clock that nobody
    sets (time.monotonic). Schedules and logs go by the one, ages and rates by the other.
    """

    unix: Callable[[], float]
    steady: Callable[[], float]
