"""Requests that come while another is being written are written together, in one transaction.

Whoever finds nobody writing writes for all who wait, itself among them, so a request that comes
alone waits for nothing, and in a burst the database commits once for many. Each is told its own
outcome: what is refused of one is nothing to the others.
"""

import logging
import threading
from dataclasses import dataclass, field

from sqlalchemy.exc import DBAPIError

from filterd.hub.arriving import Arrived
from filterd.hub.database import Database, DatabaseError
from filterd.hub.ingest import Conflict, Outcome, Taken, take_each

logger = logging.getLogger(__name__)

AT_ONCE = 64  # requests of one transaction


@dataclass(slots=True, eq=False)
class _Asked:
    arrived: Arrived
    outcome: Outcome | DatabaseError | None = None


@dataclass(slots=True)
class Gathering:
    """The way into a database for the threads of a process."""

    database: Database
    _waiting: list[_Asked] = field(default_factory=list)
    _queue: threading.Lock = field(default_factory=threading.Lock)
    _writer: threading.Lock = field(default_factory=threading.Lock)

    def take(self, arrived: Arrived) -> Taken:
        """Take something; it is committed when this returns.

        Raises:
            UnknownNode, Conflict, Refused: it is not good, and nothing of it was taken.
            DatabaseError: it was not written.
        """
        mine = _Asked(arrived)
        with self._queue:
            self._waiting.append(mine)
        while mine.outcome is None:
            with self._writer:
                if mine.outcome is None:
                    self._write(self._next())
        if isinstance(mine.outcome, Taken):
            return mine.outcome
        raise mine.outcome

    def _next(self) -> list[_Asked]:
        with self._queue:
            these, self._waiting = self._waiting[:AT_ONCE], self._waiting[AT_ONCE:]
        return these

    def _write(self, these: list[_Asked]) -> None:
        """Give each of them its outcome, whatever happens."""
        try:
            with self.database.write() as connection:
                outcomes = take_each(connection, [each.arrived for each in these])
        except (Conflict, DBAPIError) as error:
            self._write_apart(these, error)
        except DatabaseError as error:
            for each in these:
                each.outcome = DatabaseError(str(error))
        except BaseException:
            for each in these:
                each.outcome = each.outcome or DatabaseError("it was not written; send it again")
            raise
        else:
            for each, outcome in zip(these, outcomes, strict=True):
                each.outcome = outcome

    def _write_apart(self, these: list[_Asked], error: Conflict | DBAPIError) -> None:
        """Which one it is, each alone will say."""
        if len(these) > 1:
            for each in these:
                self._write([each])
        elif isinstance(error, Conflict):
            these[0].outcome = error
        else:
            logger.error("the database did not take what it should: %s", error)
            these[0].outcome = DatabaseError("it was not written")
