"""A snapshot leads to where its log does, or to nothing."""

import os
from dataclasses import replace

import pytest

from filterd.feed.base import load_base, read_state, use
from filterd.feed.basing import make_base, make_job
from filterd.feed.body import Body
from filterd.feed.merkle import Edge, leaf_hash
from filterd.feed.refusal import Fault, Refused
from filterd.feed.segment import path_of
from filterd.feed.snapshot import (
    PATH,
    check_leaves,
    is_worth,
    leaves_path,
    read_statement,
    sign_statement,
)  # fmt: skip
from filterd.feed.stored import read_snapshot, read_stored
from filterd.feed.summing import publish_snapshot
from filterd.model.order import Revocation
from tests.support.ministry import NOW, Ministry, order

NAMES = ("hotline.example",)


@pytest.fixture(scope="module")
def ministry():
    return Ministry.new()


@pytest.fixture
def log(tmp_path, ministry):
    log = ministry.log(tmp_path / "node" / "log")
    for number in range(6):
        names = [f"z{number}.example", f"a{number}.example"]
        log.append([ministry.sign(order(*names, id=f"o{number}"))], NOW + number, f"c{number}")
    log.append([ministry.sign(Revocation("o1", "ministry", "no", NOW))], NOW + 9, "c6")
    return log


def pieces(log, statement):
    return [log.folder / path for path in statement.paths]


def base_of(log, ministry, *, body=(), first=0, name="b-1", position=None):
    folder = log.folder.parent
    job = make_job(
        folder, name, position or log.position, body=body, first=first,
        registry=ministry.registry, must_not_block=NAMES, now=NOW + 60,
    )  # fmt: skip
    make_base(job)
    use(folder, name)
    return load_base(folder)


def refused(fault):
    return pytest.raises(Refused, check=lambda error: error.fault is fault)


def test_it_leads_to_where_the_log_leads(log, ministry):
    statement = publish_snapshot(log)
    read, position = read_snapshot(log.folder, ministry.log_key)
    assert (read, position) == (statement, log.position)
    log.append([ministry.sign(order("later.example", id="o9"))], NOW + 20, "c9")
    assert read_stored(log.folder, ministry.log_key, position).position == log.position
    assert ministry.log(log.folder).position == log.position


def test_the_next_is_made_of_the_one_before_and_the_log(log, ministry):
    publish_snapshot(log)
    for number in range(7):
        (log.folder / path_of(number)).rename(log.folder / f"{number}.away")
    log.append([ministry.sign(order("later.example", id="o9"))], NOW + 20, "c9")
    for number in range(7):  # the sizes and leaves are those of the log
        (log.folder / f"{number}.away").rename(log.folder / path_of(number))
    statement = publish_snapshot(log)
    body = Body.open(pieces(log, statement))
    assert [len(block) > 0 for _, block in body.blocks()] == [True] * 7
    assert body.ledger == log.position.ledger


def test_a_base_of_it_and_one_of_the_log_are_the_same(log, ministry):
    statement = publish_snapshot(log)
    body = tuple(f"log/{path}" for path in statement.paths)
    one = base_of(log, ministry, body=body, first=statement.size)
    two = base_of(log, ministry, name="b-2")
    for base in (one, two):
        assert base.state.position == log.position
        assert base.index.names == 10, "two of each order but the revoked one"
        assert base.index.find("x.a1.example") == []
        (hit,) = base.index.find("x.a2.example")
        assert base.table.classes[hit[0]].list == "ministry/o2"
    assert one.state.judged == two.state.judged
    assert two.state.body == ("base/b-2.body",)
    log.append([ministry.sign(order("later.example", id="o9"))], NOW + 20, "c9")
    three = base_of(log, ministry, name="b-3", body=two.state.body, first=7)
    assert three.state.position == log.position
    assert three.index.names == 11
    assert sorted(each.name.partition(".")[0] for each in (log.folder.parent / "base").iterdir()) == [
        "b-3", "b-3", "b-3", "current",
    ]  # fmt: skip


def test_a_body_that_says_other_patterns_makes_no_base(log, ministry):
    statement = publish_snapshot(log)
    path = pieces(log, statement)[0]
    other = Ministry.new()
    foreign = other.log(log.folder.parent / "other")
    foreign.append([other.sign(order("x.example", id="o0"))], NOW, "c")
    made = publish_snapshot(foreign)
    path.write_bytes(pieces(foreign, made)[0].read_bytes())
    body = tuple(f"log/{each}" for each in statement.paths)
    with refused(Fault.DIVERGED):
        base_of(log, ministry, body=body, first=statement.size)
    with refused(Fault.DIVERGED):
        read_snapshot(log.folder, ministry.log_key)
    assert load_base(log.folder.parent) is None


@pytest.mark.parametrize("cut", [0, 1, 30, 300])
def test_a_body_that_is_cut_off_or_changed_is_refused(log, ministry, cut):
    statement = publish_snapshot(log)
    path = pieces(log, statement)[0]
    whole = path.read_bytes()
    flipped = bytearray(whole)
    flipped[cut] ^= 0xFF
    for damaged in (whole[:cut], bytes(flipped)):
        path.write_bytes(damaged)
        with pytest.raises(Refused):
            base_of(log, ministry, body=tuple(f"log/{p}" for p in statement.paths), first=7)


def test_only_the_log_signs_it(log, ministry):
    statement = publish_snapshot(log)
    other = Ministry.new()
    with refused(Fault.UNSIGNED):
        read_statement(sign_statement(statement, other.log_signer), ministry.log_key)
    data = (log.folder / PATH).read_bytes()
    with refused(Fault.UNSIGNED):
        read_statement(data.replace(b'"patterns":12', b'"patterns":13'), ministry.log_key)
    with refused(Fault.UNSIGNED):
        read_statement(data, replace(ministry.log_key, origin="elsewhere.example"))


def test_who_has_seen_another_history_does_not_take_it(log):
    statement = publish_snapshot(log)
    leaves = (log.folder / leaves_path(statement.size)).read_bytes()
    edge = Edge()
    for number in range(4):
        edge = edge.add(leaf_hash((log.folder / path_of(number)).read_bytes()))
    check_leaves(statement, leaves, edge)
    with refused(Fault.SPLIT_VIEW):
        check_leaves(statement, leaves, edge.add(leaf_hash(b"another")))
    with refused(Fault.SPLIT_VIEW):
        check_leaves(statement, leaves[:-32], edge)


def test_it_is_worth_it_for_those_who_have_not_seen_the_log(log):
    statement = replace(publish_snapshot(log), length=100, log_length=1000)
    assert is_worth(statement, 0)
    assert is_worth(statement, 3)
    assert not is_worth(statement, 7)
    assert not is_worth(replace(statement, length=3000), 0)


def test_a_state_that_is_damaged_is_refused(log, ministry):
    base_of(log, ministry)
    path = log.folder.parent / "base" / "b-1.state"
    whole = path.read_bytes()
    for at in range(0, len(whole), 7):
        damaged = bytearray(whole)
        damaged[at] ^= 1
        with pytest.raises(Refused):
            read_state(bytes(damaged))


def test_a_snapshot_that_breaks_off_at_any_write_leaves_the_one_before(log, ministry, monkeypatch):
    publish_snapshot(log)
    log.append([ministry.sign(order("later.example", id="o9"))], NOW + 20, "c9")
    real, steps = os.fsync, 0

    def fsync(descriptor):
        nonlocal steps
        steps -= 1
        if steps == 0:
            raise OSError("power")
        real(descriptor)

    monkeypatch.setattr(os, "fsync", fsync)
    for number in range(1, 30):
        steps = number
        try:
            publish_snapshot(log)
        except OSError:
            _, position = read_snapshot(log.folder, ministry.log_key)
            assert position.edge.size in {7, 8}
            assert ministry.log(log.folder).position == log.position
            continue
        break
    assert number > 4, "there were steps to walk"
    assert read_snapshot(log.folder, ministry.log_key)[1] == log.position
