import hashlib
from dataclasses import replace

import pytest
from sqlalchemy import func, select

from filterd.feed.canonical import canonical
from filterd.feed.envelope import seal
from filterd.feed.gathering import gathered
from filterd.feed.merkle import Edge, leaf_hash
from filterd.feed.receipt import Check, Earlier
from filterd.feed.refusal import Fault, Refused
from filterd.feed.segment import Segment
from filterd.hub.compliance import Look
from filterd.hub.enrolment import end_node, find_node
from filterd.hub.ingest import Conflict, Taken, UnknownNode, take_batch, take_receipts
from filterd.hub.register import published
from filterd.hub.statistics import Span, sites
from filterd.hub.tables import audits, batches, candidates, checks, counts, receipts
from filterd.report.batch import (
    SITES_FORM,
    SITES_LABELLED,
    SITES_UNLABELLED,
    Band,
    Lane,
    Tallied,
)
from tests.support.fleet import BUCKET, DAY, NOW, NOW_MS, Member, candidate, tallied


@pytest.fixture
def member(database):
    return Member().enrol(database)


def take(database, member, batch, now_ms=NOW_MS):
    with database.write() as connection:
        return take_batch(connection, member.id, batch, now_ms)


def proved(database, member, *values, now_ms=NOW_MS):
    with database.write() as connection:
        return take_receipts(connection, member.id, values, now_ms)


def number_of(database, table):
    with database.read() as connection:
        return connection.execute(select(func.count()).select_from(table)).scalar_one()


def chains(database):
    with database.read() as connection:
        rows = connection.execute(select(batches.c.sequence, batches.c.chain)).all()
    return {row.sequence: row.chain for row in rows}


def test_a_batch_is_taken_once(database, member):
    batch = member.batch()
    assert take(database, member, batch) == Taken(1, 0)
    assert take(database, member, batch) == Taken(0, 1)
    assert number_of(database, counts) == 3
    with database.read() as connection:
        row = connection.execute(select(counts).order_by(counts.c.place)).first()
    assert (row.bucket, row.rule, row.bracket, row.deed, row.count, row.clients) == (
        BUCKET,
        "order:ministry/2026-0",
        "6-10",
        "block",
        1,
        "1-4",
    )


def test_sites_of_a_day_are_kept_as_they_came(database, member):
    day = BUCKET // 86_400 * 86_400 - 86_400
    span, bracket, deed, clients = SITES_FORM
    words = ((SITES_LABELLED, 3), (SITES_UNLABELLED, 40))
    rows = tuple(Tallied(day, span, word, bracket, deed, n, clients) for word, n in words)
    assert take(database, member, member.batch(rows=rows)) == Taken(1, 0)
    with database.read() as connection:
        told = connection.execute(select(counts.c.rule, counts.c.count, counts.c.span)).all()
        assert sites(Look(connection, NOW_MS), Span(day, day + 86_400)) == [
            {"day": day, "nodes": 1, "labelled": 3, "unlabelled": 40}
        ]
    assert sorted(told) == [(SITES_LABELLED, 3, 86_400), (SITES_UNLABELLED, 40, 86_400)]


def test_another_batch_under_the_same_id_is_a_conflict(database, member):
    take(database, member, member.batch())
    member.sequence, member.before = 0, bytes(32)
    with pytest.raises(Conflict, match="another one") as told:
        take(database, member, member.batch(tallied(5)))
    assert told.value.fault is Fault.DUPLICATE
    assert number_of(database, counts) == 3


def test_a_chain_is_followed_in_any_order(database, member):
    first, second, third = member.batch(), member.batch(), member.batch()
    take(database, member, first)
    take(database, member, third)
    assert chains(database) == {0: "whole", 2: "gap"}
    take(database, member, second)
    assert chains(database) == {0: "whole", 1: "whole", 2: "whole"}


def test_a_batch_that_follows_another_history_is_noted(database, member):
    take(database, member, member.batch())
    member.before = bytes(31) + b"\x01"
    assert take(database, member, member.batch()) == Taken(1, 0)
    assert chains(database) == {0: "whole", 1: "fork"}


def test_the_first_batch_follows_nothing(database, member):
    member.before = bytes(31) + b"\x01"
    take(database, member, member.batch())
    assert chains(database) == {0: "fork"}


def test_candidates_add_up_by_day(database, member):
    for count, clients in ((12, Band.SOME), (40, Band.MANY), (1, Band.FEW)):
        lane = {"lane": Lane.CANDIDATES, "candidates": (candidate(count=count, clients=clients),)}
        take(database, member, member.batch((), **lane))
    with database.read() as connection:
        (row,) = connection.execute(select(candidates)).all()
    assert (row.day, row.domain, row.count, row.clients) == (DAY, "unknown.example", 53, "20+")


def test_an_unknown_or_ended_node_is_nobody(database, member):
    stranger = Member()
    with pytest.raises(UnknownNode, match="enrol"):
        take(database, stranger, stranger.batch())
    with database.write() as connection:
        end_node(connection, member.id, NOW_MS)
    with pytest.raises(UnknownNode, match="ended"):
        take(database, member, member.batch())


def test_a_forged_batch_is_refused(database, member):
    other = Member().enrol(database, name="Other school")
    with pytest.raises(Refused) as told:
        take(database, member, other.batch())
    assert told.value.fault is Fault.UNSIGNED
    batch = member.batch()
    batch["batch"]["rows"][0][5] += 1
    with pytest.raises(Refused) as told:
        take(database, member, batch)
    assert told.value.fault is Fault.UNSIGNED
    assert number_of(database, batches) == 0


def test_a_batch_in_the_name_of_another_is_refused(database, member):
    other = Member().enrol(database, name="Other school")
    with pytest.raises(Refused, match="another node"):
        take(database, member, member.batch(node=other.id))


@pytest.mark.parametrize(
    ("changed", "why"),
    [
        ({"made_at": NOW + 301}, "dated"),
        ({"rows": tallied(1, BUCKET + 900)}, "dated"),
        ({"rows": tallied(1, BUCKET - 86_400 * 400 - (BUCKET % 86_400) % 300)}, "older than"),
        ({"rows": tallied(1, rule="secret:")}, "not a rule"),
        ({"rows": tallied(1, rule="order:a\x00/")}, "not a rule"),
        ({"rows": tallied(1, rule="sites:vn-labelled")}, "not a rule"),
        ({"rows": (replace(tallied(1)[0], rule="sites:vn-labelled"),)}, "not as sites"),
        ({"candidates": (candidate("Not A Name"),)}, "not a name"),
        ({"candidates": (candidate("nul\x00.example"),)}, "not a name"),
        ({"candidates": (candidate(day=DAY + 86_400),)}, "dated"),
        ({"sequence": 2**63}, "not a number"),
    ],
)
def test_what_cannot_be_is_refused_and_leaves_nothing(database, member, changed, why):
    with pytest.raises(Refused, match=why):
        take(database, member, member.batch(**changed))
    assert number_of(database, batches) == number_of(database, counts) == 0


def test_a_field_that_nobody_knows_is_refused(database, member):
    plain = {**member.batch()["batch"], "client": "192.0.2.7"}
    with pytest.raises(Refused, match="unknown field 'client'"):
        take(database, member, seal("batch", plain, member.signer))


def test_receipts_are_taken_once(database, member):
    first, second = member.receipt(1), member.receipt(2)
    assert proved(database, member, first, second) == Taken(2, 0)
    assert proved(database, member, second, member.receipt(3)) == Taken(1, 1)
    assert number_of(database, receipts) == 3
    with database.read() as connection:
        assert find_node(connection, member.id).size == 3
        body = connection.execute(select(receipts.c.body).where(receipts.c.size == 1)).scalar_one()
    assert bytes(body) == canonical(first)  # evidence


def test_an_old_receipt_does_not_set_a_node_back(database, member):
    proved(database, member, member.receipt(7))
    proved(database, member, member.receipt(3))
    with database.read() as connection:
        assert find_node(connection, member.id).size == 7


def test_a_look_again_adds_its_checks_only(database, member):
    done = Check("expiry", "a.canary.example", NOW_MS - 50, NOW_MS - 40, good=True)
    proved(database, member, member.receipt(1))
    again = member.receipt(1, checks=(done,))
    assert proved(database, member, again) == Taken(1, 0)
    assert proved(database, member, again) == Taken(0, 1)
    assert number_of(database, receipts) == number_of(database, checks) == 1


def gather(member, *sealed):
    """What the node sends when these waited for each other."""
    (one,) = gathered(sealed, member.signer)
    return one


def rows(database):
    """(size, T4, within, has a body) of each receipt."""
    chosen = select(receipts).order_by(receipts.c.size)
    with database.read() as connection:
        return [
            (row.size, row.node_observed_at, row.within, bool(row.body))
            for row in connection.execute(chosen)
        ]


def test_a_receipt_that_tells_of_earlier_ones_counts_as_all_of_them(database, member):
    done = Check("expiry", "0", NOW_MS - 50, NOW_MS - 40, good=True)
    sealed = [
        member.receipt(2, at_ms=NOW_MS - 2000, checks=(done,)),
        member.receipt(3, at_ms=NOW_MS - 1000),
        member.receipt(5),
    ]
    whole = gather(member, *sealed)
    assert proved(database, member, whole) == Taken(3, 0)
    assert proved(database, member, whole) == Taken(0, 3)
    t4 = NOW_MS - 10
    assert rows(database) == [
        (2, t4 - 2000, 5, False),
        (3, t4 - 1000, 5, False),
        (5, t4, None, True),
    ]
    assert number_of(database, checks) == 1
    with database.read() as connection:
        assert find_node(connection, member.id).size == 5


def test_gathered_anew_after_an_answer_that_got_lost(database, member):
    sealed = [member.receipt(size, root=bytes([size]) * 32) for size in (1, 2, 3, 4)]
    assert proved(database, member, gather(member, *sealed[1:3])) == Taken(2, 0)
    assert proved(database, member, gather(member, *sealed)) == Taken(2, 2)
    assert [(size, within) for size, _, within, _ in rows(database)] == [
        (1, 4), (2, 3), (3, None), (4, None),
    ]  # fmt: skip
    assert proved(database, member, *sealed) == Taken(0, 4)
    assert all(body for *_, body in rows(database)), "what came by itself speaks for itself"
    with pytest.raises(Conflict, match="another root"):
        proved(database, member, member.receipt(2))


def test_earlier_ones_are_looked_at_as_any(database, member):
    whole = member.receipt(3, earlier=(Earlier(1, NOW_MS, NOW_MS, NOW_MS + 300_001),))
    with pytest.raises(Refused, match="dated 300 s"):
        proved(database, member, whole)
    with pytest.raises(Refused, match="not a number"):
        proved(database, member, member.receipt(3, earlier=(Earlier(1, -5, 1, 1),)))
    many = [
        member.receipt(64 * (turn + 1), earlier=tuple(
            Earlier(64 * turn + at, 1, 1, 1) for at in range(1, 34)
        ))
        for turn in range(2)
    ]  # fmt: skip
    with pytest.raises(Refused, match="more than 64"):
        proved(database, member, *many)
    assert number_of(database, receipts) == 0


def test_the_same_position_twice_in_one_request(database, member):
    done = Check("open", "school.example", 0, NOW_MS - 40, good=False)
    both = (member.receipt(1), member.receipt(1, checks=(done,)))
    assert proved(database, member, *both) == Taken(1, 1)
    assert number_of(database, checks) == 1


def test_another_root_for_the_same_position_is_a_conflict(database, member):
    proved(database, member, member.receipt(1))
    with pytest.raises(Conflict, match="another root"):
        proved(database, member, member.receipt(1, root=bytes(31) + b"\x01"))


@pytest.mark.parametrize(
    ("changed", "why"),
    [
        ({"observed_at": NOW_MS + 300_001}, "dated 300 s"),
        ({"size": 2**64}, "not a number"),
        ({"software": "nul\x00"}, "unprintable"),
        ({"software": ""}, "empty"),
        ({"root": b"short"}, "hash"),
        ({"checks": (Check("open", "a\x00b", 0, 0, good=True),)}, "unprintable"),
        ({"checks": (Check("open", "a.example", 0, NOW_MS + 400_000, good=True),)}, "dated"),
    ],
)
def test_a_receipt_that_cannot_be_is_refused(database, member, changed, why):
    with pytest.raises(Refused, match=why):
        proved(database, member, member.receipt(1), member.receipt(**{"size": 2, **changed}))
    assert number_of(database, receipts) == 0


def segment(number, before):
    return Segment(number, NOW, before, f"x{number}.canary.example", ())


def test_a_receipt_for_another_log_is_evidence(database, member):
    edge = Edge().add(leaf_hash(b"ours"))
    with database.write() as connection:
        published(connection, segment(0, Edge().root), edge, NOW_MS)
    proved(database, member, member.receipt(1, root=edge.root))
    assert number_of(database, audits) == 0
    other = Member().enrol(database, name="Other school")
    for _ in range(2):
        proved(database, other, other.receipt(1, root=hashlib.sha256(b"theirs").digest()))
    with database.read() as connection:
        (row,) = connection.execute(select(audits)).all()
    assert (row.what, row.subject) == ("split-view", other.id)


def test_a_receipt_that_comes_before_the_hub_knows_the_segment_is_compared_later(database, member):
    edge = Edge().add(leaf_hash(b"ours"))
    proved(database, member, member.receipt(1, root=bytes(32)))
    other = Member().enrol(database, name="Other school")
    proved(database, other, other.receipt(1, root=edge.root))
    with database.write() as connection:
        published(connection, segment(0, Edge().root), edge, NOW_MS)
    with database.read() as connection:
        assert [row.subject for row in connection.execute(select(audits))] == [member.id]


def test_numbers_that_a_column_cannot_hold_are_bounded(database, member):
    receipt = member.receipt(1, refused=2**52)
    assert proved(database, member, receipt) == Taken(1, 0)
