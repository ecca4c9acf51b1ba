"""A group of requests is written at once; each is told its own outcome."""

from sqlalchemy import func, select, text

from filterd.feed.refusal import Refused
from filterd.hub.arriving import Arrived, What
from filterd.hub.database import DatabaseError
from filterd.hub.ingest import Conflict, Taken, UnknownNode
from filterd.hub.intake import write
from filterd.hub.tables import counts
from tests.support.fleet import NOW_MS, Member, tallied


def of(member, value, what=What.BATCH):
    return Arrived(what, member.id, value, NOW_MS)


def rows(database):
    with database.read() as connection:
        return connection.execute(select(func.count()).select_from(counts)).scalar_one()


def test_each_is_told_its_own_outcome(database):
    one, two = (Member().enrol(database, name=f"School {at}") for at in range(2))
    stranger, forged = Member(), two.batch()
    forged["batch"]["rows"][0][5] += 1
    proof = of(one, [one.receipt(1), one.receipt(2)], What.RECEIPTS)
    first = of(one, one.batch())
    told = write(
        database, [first, of(two, forged), of(stranger, stranger.batch()), proof, first, proof]
    )
    assert [told[0], told[3], told[4], told[5]] == [
        Taken(1, 0),
        Taken(2, 0),
        Taken(0, 1),
        Taken(0, 2),
    ]
    assert [type(told[1]), type(told[2])] == [Refused, UnknownNode]
    assert rows(database) == 3


def test_a_conflict_costs_the_others_nothing(database):
    one, two = (Member().enrol(database, name=f"School {at}") for at in range(2))
    first = of(one, one.batch())
    one.sequence, one.before = 0, bytes(32)
    told = write(database, [first, of(one, one.batch(tallied(5))), of(two, two.batch())])
    assert [told[0], type(told[1]), told[2]] == [Taken(1, 0), Conflict, Taken(1, 0)]
    assert rows(database) == 6


def test_a_database_that_fails_is_told_to_all(database):
    member = Member().enrol(database)
    batch = of(member, member.batch())
    with database.write() as connection:
        connection.execute(text("ALTER TABLE counted RENAME TO hidden"))
    assert [type(each) for each in write(database, [batch, batch])] == [DatabaseError] * 2
    with database.write() as connection:
        connection.execute(text("ALTER TABLE hidden RENAME TO counted"))
    assert write(database, [batch]) == [Taken(1, 0)]
