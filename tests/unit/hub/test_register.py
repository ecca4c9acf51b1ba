import shutil

import pytest
from sqlalchemy import func, select

from filterd.feed.checkpoint import PATH
from filterd.feed.ledger import digest
from filterd.feed.merkle import Edge
from filterd.feed.refusal import Fault, Refused
from filterd.feed.segment import path_of, unpack
from filterd.hub.register import (
    FROM_LOG,
    published,
    reconcile,
    registered,
    stored_act,
    submit,
    waiting,
    withdraw,
)
from filterd.hub.tables import orders, revocations, segments
from filterd.model.order import Priority, Revocation
from tests.support.ministry import NOW, Ministry, order

NOW_MS = NOW * 1000


@pytest.fixture(scope="module")
def ministry():
    return Ministry.new()


@pytest.fixture
def log(ministry, tmp_path):
    return ministry.log(tmp_path / "feed")


def rows(database, table):
    with database.read() as connection:
        return connection.execute(select(table)).all()


def given(database, *acts, at_ms=NOW_MS):
    with database.write() as connection:
        return [submit(connection, act, "An officer", at_ms) for act in acts]


def healed(database, log):
    with database.write() as connection:
        return reconcile(connection, log.folder)


def revocation(number="2026-1"):
    return Revocation(number, "ministry", "lifted by the court", NOW + 10)


def test_an_order_waits_until_it_is_published(database, ministry, log):
    signed = ministry.sign(order())
    (kept,) = given(database, signed)
    assert (kept.digest, kept.known) == (digest(signed), False)
    with database.read() as connection:
        (found,) = waiting(connection)
    assert (found.signed, found.urgent, found.at) == (signed, False, NOW_MS)
    log.append([found.signed], NOW, "label")
    assert healed(database, log) == 1
    with database.read() as connection:
        assert waiting(connection) == ()
    (row,) = rows(database, orders)
    assert (row.segment, row.submitted_by) == (0, "An officer")
    assert row.signed_at == signed.signed_at * 1000
    assert stored_act(row.body) == signed


def test_the_same_act_again_changes_nothing(database, ministry):
    signed = ministry.sign(order())
    given(database, signed)
    (again,) = given(database, signed, at_ms=NOW_MS + 9)
    assert again.known
    assert [row.submitted_at for row in rows(database, orders)] == [NOW_MS]


def test_urgent_ones_and_revocations_do_not_wait_long(database, ministry):
    urgent = ministry.sign(order(id="2026-2", priority=Priority.URGENT))
    given(database, ministry.sign(order()), at_ms=NOW_MS)
    given(database, urgent, at_ms=NOW_MS + 1)
    given(database, ministry.sign(revocation()), at_ms=NOW_MS + 2)
    with database.read() as connection:
        assert [each.urgent for each in waiting(connection)] == [False, True, True]


def test_what_is_warranted_no_more_is_withdrawn_unless_it_is_out(database, ministry, log):
    signed = ministry.sign(order())
    given(database, signed)
    with database.write() as connection:
        assert withdraw(connection, digest(signed))
    assert rows(database, orders) == []
    log.append([signed], NOW, "label")
    healed(database, log)
    with database.write() as connection:
        assert not withdraw(connection, digest(signed))


def test_a_revocation_marks_the_orders_it_names(database, ministry, log):
    first, other = ministry.sign(order()), ministry.sign(order(id="2026-2"))
    log.append([first, other], NOW, "a")
    log.append([ministry.sign(revocation())], NOW + 20, "b")
    later = ministry.sign(order(reference="18/QD"))  # the same id, logged after it
    log.append([later], NOW + 30, "c")
    healed(database, log)
    marks = {bytes(row.digest): row.revoked_segment for row in rows(database, orders)}
    assert marks == {digest(first): 1, digest(other): None, digest(later): None}
    (row,) = rows(database, revocations)
    assert (row.kind, row.segment, row.submitted_by) == ("revoke", 1, FROM_LOG)


def test_the_register_goes_on_from_where_it_is(database, ministry, log):
    log.append([ministry.sign(order())], NOW, "a")
    assert healed(database, log) == 1
    assert healed(database, log) == 0
    for number in range(5):
        log.append([ministry.sign(order(id=f"2026-{number + 2}"))], NOW + number, "b")
    log.renew(NOW + 60)
    assert healed(database, log) == 5
    with database.read() as connection:
        assert registered(connection) == log.position.edge
    assert [row.root for row in rows(database, segments)][-1] == log.position.edge.root


def test_published_twice_is_once(database, ministry, log):
    log.append([ministry.sign(order())], NOW, "a")
    healed(database, log)
    first = rows(database, segments)
    with database.write() as connection:
        file = unpack((log.folder / path_of(0)).read_bytes())
        published(connection, file, log.position.edge, NOW_MS + 99_999)
    assert rows(database, segments) == first
    assert first[0].published_at // 1000 == NOW


def test_a_long_log_is_registered_in_parts(database, ministry, log):
    for number in range(5):
        log.append([ministry.sign(order(id=f"o{number}"))], NOW + number, f"c{number}")
    found = []
    while not found or found[-1]:
        with database.write() as connection:
            found.append(reconcile(connection, log.folder, 2))
    assert found == [2, 2, 1, 0]
    with database.read() as connection:
        assert registered(connection) == log.position.edge
    assert len(rows(database, segments)) == 5


def test_no_log_is_no_news(database, tmp_path):
    with database.write() as connection:
        assert reconcile(connection, tmp_path) == 0
        assert registered(connection) == Edge()


def test_an_old_copy_of_the_log_is_refused(database, ministry, log, tmp_path):
    log.append([ministry.sign(order())], NOW, "a")
    old = tmp_path / "old"
    shutil.copytree(log.folder, old)
    log.append([ministry.sign(order(id="2026-2"))], NOW, "b")
    healed(database, log)
    with database.write() as connection, pytest.raises(Refused, match="old copy") as told:
        reconcile(connection, old)
    assert told.value.fault is Fault.ROLLBACK


def test_another_log_is_refused_and_leaves_nothing(database, ministry, log, tmp_path):
    log.append([ministry.sign(order())], NOW, "a")
    healed(database, log)
    other = ministry.log(tmp_path / "other")
    other.append([ministry.sign(order(id="2026-7"))], NOW, "x")
    other.append([ministry.sign(order(id="2026-8"))], NOW, "y")

    with pytest.raises(Refused) as told:
        healed(database, other)
    assert told.value.fault is Fault.SPLIT_VIEW
    assert len(rows(database, segments)) == 1


def test_a_segment_whose_file_is_cut_leaves_nothing(database, ministry, log):
    log.append([ministry.sign(order())], NOW, "a")
    log.append([ministry.sign(order(id="2026-2"))], NOW, "b")
    path = log.folder / path_of(1)
    path.write_bytes(path.read_bytes()[:-3])
    with pytest.raises(Refused):
        healed(database, log)
    assert rows(database, segments) == []
    assert (log.folder / PATH).exists()


def test_times_that_no_column_holds(database, ministry, log):
    wide = ministry.sign(order(not_before=0, not_after=10**30))
    with pytest.raises(Refused, match="times"):
        given(database, wide)
    log.append([wide], NOW, "a")  # somebody who has the log's key may
    healed(database, log)
    assert [row.not_after for row in rows(database, orders)] == [2**53]


def test_submitted_here_and_logged_elsewhere_is_one_row(database, ministry, log):
    signed = ministry.sign(order())
    log.append([signed], NOW, "a")
    healed(database, log)
    (kept,) = given(database, signed)
    assert kept.known
    with database.read() as connection:
        assert connection.execute(select(func.count()).select_from(orders)).scalar_one() == 1
