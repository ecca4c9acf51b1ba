"""The walk through the nine steps, from what the core says, in both languages."""

from dataclasses import replace
from datetime import UTC, datetime, time

import pytest

from filterd.model.group import Group, ListSpec, Override, Schedule, ScheduledBlock, Window
from filterd.model.verdict import Step
from filterd.policy.explain import Asked, Decided, Outcome, Rules, ScheduleState, walk
from filterd.policy.explain_text import _LANGUAGES, render
from filterd.policy.precedence import NOT_APPLICABLE, Why
from tests.support.policy_world import BOOK, NOW, Core, Plain, World, list_spec

X = "x.test"
LATER = Schedule("evening", (Window(frozenset(range(7)), time(18), time(21)),))
ENDED = datetime.fromtimestamp(NOW + 60, UTC)
LISTS = {
    ListSpec("ads", "words", path="ads.txt"): f"# ads\n{X}",
    list_spec("grown", category="adult"): X,
    list_spec("other"): f"allow {X}",
    list_spec("typed"): f"important not-a {X}",
}
GROUP = Group(
    "g",
    15,
    lists=frozenset({"ads", "grown", "typed"}),
    blocks=(ScheduledBlock("evening", lists=frozenset({"ads"})),),
)
BOOK_WITH_DEMO = replace(BOOK, demo=((X, "games"),))
SCHOOL = {"schedules": (LATER,), "overrides": (Override(X, ENDED, "lesson", "teacher"),)}


def world():
    return World(groups=(GROUP,), lists=LISTS, book=BOOK_WITH_DEMO, school=SCHOOL)


def explained(at):
    """With the evaluator: matches in the shape that the core gives them."""
    plain = Plain(world())
    here, decision = plain.world, plain.decide(X, at=at)
    row = plain.eval.plan["ranks"][plain.eval.segment("g", at)["ranks"]]
    applies = {hit[2] for hit in plain.eval.ranked("g", X, 1, at)}
    matches = []
    for layer, (offset, index) in enumerate(
        zip(plain.eval.offsets, plain.eval.indexes, strict=True)
    ):
        for class_id, kind, pattern, _, line in index.find(X):
            number = offset + class_id
            rank = row[number] if number in applies else NOT_APPLICABLE
            matches.append((rank, number, kind, pattern, layer, line))
    decided = Decided(decision.kind, decision.step, decision.class_id, decision.pattern)
    return walk(
        Asked(X, 1, "g", at), decided, sorted(matches), Rules(here.value, here.book, here.layers)
    )


def test_a_step_that_decides_and_those_that_do_not():
    lines = {line.step: line for line in explained(NOW).lines}
    assert list(lines) == list(Step)
    assert lines[Step.MUST_NOT_BLOCK].outcome is Outcome.SILENT
    assert lines[Step.OVERRIDE].outcome is Outcome.DECIDES
    assert lines[Step.LIST].outcome is Outcome.OUTRANKED
    assert lines[Step.AGE].outcome is Outcome.OUTRANKED


def test_every_match_is_named_with_its_place_and_reason():
    explanation = explained(NOW + 61)
    deciding = explanation.deciding
    assert (deciding.rule.list, deciding.file, deciding.line) == ("ads", "ads.txt", 2)
    found = [one for line in explanation.lines for one in line.found]
    reasons = {one.rule.list or one.rule.origin.value: (one.why, one.applies) for one in found}
    assert reasons == {
        "override": (Why.EXPIRED, False),
        "ads": (Why.LIST, True),
        "grown": (Why.AGE, True),
        "other": (Why.LIST_NOT_USED, False),
        "typed": (Why.CONDITION, False),
        "demo": (Why.OLD_ENOUGH, False),
    }
    by_list = {one.rule.list: one for one in found}
    assert by_list["grown"].min_age == 18


def test_a_schedule_is_told_whether_in_force_or_not():
    assert [state.in_force for state in explained(NOW + 61).schedules] == [False]
    evening = NOW + 10 * 3600
    explanation = explained(evening)
    assert [state.in_force for state in explanation.schedules] == [True]
    assert explanation.decided.step == 4
    assert explanation.deciding.why is Why.SCHEDULE


@pytest.mark.parametrize("language", ["en", "vi"])
def test_words(language):
    text = render(explained(NOW + 61), language)
    assert X in text[0]
    assert sum(line.startswith(">") for line in text) == 1
    deciding = next(line for line in text if line.startswith("   *"))
    assert "ads.txt" in deciding
    assert "2" in deciding
    assert any("18+" in line for line in text)
    assert any("lesson (teacher)" in line for line in text)


@pytest.mark.parametrize("words", _LANGUAGES.values(), ids=_LANGUAGES)
def test_every_outcome_and_reason_has_words(words):
    assert set(words.steps) == set(Step)
    assert set(words.outcomes) == set(Outcome)
    assert set(words.whys) == set(Why)
    assert set(words.kinds) == {"pass", "allow", "block", "rewrite"}


def test_the_core_and_the_evaluator_give_the_same_walk():
    for at in (NOW, NOW + 61, NOW + 10 * 3600):
        core = Core(world())
        rows = core.snapshot.matches(X, 1, float(at), group="g")
        d = core.snapshot.decide(X, 1, float(at), group="g")
        here = core.world
        decided = Decided(d.kind, d.step, d.class_id, d.pattern)
        rules = Rules(here.value, here.book, here.layers)
        mine, theirs = explained(at), walk(Asked(X, 1, "g", at), decided, rows, rules)
        assert theirs.decided == mine.decided
        for one, two in zip(mine.lines, theirs.lines, strict=True):
            assert (one.step, one.outcome) == (two.step, two.outcome)
            assert {(f.rule, f.why, f.decides) for f in one.found} == {
                (f.rule, f.why, f.decides) for f in two.found
            }


def test_a_group_that_is_not_there_is_a_key_error():
    rules = Rules(Plain(World()).world.value, BOOK, [])
    with pytest.raises(KeyError, match="nobody"):
        walk(Asked(X, 1, "nobody", NOW), Decided("pass", 9), [], rules)


def test_a_schedule_that_blocks_every_name_says_so():
    told = {
        everything: [
            line
            for line in render(
                replace(
                    explained(NOW),
                    schedules=(ScheduleState("exam", False, everything, in_force),),
                ),
                "en",
            )
            if "exam" in line
        ]
        for everything, in_force in ((True, True), (False, False))
    }
    assert told == {
        True: ["     during exam: in force, blocks every name"],
        False: ["     during exam: not in force"],
    }
