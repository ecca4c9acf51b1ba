"""Where events enter: the privacy step first, then every sink. Nothing goes round it."""

from collections.abc import Sequence
from typing import Protocol

from filterd.model.event import Event
from filterd.report.base import ReportStatus
from filterd.report.daykey import DayKey
from filterd.report.privacy import Count, Level, Row, keep


class Outlet(Protocol):
    """What takes rows without waiting or raising; see `writer.Writer`."""

    def append(self, rows: Sequence[Row]) -> None:
        """Accept rows."""
        ...

    def settle(self, timeout: float) -> bool:
        """Have what waits written within `timeout` seconds; False: it is not."""
        ...

    def status(self) -> ReportStatus:
        """Say how it goes."""
        ...


class Recorder:
    """Takes batches of events at one privacy level.

    Args:
        level: what may be kept.
        outlets: who keeps it.
        key: the key of the day; destroyed at once where the level has no use for it.
    """

    def __init__(self, level: Level, outlets: Sequence[Outlet], key: DayKey) -> None:
        self.level = level
        self._outlets = tuple(outlets)
        self._key = key
        if level is not Level.PSEUDONYM:
            key.destroy()

    def record(self, events: Sequence[Event], now: float) -> None:
        """Keep what the level allows. Call it about every second, with or without events: at
        local midnight this is what destroys the key.
        """
        if self.level is Level.PSEUDONYM:
            self._key.turn(now)
        if not events:
            return
        rows = keep(self.level, events, self._key)
        for outlet in self._outlets:
            outlet.append(rows)

    def keep_counts(self, counts: Sequence[Count]) -> None:
        """Keep counts that were made without any record of single events (level aggregates)."""
        if counts and self.level is not Level.NONE:
            for outlet in self._outlets:
                outlet.append(counts)

    def settle(self, timeout: float) -> bool:
        """Have every outlet write what waits; `timeout` is in seconds, for each."""
        settled = [outlet.settle(timeout) for outlet in self._outlets]
        return all(settled)

    def status(self) -> ReportStatus:
        """The outlets' state as one: sums, and the first problem."""
        states = [outlet.status() for outlet in self._outlets]
        return ReportStatus(
            written=sum(state.written for state in states),
            dropped=sum(state.dropped for state in states),
            waiting=sum(state.waiting for state in states),
            problem=next((state.problem for state in states if state.problem), None),
        )
