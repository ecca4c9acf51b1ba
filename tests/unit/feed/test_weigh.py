"""What is judged from packed patterns comes to the same as what is judged from an order."""

import json
from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from filterd.core import Patterns
from filterd.feed.acts import act_json, read_pattern
from filterd.feed.body import head_json as head_of
from filterd.feed.body import pack_patterns, patterns_of, read_head, unpack_patterns
from filterd.feed.breadth import breadth_of
from filterd.feed.canonical import canonical
from filterd.feed.judge import judge
from filterd.feed.ledger import Ledger
from filterd.feed.refusal import Fault, Refused
from filterd.feed.weigh import Scales, check_digest, weigh_order
from filterd.model.order import Mandate, Match, Pattern
from tests.support.ministry import NOW, Ministry, order

POPULAR = ("www.win.com", "xn--bcher-kva.example")
PROTECTED = ("hotline.example", "school.edu.vn")
MINISTRY = Ministry.new()
SPACED = Ministry.new(
    mandate=Mandate(
        legal_bases=MINISTRY.authority.mandate.legal_bases,
        categories=MINISTRY.authority.mandate.categories,
        effects=MINISTRY.authority.mandate.effects,
        names=frozenset({"example", "edu.vn"}),
        per_order=4,
    )
)
NAMES = st.sampled_from(
    ["bet.example", "a.bet.example", "example", "hotline.example", "x.hotline.example", "com.vn",
     "edu.vn", "school.edu.vn", "win.com", "xn--bcher-kva.example", "a_b.example", "b.vn"]
)  # fmt: skip
PATTERNS = st.one_of(
    st.builds(Pattern, st.sampled_from([Match.NAME, Match.SUBTREE]), NAMES),
    st.builds(lambda n, p: Pattern(Match.URL, f"{n}/{p}"), NAMES, st.sampled_from(["", 'a"\\b'])),
)


def entry_of(signed):
    return next(iter(Ledger().take([signed], NOW, 0).entries.values()))


@settings(max_examples=150)
@given(st.lists(PATTERNS, max_size=6), st.sampled_from([MINISTRY, SPACED]), st.integers(1, 2))
def test_it_comes_to_the_same(patterns, ministry, officers):
    signed = ministry.sign(order(patterns=tuple(patterns)), tuple(range(officers)))
    entry = entry_of(signed)
    breadth = breadth_of(PROTECTED, POPULAR)
    (slow,) = judge(Ledger({entry.digest: entry}), ministry.registry, breadth).values()
    packed = patterns_of(entry.hold(), pack_patterns(patterns).pack())
    written = check_digest(entry.hold(), packed)
    fast = weigh_order(
        entry.hold(), packed, written, Scales.of(ministry.registry, PROTECTED, POPULAR)
    )
    assert (fast.fault, fast.why, fast.ended) == (slow.fault, slow.why, slow.ended)
    assert unpack_patterns(packed) == tuple(patterns)
    assert written == canonical(act_json(signed.act)["patterns"])


def test_other_patterns_than_those_logged_are_refused():
    entry = entry_of(MINISTRY.sign(order("bet.example"))).hold()
    for other in (["win.example"], ["bet.example", "win.example"], []):
        patterns = pack_patterns([Pattern(Match.SUBTREE, name) for name in other])
        with pytest.raises(Refused) as refused:
            check_digest(entry, patterns_of(entry, patterns.pack()))
        assert refused.value.fault in {Fault.DIVERGED, Fault.MALFORMED}


def test_a_text_that_looks_like_patterns_is_only_a_text():
    signed = MINISTRY.sign(order(reference='","patterns":[],"'))
    entry = entry_of(signed)
    check_digest(entry.hold(), pack_patterns(signed.act.patterns))


def test_heads_are_read_back():
    entry = entry_of(MINISTRY.sign(order())).hold()
    read = read_head(json.loads(canonical(head_of(entry))))
    assert (read, read.signed, read.held) == (entry, entry.signed, True)


@given(st.text(max_size=30), st.sampled_from(list(Match)))
def test_the_core_takes_what_is_spelled_as_it_should_be_and_nothing_else(text, match):
    try:
        spelled = read_pattern(match.value, text).text == text
    except Refused:
        spelled = False
    kind = [Match.NAME, Match.SUBTREE, Match.URL].index(match)
    try:
        taken = Patterns([(kind, text)]).signed() == [(kind, text)]
    except ValueError:
        taken = False
    assert taken is spelled


@given(st.binary(max_size=200))
def test_any_block_is_read_or_refused(block):
    entry = entry_of(MINISTRY.sign(order())).hold()
    with suppress(Refused):
        assert len(patterns_of(entry, block)) == entry.count
