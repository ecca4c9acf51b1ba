"""Commands on what is said by command: what each does, and what is refused."""

import json
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from filterd.model.errors import RulesError
from filterd.model.group import LocalRule
from filterd.policy import local_rules, overrides
from filterd.policy.said import COMMANDS, NOTHING, Here, Said, obey

HANOI = ZoneInfo("Asia/Ho_Chi_Minh")
NOON = datetime(2026, 9, 7, 5, 0, tzinfo=UTC)
HERE = Here(HANOI, ("g", "h"), NOON)
OPEN = {"name": "A.example.", "seconds": 2700, "reason": "film", "by": "teacher"}
BLOCK = {"name": "a.example", "action": "block", "by": "operator"}


def said_after(*commands, said=NOTHING, here=HERE):
    for command, arguments in commands:
        said, _ = obey(command, arguments, said, here)
    return said


def test_an_override_ends_by_the_clock_and_replaces_the_one_before():
    said, told = obey("override-add", OPEN, NOTHING, HERE)
    (item,) = said.overrides
    assert told == {"name": "a.example", "group": None, "expires": "2026-09-07T12:45:00+07:00"}
    assert (item.name, item.expires) == ("a.example", NOON + timedelta(minutes=45))
    again = said_after(("override-add", {**OPEN, "seconds": 60}), said=said)
    assert [o.expires for o in again.overrides] == [NOON + timedelta(minutes=1)]
    other = said_after(("override-add", {**OPEN, "group": "g"}), said=said)
    assert [o.group for o in other.overrides] == [None, "g"]


def test_overrides_that_ended_are_dropped_on_the_way():
    said = said_after(("override-add", OPEN))
    later = Here(HANOI, (), NOON + timedelta(hours=1))
    assert said_after(("rule-add", BLOCK), said=said, here=later).overrides == ()
    assert said_after(("rule-add", BLOCK), said=said).overrides == said.overrides


def test_what_is_removed_is_removed_for_every_group():
    said = said_after(("override-add", OPEN), ("override-add", {**OPEN, "group": "g"}),
                      ("rule-add", BLOCK), ("rule-add", {**BLOCK, "group": "h"}))  # fmt: skip
    assert (len(said.overrides), len(said.rules)) == (2, 2)
    assert obey("override-remove", {"name": "A.EXAMPLE"}, said, HERE)[0] == Said((), said.rules)
    assert obey("rule-remove", {"name": "a.example"}, said, HERE)[0] == Said(said.overrides, ())


def test_the_last_word_on_a_name_counts():
    said = said_after(("rule-add", BLOCK), ("rule-add", {**BLOCK, "action": "allow"}))
    assert said.rules == (
        LocalRule("a.example", block=False, at=NOON.astimezone(HANOI), by="operator"),
    )


@pytest.mark.parametrize(
    ("command", "arguments", "why"),
    [
        ("override-add", {**OPEN, "seconds": 8 * 86_400}, "7d"),
        ("override-add", {**OPEN, "seconds": 0}, "7d"),
        ("override-add", {**OPEN, "seconds": "45m"}, "7d"),
        ("override-add", {**OPEN, "seconds": float("nan")}, "7d"),
        ("override-add", {**OPEN, "name": "example"}, "no site"),
        ("override-add", {**OPEN, "name": "."}, "root"),
        ("override-add", {**OPEN, "group": "nobody"}, "known are"),
        ("override-add", {**OPEN, "reason": ""}, "reason"),
        ("override-add", {**OPEN, "expires": "2099-01-01", "until": 1}, "unknown field"),
        ("override-remove", {"name": "a.example"}, "not open"),
        ("override-remove", {}, "name"),
        ("rule-add", {**BLOCK, "action": "drop"}, "block or allow"),
        ("rule-add", {**BLOCK, "action": "allow", "name": "example"}, "no site"),
        ("rule-add", {**BLOCK, "name": "."}, "root"),
        ("rule-add", {**BLOCK, "by": 7}, "by"),
        ("rule-add", {**BLOCK, "group": "nobody"}, "known are"),
        ("rule-remove", {"name": "a.example"}, "no local rule"),
        ("rule-melt", {}, "no such command"),
    ],
)
def test_what_makes_no_sense_is_refused(command, arguments, why):
    with pytest.raises(RulesError, match=why):
        obey(command, arguments, NOTHING, HERE)


def test_a_whole_top_level_domain_may_be_blocked():
    assert said_after(("rule-add", {**BLOCK, "name": "Example."})).rules[0].name == "example"


def test_there_is_an_end_to_both(monkeypatch):
    monkeypatch.setattr(overrides, "MAX_OVERRIDES", 1)
    monkeypatch.setattr(local_rules, "MAX_RULES", 1)
    said = said_after(("override-add", OPEN), ("rule-add", BLOCK))
    for command, arguments in (("override-add", OPEN), ("rule-add", BLOCK)):
        assert obey(command, arguments, said, HERE)[0] != NOTHING, "in place of itself"
        with pytest.raises(RulesError, match="already"):
            obey(command, {**arguments, "name": "b.example"}, said, HERE)


words = st.dictionaries(
    st.sampled_from(["name", "seconds", "action", "by", "reason", "group", "at", "x"]),
    st.none() | st.booleans() | st.floats() | st.text() | st.lists(st.text())
    | st.sampled_from(["a.example", "block", "g"]),
)  # fmt: skip


@given(st.sampled_from(COMMANDS), words)
def test_any_words_are_obeyed_or_refused(command, arguments):
    before = said_after(("override-add", OPEN), ("rule-add", BLOCK))
    try:
        after, told = obey(command, arguments, before, HERE)
    except RulesError:
        return
    json.dumps(told)
    assert overrides.parse(overrides.dump(after.overrides), HANOI, HERE.groups).problems == ()
    assert local_rules.parse(local_rules.dump(after.rules), HANOI, HERE.groups).problems == ()


names = st.sampled_from(["a.test", "example", "xn--bcher-kva.example"])
texts = st.text(st.characters(exclude_categories=["C", "Z"]), min_size=1, max_size=20)
rules = st.builds(
    LocalRule,
    names,
    st.just(value=True),
    st.just(NOON),
    texts,
    st.just("") | texts,
    st.none() | texts,
)


@given(st.lists(rules, max_size=4))
def test_rules_that_are_written_read_back(found):
    again = local_rules.parse(local_rules.dump(found), HANOI)
    assert (again.items, again.problems) == (tuple(found), ())
