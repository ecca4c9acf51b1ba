"""Many threads ask at once; each is told its own outcome."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import event, func, select, text

from filterd.feed.refusal import Refused
from filterd.hub.arriving import Arrived, What
from filterd.hub.database import DatabaseError
from filterd.hub.enrolment import end_node, find_node
from filterd.hub.gathering import Gathering
from filterd.hub.ingest import Conflict, Taken, UnknownNode
from filterd.hub.tables import counts, receipts
from tests.support.fleet import NOW_MS, Member, tallied


def of(member, value, what=What.BATCH, skew=None):
    return Arrived(what, member.id, value, NOW_MS, skew)


def outcome(gathering, arrived):
    try:
        return gathering.take(arrived)
    except (Refused, UnknownNode, DatabaseError) as error:
        return error


class Held:
    """A gathering whose first request is held until `number` more wait behind it."""

    def __init__(self, database, number):
        self.gathering, self.commits = Gathering(database), 0
        event.listen(database.engine, "commit", self._count)
        write = Gathering._write

        def writing(gathering, these):
            if not self.commits:
                for _ in range(600):
                    if len(gathering._waiting) >= number:
                        break
                    threading.Event().wait(0.02)
            write(gathering, these)

        self.writing = writing

    def _count(self, _connection):
        self.commits += 1

    def take(self, monkeypatch, *arrived):
        monkeypatch.setattr(Gathering, "_write", self.writing)
        with ThreadPoolExecutor(len(arrived)) as pool:
            first = pool.submit(outcome, self.gathering, arrived[0])
            while not self.gathering._writer.locked() and not first.done():
                threading.Event().wait(0.001)
            return [
                first.result,
                *(pool.submit(outcome, self.gathering, each).result for each in arrived[1:]),
            ]


@pytest.fixture
def members(database):
    return [Member().enrol(database, name=f"School {at}") for at in range(6)]


def number_of(database, table):
    with database.read() as connection:
        return connection.execute(select(func.count()).select_from(table)).scalar_one()


def test_what_waits_is_written_at_once_and_each_is_told_its_own(database, members, monkeypatch):
    stranger = Member()
    with database.write() as connection:
        end_node(connection, members[5].id, NOW_MS)
    forged = members[1].batch()
    forged["batch"]["rows"][0][5] += 1
    proof = [members[2].receipt(1), members[2].receipt(2)]
    asked = (
        of(members[0], members[0].batch()),
        of(members[1], forged),
        of(members[2], proof, What.RECEIPTS),
        of(members[3], members[3].batch(tallied(5))),
        of(stranger, stranger.batch()),
        of(members[5], members[5].batch()),
        of(members[2], proof[:1], What.RECEIPTS),
    )
    held = Held(database, len(asked) - 1)
    told = [each() for each in held.take(monkeypatch, *asked)]
    assert held.commits == 2
    assert [told[0], told[3]] == [Taken(1, 0)] * 2
    assert told[2] + told[6] == Taken(2, 1)
    assert [type(each) for each in (told[1], told[4], told[5])] == [
        Refused,
        UnknownNode,
        UnknownNode,
    ]
    assert number_of(database, counts) == 8
    assert number_of(database, receipts) == 2


def test_a_conflict_is_told_to_one_and_costs_the_others_nothing(database, members, monkeypatch):
    first = members[0].batch()
    members[0].sequence, members[0].before = 0, bytes(32)
    other = members[0].batch(tallied(5))
    asked = (
        of(members[1], members[1].batch()),
        of(members[0], first),
        of(members[2], members[2].batch()),
    )
    held = Held(database, 3)
    told = [each() for each in held.take(monkeypatch, *asked, of(members[0], other))]
    assert [told[0], told[2]] == [Taken(1, 0)] * 2
    assert sorted(type(each).__name__ for each in (told[1], told[3])) == ["Conflict", "Taken"]
    assert number_of(database, counts) in (3 * 3, 3 * 2 + 5)
    assert Conflict in {type(told[1]), type(told[3])}


def test_a_database_that_fails_is_told_to_all_and_the_next_is_taken(database, members):
    gathering = Gathering(database)
    batch = of(members[0], members[0].batch())
    with database.write() as connection:
        connection.execute(text("ALTER TABLE counted RENAME TO hidden"))
    assert isinstance(outcome(gathering, batch), DatabaseError)
    with database.write() as connection:
        connection.execute(text("ALTER TABLE hidden RENAME TO counted"))
    assert outcome(gathering, batch) == Taken(1, 0)


def test_skew_is_noted_with_what_was_sent(database, members):
    Gathering(database).take(of(members[0], members[0].batch(), skew=-42))
    with database.read() as connection:
        assert find_node(connection, members[0].id).skew == -42


def test_a_storm_of_threads_loses_and_doubles_nothing(database, members):
    asked = [of(each, each.batch(tallied(2))) for each in members for _ in range(20)]
    gathering = Gathering(database)
    with ThreadPoolExecutor(8) as pool:
        told = list(pool.map(lambda each: outcome(gathering, each), asked + asked))
    assert sum((each for each in told), Taken(0, 0)) == Taken(120, 120)
    assert number_of(database, counts) == 240
