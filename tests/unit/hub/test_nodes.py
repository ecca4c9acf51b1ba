"""Nodes that are asked for together are looked up together."""

import asyncio

import pytest

from filterd.hub.database import DatabaseError
from filterd.hub.limits import Desk
from filterd.hub.nodes import Nodes
from filterd.model.clock import Clock
from tests.support.fleet import Member


class Counted(Desk):
    """A desk that counts what it is asked."""

    def __init__(self):
        super().__init__(1, 8, "test")
        self.asked = 0

    async def run(self, work, *given):
        self.asked += 1
        return await super().run(work, *given)


def test_many_are_one_question_and_then_none(database):
    members = [Member().enrol(database, name=f"School {at}") for at in range(5)]
    now = [100.0]

    async def run():
        desk = Counted()
        nodes = Nodes(database, desk, Clock(lambda: 0.0, lambda: now[0]))
        wanted = [each.id for each in members] * 2 + ["nobody"]
        found = await asyncio.gather(*map(nodes.find, wanted))
        assert [None if row is None else row.id for row in found] == [*wanted[:-1], None]
        assert desk.asked == 1
        assert (await nodes.find(wanted[0])).id == wanted[0]
        assert desk.asked == 1, "it is remembered"
        nodes.forget(wanted[0])
        await nodes.find(wanted[0])
        now[0] += 60
        await nodes.find(wanted[1])
        assert desk.asked == 3, "not for ever"
        desk.close()

    asyncio.run(run())


def test_a_database_that_fails_is_told_to_each_who_waits(database):
    class Broken(Counted):
        async def run(self, work, *given):
            raise DatabaseError("gone")

    async def run():
        desk = Broken()
        nodes = Nodes(database, desk, Clock(lambda: 0.0, lambda: 0.0))
        told = await asyncio.gather(*map(nodes.find, "ab"), return_exceptions=True)
        assert [type(each) for each in told] == [DatabaseError] * 2
        with pytest.raises(DatabaseError):
            await nodes.find("a")
        desk.close()

    asyncio.run(run())
