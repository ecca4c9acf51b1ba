"""What nodes send, written to the database many at a time.

A transaction costs the same for one request as for sixty, so whoever comes while one is written
goes with the next. What is not good is left out of a group, and where one of it conflicts each is
written by itself: every sender gets its own answer and no other's fault.
"""

import asyncio
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy.exc import DBAPIError

from filterd.hub.arriving import Arrived
from filterd.hub.database import Database, DatabaseError
from filterd.hub.ingest import Conflict, Taken, take_each
from filterd.hub.limits import Desk
from filterd.hub.problems import Problem

AT_ONCE = 64  # requests in one transaction
Outcome = Taken | Exception


@dataclass(frozen=True, slots=True)
class _Waiting:
    arrived: Arrived
    answer: asyncio.Future[Taken]


class Intake:
    """A bounded queue before `writers` transactions at a time. Of one event loop."""

    def __init__(self, database: Database, desk: Desk, writers: int, most: int) -> None:
        self._database = database
        self._desk = desk
        self._writers = writers
        self._most = most
        self._queue: deque[_Waiting] = deque()
        self._running: set[asyncio.Task[None]] = set()

    @property
    def waiting(self) -> int:
        """How many wait to be written."""
        return len(self._queue)

    async def take(self, arrived: Arrived) -> Taken:
        """Write what arrived; it is committed when this returns.

        Raises:
            Problem: 503, too many wait already.
            UnknownNode, Conflict, Refused: it is not good; nothing of it was written.
            DatabaseError: try again later.
        """
        if len(self._queue) >= self._most:
            raise Problem(503, "the hub has more to do than it can; send it again", after=5)
        waiting = _Waiting(arrived, asyncio.get_running_loop().create_future())
        self._queue.append(waiting)
        if len(self._running) < self._writers:
            task = asyncio.create_task(self._write())
            self._running.add(task)
            task.add_done_callback(self._running.discard)
        return await waiting.answer

    async def _write(self) -> None:
        while self._queue:
            group = [self._queue.popleft() for _ in range(min(AT_ONCE, len(self._queue)))]
            try:
                given = [each.arrived for each in group]
                outcomes: Sequence[Outcome] = await self._desk.run(write, self._database, given)
            except Exception as error:  # noqa: BLE001 - whatever it is, somebody waits for it
                outcomes = [error] * len(group)
            for each, outcome in zip(group, outcomes, strict=True):
                _settle(each.answer, outcome)


def write(database: Database, group: Sequence[Arrived]) -> list[Outcome]:
    """Write a group; return for each what was taken, or why it was not."""
    try:
        with database.write() as connection:
            return list(take_each(connection, group))
    except (Conflict, DBAPIError) as error:
        if len(group) > 1:  # which one it is, each alone will say
            return [outcome for each in group for outcome in write(database, [each])]
        return [error if isinstance(error, Conflict) else DatabaseError(f"not written: {error}")]
    except DatabaseError as error:
        return [error] * len(group)
    except Exception as error:  # noqa: BLE001 - not thought of: the fault of one, not of its group
        if len(group) > 1:
            return [outcome for each in group for outcome in write(database, [each])]
        return [error]


def _settle(answer: "asyncio.Future[Taken]", outcome: Outcome) -> None:
    if answer.done():
        return  # whoever asked has gone
    if isinstance(outcome, Taken):
        answer.set_result(outcome)
    else:
        answer.set_exception(outcome)
