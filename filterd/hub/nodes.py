"""Nodes that spoke lately, so that a request of one is checked without the database.

Those that are not known yet are looked up together: when a whole country answers to one order, a
question for each would be most of the work.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Mapping

from filterd.hub.database import Database
from filterd.hub.enrolment import NodeRow, find_nodes
from filterd.hub.limits import Desk
from filterd.model.clock import Clock

AT_ONCE = 256  # nodes in one question
_REMEMBERED = 50_000  # nodes
_FRESH = 15.0  # seconds; that long an ended node may still be heard
_Found = asyncio.Future[NodeRow | None]


class Nodes:
    """What is known of nodes. Of one event loop."""

    def __init__(self, database: Database, desk: Desk, clock: Clock) -> None:
        self._database = database
        self._desk = desk
        self._clock = clock
        self._known: OrderedDict[str, tuple[float, NodeRow]] = OrderedDict()
        self._asked: dict[str, _Found] = {}
        self._looking: asyncio.Task[None] | None = None

    async def find(self, node: str) -> NodeRow | None:
        """Return a node by the id of its key.

        Raises:
            Problem: 503, the database has too much to do.
            DatabaseError: it does not answer.
        """
        kept = self._known.get(node)
        if kept is not None and self._clock.steady() - kept[0] < _FRESH:
            return kept[1]
        asked = self._asked.get(node)
        if asked is None:
            asked = self._asked[node] = asyncio.get_running_loop().create_future()
            if self._looking is None:
                self._looking = asyncio.create_task(self._look())
        return await asyncio.shield(asked)  # others may wait for the same

    def forget(self, node: str) -> None:
        """Look it up again next time."""
        self._known.pop(node, None)

    async def _look(self) -> None:
        try:
            while self._asked:
                group = dict(list(self._asked.items())[:AT_ONCE])
                now = self._clock.steady()
                try:
                    found = await self._desk.run(self._look_up, list(group))
                except Exception as error:  # noqa: BLE001 - whatever it is, each of them is told
                    self._settle(group, error)
                else:
                    self._keep(found, now)
                    self._settle(group, found)
        finally:
            self._looking = None

    def _settle(
        self, group: Mapping[str, _Found], found: Mapping[str, NodeRow] | Exception
    ) -> None:
        for node, asked in group.items():
            del self._asked[node]
            if isinstance(found, Exception):
                asked.set_exception(found)
                asked.exception()  # seen, also where whoever asked has gone
            else:
                asked.set_result(found.get(node))

    def _keep(self, found: Mapping[str, NodeRow], now: float) -> None:
        for node, row in found.items():
            self._known.pop(node, None)
            self._known[node] = now, row
            if len(self._known) > _REMEMBERED:
                self._known.popitem(last=False)

    def _look_up(self, some: list[str]) -> dict[str, NodeRow]:
        with self._database.read() as connection:
            return find_nodes(connection, some)
