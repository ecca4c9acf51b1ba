"""What is told to the hub of each day, once: the days that have ended and were not told yet.

Which day was the last is on disk before its rows are on their way. So a power cut between the two
costs a day's numbers, and never doubles them; rows that the disk does not take are told later. What
was counted before the node began to report is not told, nor what is older than a month.
"""

import json
import logging
from collections.abc import Callable, Iterable
from pathlib import Path
from threading import Lock
from typing import Generic, TypeVar

from filterd.model.durable import write_atomically
from filterd.model.errors import FilterdError

logger = logging.getLogger(__name__)
DAY = 86_400
LATEST = 31 * DAY  # seconds after which a day is too old to be told
Rows = TypeVar("Rows")


class DailyTelling(Generic[Rows]):
    """Tells days, which are unix seconds of their UTC midnights.

    Args:
        note: the file with the last day told.
        what: it is, in words for an operator.
        days: (first day, the day after the last) -> the days that have something, and their rows.
        add: sends rows on their way. OSError: none of them is.
    """

    def __init__(
        self,
        note: Path,
        what: str,
        days: Callable[[int, int], Iterable[tuple[int, Rows]]],
        add: Callable[[Rows], None],
    ) -> None:
        self._path = note
        self._what = what
        self._days = days
        self._add = add
        self._lock = Lock()
        self._back: int | None = None  # to be noted again: the day after it was not told
        self._problem = ""

    def tell(self, now: float, *, held: bool = False) -> None:
        """Tell the days that have ended and were not told; `held`: have them wait, and the first
        time note that they do from today on. Never raises for the disk: what cannot be read or
        noted waits for the next time. Thread-safe.
        """
        with self._lock:
            try:
                self._tell(int(now), held=held)
                problem = ""
            except (OSError, FilterdError) as error:
                problem = f"{self._what} wait: {error}"
                if problem != self._problem:
                    logger.error("report: %s", problem)  # noqa: TRY400
            self._problem = problem

    def _tell(self, now: int, *, held: bool) -> None:
        self._note_back()
        today = now // DAY * DAY
        last = self._last()
        if last is None or last >= today:  # the first time, or the clock was set back
            self._note(today - DAY)
            return
        if held:
            return
        for day, rows in self._days(max(last + DAY, today - LATEST), today):
            self._note(day)
            try:
                self._add(rows)
            except OSError:
                self._back = day - DAY  # in memory too, for the disk may not take the note either
                self._note_back()
                raise

    def _note_back(self) -> None:
        if self._back is not None:
            self._note(self._back)
            self._back = None

    def _last(self) -> int | None:
        """Return the last day told; None: none, or nobody knows."""
        try:
            plain = json.loads(self._path.read_bytes())
            day = plain["day"]
        except FileNotFoundError:
            return None
        except (ValueError, TypeError, KeyError) as error:
            name = self._path.name
            logger.warning("report: %s does not read, days are told from today on: %s", name, error)
            return None
        return day if type(day) is int else None

    def _note(self, day: int) -> None:
        write_atomically(self._path, json.dumps({"day": day}).encode())
