"""Killed at every step of an ingest, and two at once: nothing lost, nothing doubled."""

import os

from sqlalchemy import func, select

from filterd.hub.database import open_database
from filterd.hub.ingest import Taken, take_batch, take_receipts
from filterd.hub.tables import batches, candidates, counts, receipts
from filterd.report.batch import Lane
from tests.support.fleet import NOW_MS, Member, candidate, tallied
from tests.support.steps import each_statement, killed_at


def address(database):
    return database.engine.url.render_as_string(hide_password=False)


def sent(member):
    """All that a node sends, and how it is taken."""
    seen = {"lane": Lane.CANDIDATES, "candidates": (candidate(count=5),)}
    found = [(take_batch, member.batch(tallied(4))), (take_batch, member.batch((), **seen))]
    found.append((take_receipts, [member.receipt(1), member.receipt(2)]))
    return found


def ingest(database, member, things):
    for take, value in things:
        with database.write() as connection:
            take(connection, member.id, value, NOW_MS)


def totals(database):
    with database.read() as connection:
        number = select(func.count())
        return {
            "batches": connection.execute(number.select_from(batches)).scalar_one(),
            "rows": connection.execute(number.select_from(counts)).scalar_one(),
            "counted": connection.execute(select(func.sum(counts.c.count))).scalar_one(),
            "receipts": connection.execute(number.select_from(receipts)).scalar_one(),
            "seen": connection.execute(select(func.sum(candidates.c.count))).scalar_one(),
        }


EACH = {"batches": 2, "rows": 4, "counted": 10, "receipts": 2, "seen": 5}


def test_killed_at_every_step_of_ingest(database):
    url = address(database)
    database.close()  # its connections are not for the children
    step = 0
    while True:
        step += 1
        member = Member().enrol(database, name=f"School {step}")
        things = sent(member)
        database.close()

        def work(reached, member=member, things=things):
            mine = open_database(url)
            each_statement(mine.engine, reached)
            ingest(mine, member, things)

        killed = killed_at(step, work)
        ingest(database, member, things)  # the node had no answer, so it sends all of it again
        assert totals(database) == {name: value * step for name, value in EACH.items()}
        database.close()
        if not killed:
            break
    assert step > 20


def test_two_processes_take_the_same_at_once(database):
    url = address(database)
    members = [Member().enrol(database, name=f"School {at}") for at in range(8)]
    things = [(member, each) for member in members for each in sent(member)]
    database.close()
    children = []
    for turn in range(4):
        child = os.fork()
        if child == 0:
            status = 1
            try:
                mine = open_database(url)
                ordered = things if turn % 2 else things[::-1]
                for member, each in ordered:
                    ingest(mine, member, [each])
                status = 0
            finally:
                os._exit(status)
        children.append(child)
    assert [os.waitpid(child, 0)[1] for child in children] == [0] * 4
    assert totals(database) == {name: value * 8 for name, value in EACH.items()}
    with database.read() as connection:
        assert set(connection.execute(select(batches.c.chain)).scalars()) == {"whole"}
    member, (take, value) = things[0]
    with database.write() as connection:
        assert take(connection, member.id, value, NOW_MS) == Taken(0, 1)
