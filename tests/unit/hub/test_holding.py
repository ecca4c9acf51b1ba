"""What nodes hold, against a slow, obvious reading of all that they said."""

import random
import re

import pytest
from sqlalchemy import event, insert, select, text

from filterd.feed.canonical import canonical
from filterd.feed.envelope import seal
from filterd.feed.gathering import gathered
from filterd.hub.enrolment import find_node
from filterd.hub.ingest import Conflict, Taken, take_receipts
from filterd.hub.retention import sweep
from filterd.hub.tables import holdings, receipts
from tests.support.fleet import NOW, NOW_MS, Member


@pytest.fixture
def member(database):
    return Member().enrol(database)


def said(member, size, at, *held):
    """Return a receipt that was observed `at` milliseconds after noon of the node's."""
    return member.receipt(size, held=tuple(held), at_ms=NOW_MS - 100_000 + at)


def take(database, member, *values, now_ms=NOW_MS):
    with database.write() as connection:
        return take_receipts(connection, member.id, values, now_ms)


def rows(database, member):
    """Return segment -> (size and moment of the hold, those of the release or None)."""
    with database.read() as connection:
        mine = select(holdings).where(holdings.c.node == member.id)
        found = connection.execute(mine.order_by(holdings.c.segment)).all()
        counted = find_node(connection, member.id).held
    assert counted == sum(row.released_at is None for row in found)
    early = NOW_MS - 100_000 - 10
    return {
        row.segment: (
            (row.size, row.node_told_at - early),
            None if row.released_at is None else (row.released_size, row.node_released_at - early),
        )
        for row in found
    }


def test_what_is_held_is_kept_until_a_receipt_of_the_same_size_releases_it(database, member):
    assert take(database, member, said(member, 3, 1, 0, 2), now_ms=NOW_MS + 1) == Taken(1, 0)
    assert rows(database, member) == {0: ((3, 1), None), 2: ((3, 1), None)}
    release = said(member, 3, 9, 0)
    assert take(database, member, release, now_ms=NOW_MS + 2) == Taken(1, 0)
    assert rows(database, member) == {0: ((3, 9), None), 2: ((3, 1), (3, 9))}
    with database.read() as connection:
        row = connection.execute(select(holdings).where(holdings.c.segment == 2)).one()
    assert (row.told_at, row.released_at) == (NOW_MS + 1, NOW_MS + 2)
    assert b'"held":[0]' in bytes(row.body)
    assert release["receipt"]["observed_at"] == row.node_released_at


def test_sent_again_it_changes_nothing(database, member):
    both = (said(member, 3, 1, 0, 2), said(member, 3, 9, 0))
    assert take(database, member, *both) == Taken(1, 1)
    with database.read() as connection:
        before = connection.execute(select(holdings)).all()
    for again in (both, both[:1], both[1:]):
        assert take(database, member, *again, now_ms=NOW_MS + 5) == Taken(0, len(again))
    with database.read() as connection:
        assert connection.execute(select(holdings)).all() == before


def test_an_older_receipt_does_not_hold_again_what_a_newer_one_released(database, member):
    take(database, member, said(member, 5, 50))
    assert rows(database, member) == {}
    take(database, member, said(member, 3, 1, 2))
    assert rows(database, member) == {2: ((3, 1), (5, 50))}
    take(database, member, said(member, 4, 20))
    assert rows(database, member) == {2: ((3, 1), (4, 20))}
    take(database, member, said(member, 4, 10, 2))
    assert rows(database, member) == {2: ((4, 10), (4, 20))}


def test_what_is_held_again_is_not_enforced_again(database, member):
    for size, held in ((3, [1]), (4, []), (5, [1])):
        take(database, member, said(member, size, size, *held), now_ms=NOW_MS + size)
    assert rows(database, member) == {1: ((5, 5), None)}
    with database.read() as connection:
        assert connection.execute(select(holdings.c.told_at)).scalar_one() == NOW_MS + 5


def test_a_clock_that_was_set_back_releases_all_the_same(database, member):
    take(database, member, said(member, 3, 90_000, 1))
    take(database, member, said(member, 4, 5))
    assert rows(database, member) == {1: ((3, 90_000), (4, 5))}


def test_a_conflict_leaves_nothing_of_what_was_held(database, member):
    take(database, member, said(member, 2, 1))
    other = member.receipt(2, root=b"\1" * 32, held=(1,))
    with pytest.raises(Conflict):
        take(database, member, said(member, 3, 2, 0), other)
    assert rows(database, member) == {}


def history(dice):
    """Return what a node signs: (size, moment, held), each size once or, with less held, twice."""
    moment, words = 0, []
    for size in range(1, 6):
        held = {each for each in range(size) if dice.random() < 0.4}
        for _ in range(dice.choice((0, 1, 1, 2))):
            moment += 10
            words.append((size, moment, tuple(sorted(held))))
            held = {each for each in held if dice.random() < 0.5}
    return words


def reading(words):
    """Return what `rows` is to be, as all words together say it."""
    found = {}
    for segment in range(5):
        held = [word[:2] for word in words if segment in word[2]]
        if held:
            later = [w[:2] for w in words if w[:2] > max(held) and segment not in w[2]]
            found[segment] = (max(held), min(later, default=None))
    return found


@pytest.mark.parametrize("seed", range(10))
def test_in_any_order_and_any_number_of_times(database, seed):
    dice = random.Random(seed)
    words = history(dice)
    member, ordered = Member().enrol(database), Member().enrol(database)
    take(database, ordered, *(said(ordered, s, at, *held) for s, at, held in words))
    assert rows(database, ordered) == reading(words)
    arriving = [*words, *dice.choices(words, k=3)] if words else []
    dice.shuffle(arriving)
    while arriving:
        some = [arriving.pop() for _ in range(min(len(arriving), dice.randrange(1, 4)))]
        sealed = [said(member, s, at, *held) for s, at, held in sorted(some)]
        if dice.random() < 0.5:  # as a node sends what has waited
            sealed = gathered(sealed, member.signer)
        take(database, member, *sealed)
    found, truth = rows(database, member), reading(words)
    assert {each: row[0] for each, row in found.items()} == {e: row[0] for e, row in truth.items()}
    for segment, (_, released) in found.items():
        first = truth[segment][1]
        # Of two receipts of one size the hub may have kept the second only.
        assert released == first or (first is not None and released[0] == first[0] > 0), segment


def test_a_burst_that_holds_nothing_asks_nothing(database):
    """Neither at first nor for what is new of nodes that held something once."""
    statements = []
    event.listen(database.engine, "before_cursor_execute", lambda *told: statements.append(told[2]))
    one = Member().enrol(database)
    take(database, one, said(one, 1, 1), said(one, 2, 2))
    about = re.compile(r"(FROM|INTO|UPDATE|JOIN) held\b")
    assert not any(about.search(each) for each in statements)
    take(database, one, said(one, 3, 3, 2))
    assert any(about.search(each) for each in statements)
    take(database, one, said(one, 4, 4))
    assert rows(database, one) == {2: ((3, 3), (4, 4))}
    statements.clear()
    take(database, one, said(one, 5, 5))
    assert not any(about.search(each) for each in statements)


def test_most_that_a_request_may_hold(database, member):
    many = [said(member, 300 + at, at, *range(at, at + 256)) for at in range(40)]
    assert take(database, member, *many) == Taken(40, 0)
    assert len(rows(database, member)) == 295
    assert take(database, member, said(member, 400, 50)) == Taken(1, 0)
    assert all(released for _, released in rows(database, member).values())


def test_a_receipt_of_an_older_release_holds_nothing(database, member):
    plain = said(member, 3, 1)["receipt"]
    values = dict.fromkeys(("node_received_at", "node_applied_at", "arrived_at", "refused"), 0)
    old = {name: each for name, each in plain.items() if name != "held"}
    values |= {"node": member.id, "size": 3, "root": bytes(32), "state": bytes(32)}
    values |= {"software": "0", "node_observed_at": plain["observed_at"]}
    values |= {"body": canonical(seal("receipt", old, member.signer))}
    with database.write() as connection:
        connection.execute(insert(receipts).values(**values))
        connection.execute(text("UPDATE node SET size = 3"))
    take(database, member, said(member, 2, 0, 1))
    assert rows(database, member) == {1: ((2, 0), (3, 1))}


def test_what_was_released_long_ago_goes_with_its_receipts(database, member):
    take(database, member, said(member, 3, 1, 0, 1))
    take(database, member, said(member, 4, 2, 1))
    sweep(database, NOW + 397 * 86_400)
    assert rows(database, member) == {1: ((4, 2), None)}
