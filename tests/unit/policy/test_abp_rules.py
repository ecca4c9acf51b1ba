"""A match of an ABP rule stands where a list's rule for a name would stand."""

from collections.abc import Sequence
from dataclasses import replace

import pytest

from filterd.core import IndexBuilder
from filterd.model.group import Group, ListSpec, ScheduledBlock
from filterd.model.verdict import Step
from filterd.policy.abp_rules import (
    AbpRequest,
    AbpRules,
    Candidate,
    Row,
    abp_classes,
    compile_abp,
    last_word,
)
from filterd.policy.classes import RuleClass
from filterd.policy.lists_index import compile_lists
from filterd.policy.precedence import DEFAULT_BLOCK, NOT_APPLICABLE, policy_of, standing
from filterd.policy.request_standing import standing_of
from filterd.policy.segments import Frame, Member, Turn
from tests.support.data import real_list
from tests.support.policy_world import WordFormat

AGES = {"games": 12}
PUPIL = Group("pupils", 10)
ADS = ListSpec("ads", "abp-url")
PAGE = "https://school.example/"


def asked(url: str, kind: str = "script") -> AbpRequest:
    return AbpRequest(url, PAGE, kind)


def row_for(
    classes: Sequence[RuleClass], group: Group = PUPIL, blocks: tuple[ScheduledBlock, ...] = ()
) -> Row:
    member = Member(policy_of(group, AGES), 0, (Turn(0, 0, closed=False),))
    return standing_of(classes, Frame((member,), (blocks,))).row(group.name, 0.0)


def winner(
    url: str,
    *lists: tuple[ListSpec, str],
    group: Group = PUPIL,
    blocks: tuple[ScheduledBlock, ...] = (),
) -> Candidate | None:
    rules = compile_abp([(spec, text.encode()) for spec, text in lists])
    row = row_for(rules.classes, group, blocks)
    return last_word(rules, row, asked(url), DEFAULT_BLOCK)


def test_important_before_exception_before_block() -> None:
    text = "||a.test^\n@@||a.test/ok/\n@@||a.test/hard/\n||a.test/hard/$important"
    block, lifted, hard = (
        winner(f"https://a.test{path}", (ADS, text)) for path in ("/", "/ok/", "/hard/")
    )
    assert block is not None
    assert lifted is not None
    assert hard is not None
    assert (block.blocks, block.rule, block.rank >> 8) == (True, "||a.test^", Step.LIST)
    assert (block.line, lifted.line, hard.line) == (1, 2, 4)
    assert (lifted.blocks, lifted.rule) == (False, "@@||a.test/ok/")
    assert (hard.blocks, hard.rule) == (True, "||a.test/hard/$important")
    assert hard.rank < lifted.rank < block.rank
    assert winner("https://b.test/", (ADS, text)) is None


def test_ranks_are_those_of_rules_for_names() -> None:
    lists = [
        ADS,
        replace(ADS, name="games", category="games"),
        replace(ADS, name="good", allow=True),
        replace(ADS, name="order", mandatory=True),
    ]
    policy = policy_of(PUPIL, AGES)
    for spec in lists:
        names = b"a.test\nallow b.test\nimportant c.test"
        source = (spec, names, WordFormat(shaped=False))
        table = compile_lists([source], IndexBuilder()).table
        by_name = {standing(rule, policy).rank for rule in table.classes}
        by_url = set(row_for(abp_classes([spec])).ranks) - {NOT_APPLICABLE}
        assert by_url == by_name, spec.name


def test_an_exception_of_one_list_lifts_the_block_of_another() -> None:
    other = (replace(ADS, name="own"), "@@||a.test/ok/")
    found = winner("https://a.test/ok/", (ADS, "||a.test^"), other)
    assert found is not None
    assert (found.blocks, found.rule_class.list) == (False, "own")
    chosen = replace(PUPIL, lists=frozenset({"ads"}))
    found = winner("https://a.test/ok/", (ADS, "||a.test^"), other, group=chosen)
    assert found is not None
    assert found.blocks


def test_a_list_of_exceptions_lifts_by_its_blocks() -> None:
    good = (replace(ADS, name="good", allow=True), "||a.test/ok/\n||a.test/hard/$important")
    for path in ("ok", "hard"):
        found = winner(f"https://a.test/{path}/", (ADS, "||a.test^"), good)
        assert found is not None
        assert not found.blocks


def test_a_mandatory_list_only_blocks_and_holds() -> None:
    order = replace(ADS, name="order", mandatory=True)
    found = winner(
        "https://a.test/ok/",
        (order, "||a.test^\n@@||a.test/ok/"),
        (ADS, "@@||a.test^\n||a.test^$badfilter"),
        group=replace(PUPIL, filtered=False),
    )
    assert found is not None
    assert (found.blocks, found.rank >> 8) == (True, Step.ORDER)


@pytest.mark.parametrize(("age", "blocked"), [(10, True), (12, False)])
def test_a_category_blocks_by_age(age: int, blocked: bool) -> None:
    games = (replace(ADS, name="games", category="games"), "||a.test^")
    found = winner("https://a.test/", games, group=replace(PUPIL, age=age))
    assert (found is not None) is blocked
    if found is not None:
        assert found.rank >> 8 == Step.AGE


def test_a_schedule_puts_a_list_on_step_4_and_exceptions_do_not_lift_it() -> None:
    lists = (ADS, "||a.test^\n@@||a.test/ok/")
    during = ScheduledBlock("lessons", lists=frozenset({"ads"}))
    found = winner("https://a.test/ok/", lists, blocks=(during,))
    assert found is not None
    assert (found.blocks, found.rank >> 8) == (True, Step.SCHEDULE)


def test_an_unfiltered_group_is_not_asked_about() -> None:
    staff = replace(PUPIL, filtered=False)
    assert winner("https://a.test/", (ADS, "||a.test^"), group=staff) is None


def test_what_nothing_here_could_outrank_is_not_even_asked_about() -> None:
    class Silent:
        def matches(self, *_words: object, **_named: object) -> None:
            raise AssertionError("asked")

    classes = abp_classes([ADS])
    rules = AbpRules(Silent(), classes)  # type: ignore[arg-type]
    row = row_for(classes)
    assert last_word(rules, row, asked(PAGE), Step.ORDER * 256) is None
    with pytest.raises(AssertionError, match="asked"):
        last_word(rules, row, asked(PAGE), DEFAULT_BLOCK)


@pytest.mark.parametrize("name", ["easylist", "easyprivacy", "abpvn"])
def test_real_lists_are_taken_but_for_what_is_said(name: str) -> None:
    data = real_list(f"abp/{name}")
    (report,) = compile_abp([(replace(ADS, name=name), data)]).reports()
    refused = sum(count for _, count in report.unsupported)
    lines = len(data.splitlines())
    assert report.rules + report.cosmetic + report.comments + refused == lines
    assert refused < 0.06 * lines
    words = {word for word, _ in report.unsupported}
    assert words <= {"csp", "option:popup", "option:replace", "syntax", "wide"}


def test_real_rules_block_and_leave_a_school_alone() -> None:
    lists = [replace(ADS, name=name) for name in ("easylist", "easyprivacy", "abpvn")]
    rules = compile_abp([(spec, real_list(f"abp/{spec.name}")) for spec in lists])
    row = row_for(rules.classes)
    for url in (PAGE, f"{PAGE}lesson.js", f"{PAGE}photo.jpg"):
        assert last_word(rules, row, asked(url), DEFAULT_BLOCK) is None
    request = asked("https://www.google-analytics.com/analytics.js")
    blocked = last_word(rules, row, request, DEFAULT_BLOCK)
    assert blocked is not None
    assert (blocked.blocks, blocked.rule_class.list) == (True, "easyprivacy")
