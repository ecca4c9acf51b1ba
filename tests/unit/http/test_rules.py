"""The hand-over: what the daemon writes, and how a worker follows it."""

import json
from pathlib import Path

import pytest

from filterd.app.handing_over import HandingOver
from filterd.app.ruling import reword
from filterd.http.rules import Rules
from filterd.model.order import Effect, Match, Order, Pattern, Sunset
from filterd.model.verdict import Kind, Step
from filterd.policy.said import NOTHING
from tests.support.handed import CONFIG, NOW, PUPIL, STAFF, handed, ruling


def test_what_was_handed_over_decides_as_the_daemon_does(tmp_path):
    made = ruling()
    rules = handed(tmp_path, made)
    for name in ("www.bad.example", "good.example", "other.example", "www.google.com", "gov.vn"):
        for client in (PUPIL, STAFF):
            here = made.snapshot.decide(name, 1, NOW, client=client)
            there = rules.now.judge(name, client, NOW)
            assert (there.kind.value, there.step, there.group) == (here.kind, here.step, here.group)
    blocked = rules.now.judge("www.bad.example", PUPIL, NOW)
    assert (blocked.kind, blocked.step, blocked.list) == (
        Kind.BLOCK,
        Step.LOCAL_BLOCK,
        "local-block",
    )
    assert blocked.rule == "bad.example"


def test_groups_and_names_that_are_never_decrypted_come_along(tmp_path):
    rules = handed(tmp_path).now
    assert rules.wishes("192.0.2.30") == ("read", rules.groups["read"])
    assert rules.groups["read"].inspect
    assert not rules.groups["pupils"].inspect
    assert rules.never.covers("www.clinic.example")
    assert rules.never.covers("dichvucong.gov.vn")
    assert not rules.never.covers("good.example")


def test_a_new_hand_over_is_swapped_in_and_its_unchanged_parts_are_not_written_again(tmp_path):
    first, handing = ruling(), HandingOver(tmp_path)
    handing.write(first)
    rules = Rules(tmp_path / "http")
    assert rules.look()
    assert not rules.look()
    handing.write(reword(first, NOTHING, NOW + 1, 2))
    before = rules.now
    assert rules.look()
    assert rules.now is not before
    assert rules.now.snapshot.generation == 2
    names = sorted(path.name.partition("-")[2] for path in (tmp_path / "http").glob("*.index"))
    assert names == ["1-0.index", "1-1.index", "1-2.index", "2-2.index"]
    handing.write(reword(first, NOTHING, NOW + 2, 3))
    assert "1-2.index" not in {
        path.name.partition("-")[2] for path in (tmp_path / "http").glob("*.index")
    }


@pytest.mark.parametrize("damage", ["text", "format", "gone", "cut"])
def test_a_damaged_hand_over_leaves_the_last_rules_in_force(tmp_path, damage):
    rules = handed(tmp_path)
    before, path = rules.now, tmp_path / "http/ruling.json"
    said = json.loads(path.read_text())
    if damage == "format":
        said["format"] = 99
    elif damage == "gone":
        said["indexes"][0] = str(tmp_path / "none.index")
    elif damage == "cut":
        index = tmp_path / "http/cut.index"
        index.write_bytes(Path(said["indexes"][0]).read_bytes()[:100])
        said["indexes"][0] = str(index)
    new = tmp_path / "http/new"
    new.write_text("{" if damage == "text" else json.dumps(said))
    new.replace(path)
    assert not rules.look()
    assert rules.problem
    assert rules.now is before
    assert rules.now.judge("bad.example", PUPIL, NOW).kind is Kind.BLOCK
    HandingOver(tmp_path).write(ruling(number=5))
    assert rules.look()
    assert (rules.problem, rules.now.snapshot.generation) == (None, 5)


def test_without_a_hand_over_there_are_no_rules(tmp_path):
    rules = Rules(tmp_path)
    assert not rules.look()
    assert rules.now is None
    assert "filterd serve" in rules.problem


def test_categories_of_a_name_that_is_allowed_are_known(tmp_path):
    config = CONFIG | {"groups": {"g": {"age": 18}}, "default_group": "g", "http": {}}
    rules = handed(tmp_path, ruling(config)).now
    assert rules.judge("www.facebook.com", PUPIL, NOW).kind is not Kind.BLOCK
    assert "social" in rules.categories_of("www.facebook.com", PUPIL, NOW)


def order_to_warn(**more):
    return Order(
        id="7", authority="mic", reference="7/QD", legal_basis="a decree", category="fraud",
        effect=Effect.WARN, patterns=(Pattern(Match.URL, "forum.example/x"),),
        not_before=NOW - 60, not_after=NOW + 3600, sunset=Sunset.THREAT, **more,
    )  # fmt: skip


def test_an_order_to_warn_is_shown_while_it_holds_and_blocks_nobody(tmp_path):
    rules = handed(tmp_path, ruling(orders=(order_to_warn(),))).now
    url = "http://forum.example/x/y"
    assert rules.judge_url(url, PUPIL, NOW).kind is Kind.PASS
    shown = rules.warned(url, PUPIL, NOW)
    assert (shown.list, shown.order, shown.rule) == ("order:mic/7", "7/QD", "forum.example/x")
    assert rules.warned(url, STAFF, NOW) is None
    assert rules.warned(url, PUPIL, NOW + 3600) is None
    assert rules.warned("http://forum.example/z", PUPIL, NOW) is None


def test_an_order_to_warn_the_young_is_for_them(tmp_path):
    for age, expected in ((9, False), (10, False), (11, True)):
        rules = handed(tmp_path, ruling(orders=(order_to_warn(min_age=age),))).now
        assert (rules.warned("http://forum.example/x", PUPIL, NOW) is not None) is expected


def test_without_orders_to_warn_nothing_is_looked_for(tmp_path):
    assert handed(tmp_path).now.warned("not a url", PUPIL, NOW) is None
