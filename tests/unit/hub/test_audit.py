import threading

import pytest
from sqlalchemy import delete, insert, select, update

from filterd.hub import audit
from filterd.hub.audit import note, verify
from filterd.hub.tables import audits
from tests.support.fleet import NOW_MS


def written(database, number=3):
    for at in range(number):
        with database.write() as connection:
            note(
                connection,
                "An operator",
                "invite",
                f"school {at}",
                {"province": "north"},
                NOW_MS + at,
            )


def verified(database):
    with database.read() as connection:
        return verify(connection)


def test_a_log_that_nobody_touched_holds(database, monkeypatch):
    monkeypatch.setattr(audit, "_CHUNK", 2)
    assert verified(database).newest == audit.FIRST
    written(database, 5)
    found = verified(database)
    assert (found.rows, found.broken) == (5, None)


@pytest.mark.parametrize(
    ("change", "broken"),
    [
        (update(audits).where(audits.c.number == 2).values(who="Somebody else"), 2),
        (update(audits).where(audits.c.number == 2).values(detail="{}"), 2),
        (update(audits).where(audits.c.number == 1).values(at=0), 1),
        (delete(audits).where(audits.c.number == 2), 3),
        (delete(audits).where(audits.c.number == 1), 2),
    ],
)
def test_a_log_that_was_changed_does_not(database, change, broken):
    written(database)
    with database.write() as connection:
        connection.execute(change)
    assert verified(database).broken == broken


def test_a_cut_log_has_another_newest_digest(database):
    written(database)
    before = verified(database).newest
    with database.write() as connection:
        connection.execute(delete(audits).where(audits.c.number == 3))
    found = verified(database)
    assert found.broken is None
    assert found.newest != before


def test_a_row_put_in_is_found(database):
    written(database)
    with database.write() as connection:
        row = connection.execute(select(audits).where(audits.c.number == 3)).mappings().one()
        connection.execute(insert(audits).values(**{**row, "number": 4}))
    assert verified(database).broken == 4


def test_what_is_unprintable_is_written_out(database):
    with database.write() as connection:
        note(connection, "a\x00b", "enrol", "line\nbreak" + "x" * 1000, {"why": "nul \x00"}, NOW_MS)
    with database.read() as connection:
        row = connection.execute(select(audits)).one()
    assert (row.who, len(row.subject)) == ("a\ufffdb", 400)
    assert verified(database).broken is None


def test_many_writers_make_one_chain(database):
    def write(number):
        for at in range(10):
            with database.write() as connection:
                note(connection, f"writer {number}", "look", str(at), {}, NOW_MS)

    writers = [threading.Thread(target=write, args=(number,)) for number in range(4)]
    for each in writers:
        each.start()
    for each in writers:
        each.join()
    found = verified(database)
    assert (found.rows, found.broken) == (40, None)
