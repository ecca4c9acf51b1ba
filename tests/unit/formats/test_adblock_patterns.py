"""Compiled patterns against a matcher that walks pattern and name character by character."""

import re

from hypothesis import example, given, settings
from hypothesis import strategies as st

from filterd.formats.adblock_pattern import read_pattern
from filterd.formats.base import Options
from filterd.formats.refusals import Refused
from filterd.model.rule import Rule
from tests.oracle.matcher import matches

SEPARATORS_NOT = "abcdefghijklmnopqrstuvwxyz0123456789_.%-"


def here(pattern: str, name: str) -> bool:
    """Say whether `pattern`, without anchors in front, matches a prefix of `name`."""
    if not pattern:
        return True
    first, rest = pattern[0], pattern[1:]
    if pattern == "|":
        return not name
    if first == "*":
        return any(here(rest, name[at:]) for at in range(len(name) + 1))
    if first == "^":
        if not name:
            return here(rest, name)
        return name[0] not in SEPARATORS_NOT and here(rest, name[1:])
    return bool(name) and name[0] == first and here(rest, name[1:])


def slow_match(pattern: str, name: str) -> bool:
    if pattern.startswith("||"):
        starts = [0, *(at + 1 for at, char in enumerate(name) if char == ".")]
        return any(here(pattern[2:], name[at:]) for at in starts)
    if pattern.startswith("|"):
        return here(pattern[1:], name)
    return any(here(pattern, name[at:]) for at in range(len(name) + 1))


def without_last_dot(pattern: str) -> str:
    """Return `pattern`, if it spells a name, without the dot that ends an absolute name."""
    anchored = pattern.startswith("|") and not pattern.lstrip("|").startswith("*")
    core = pattern.lstrip("|*").rstrip("*")
    if "*" in core or not (anchored or core.startswith(".")):
        return pattern
    return re.sub(r"\.(?=[\^|]+\**$)", "", pattern)


NAMES = st.lists(
    st.sampled_from(["ads", "a", "b", "ad-x", "com", "test", "x1"]), min_size=1, max_size=5
).map(".".join)
BODIES = st.lists(
    st.sampled_from(["ads", "a", "b", ".", "-", "*", ".com", "test", "x"]), max_size=6
).map("".join)
PATTERNS = st.builds(
    lambda front, body, end: front + body + end,
    st.sampled_from(["", "|", "||", "*", "||*", "||*.", "|*"]),
    BODIES,
    st.sampled_from(["", "^", "|", "^|", "*", "^*", "*^"]),
)


@settings(max_examples=600, deadline=None)
@given(pattern=PATTERNS, name=NAMES)
@example("||a.test^", "b.a.test")
@example("||a.test^", "ba.test")
@example("||*.a.test^", "a.test")
@example("|a.test^", "a.test.com")
@example("||ads", "b.ads-x.com")
@example(".a.test^", "a.test")
@example("a*test|", "a.b.test")
@example("|ads.^", "ads")
@example("ads.^", "ads")
def test_a_compiled_pattern_matches_what_the_slow_one_matches(pattern: str, name: str) -> None:
    try:
        compiled = read_pattern(pattern, Options(wide=True), narrowed=True)
    except Refused:
        return
    assert matches(Rule(compiled), name) == slow_match(without_last_dot(pattern), name), compiled
