"""Codes and words of a block answer."""

import pytest

from filterd.model.rule import Action
from filterd.policy.classes import Origin, RuleClass
from filterd.policy.reason_text import MAX_BYTES, class_ede, closed_text, default_text

TITLES = {"games": "Trò chơi", "chat": "Chat"}
BLOCKS = {
    RuleClass(Origin.LIST, list="l", mandatory=True, category="games"): (16, "l"),
    RuleClass(Origin.LIST, list="l"): (15, "l"),
    RuleClass(Origin.LIST, list="l", category="games"): (17, "Trò chơi"),
    RuleClass(Origin.LIST, list="l", category="untitled"): (17, "untitled"),
    RuleClass(Origin.LIST, list="l", min_age=12): (17, "l"),
    RuleClass(Origin.SERVICE, category="games", service="chat"): (17, "Chat"),
    RuleClass(Origin.DEMO, category="games"): (17, "Trò chơi"),
    RuleClass(Origin.LOCAL_BLOCK): (17, ""),
    RuleClass(Origin.BYPASS): (17, ""),
    RuleClass(Origin.CANARY, Action.NXDOMAIN): (17, ""),
    RuleClass(Origin.REBIND, Action.NODATA): (17, ""),
}


@pytest.mark.parametrize("language", ["vi", "en"])
@pytest.mark.parametrize("rule", BLOCKS, ids=lambda rule: f"{rule.origin}-{rule.category}")
def test_who_stands_behind_a_block(rule, language):
    code, names = BLOCKS[rule]
    found, text = class_ede(rule, language, TITLES)
    assert found == code
    assert text.endswith(names)
    assert 0 < len(text.encode()) <= MAX_BYTES


@pytest.mark.parametrize("origin", [Origin.MUST_NOT_BLOCK, Origin.OVERRIDE, Origin.LOCAL_ALLOW])
def test_what_cannot_block_says_nothing(origin):
    assert class_ede(RuleClass(origin, Action.ALLOW), "vi", {}) == (0, "")


@pytest.mark.parametrize("words", [default_text, closed_text])
def test_blocks_without_a_rule_have_words_in_both_languages(words):
    assert words("vi") != words("en")
    assert len(words("vi").encode()) <= MAX_BYTES


@pytest.mark.parametrize("name", ["x" * 500, "ế" * 500, "🙂" * 500])
def test_long_names_are_cut_to_size(name):
    _, text = class_ede(RuleClass(Origin.LIST, list=name), "vi", {})
    assert MAX_BYTES - 4 < len(text.encode()) <= MAX_BYTES


def test_what_is_illegal_is_not_called_a_matter_of_age():
    rule = RuleClass(Origin.LIST, list="x", category="gambling")

    assert class_ede(rule, "en", {}, {"gambling"}) == (17, "illegal for everyone: gambling")
    assert class_ede(rule, "en", {}) == (17, "not for this age: gambling")
