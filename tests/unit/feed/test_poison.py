"""What is made to break whoever reads it: it is refused, and nothing falls over."""

from dataclasses import replace

import pytest

from filterd.feed.breadth import breadth_of
from filterd.feed.canary import Ends, canary_orders
from filterd.feed.canonical import canonical, read_object
from filterd.feed.envelope import seal, unseal
from filterd.feed.events import Event, EventReader, read_pushed
from filterd.feed.keys import public_key
from filterd.feed.refusal import Fault, Refused
from filterd.feed.segment import Segment
from filterd.feed.warrant import check_act
from filterd.model.order import Match, Pattern
from tests.support.ministry import NOW, Ministry, order, signer

HALF = rb'{"checkpoint":"\ud800","segments":[]}'


@pytest.mark.parametrize(
    "data",
    [
        HALF,
        rb'{"\udfff":1}',
        b'{"a":"\xed\xa0\x80"}',  # the same, written out
        b'{"a":[NaN]}',
        b'{"a":-Infinity}',
        '{"a":1}'.encode("utf-16"),
        b'{"a":' + b"[" * 100_000,
    ],
)
def test_what_has_no_one_spelling_is_refused(data):
    with pytest.raises(Refused) as refused:
        read_object(data, 1_000_000)
    assert refused.value.fault is Fault.MALFORMED


def test_a_whole_character_may_be_escaped_and_a_backslash_is_one():
    assert read_object(rb'{"a":"\ud83d\ude00","b":"\\ud800"}', 100) == {
        "a": "\N{GRINNING FACE}",
        "b": r"\ud800",
    }


def test_half_a_character_in_the_stream_does_not_end_the_listening():
    with pytest.raises(Refused):
        read_pushed(Event("checkpoint", HALF.decode()))


def test_an_envelope_with_nesting_without_end_is_refused():
    mine = signer()
    sealed = seal("receipt", {"held": []}, mine)
    nested: list = []
    for _ in range(5000):
        nested = [nested]
    sealed["receipt"]["held"] = nested
    with pytest.raises(Refused, match="nested too deep"):
        unseal("receipt", sealed, public_key(mine), {"held": list})
    with pytest.raises(ValueError, match="nested"):
        canonical(nested)


@pytest.mark.parametrize("end", [b"\n", b"\r\n", b"\r"])
def test_events_are_the_same_in_whatever_pieces_they_come(end):
    lines = (b"id: 7", b"data: a", b"", b":", b"", b"data: b", b"", b"")
    data = end.join(lines) + b":" + end
    whole = EventReader().feed(data)
    assert [(each.id, each.data) for each in whole] == [("7", "a"), ("7", "b")]
    reader = EventReader()
    assert [e for at in range(len(data)) for e in reader.feed(data[at : at + 1])] == whole


@pytest.mark.parametrize(
    "canary",
    ["\0.canary.example", "A.canary.example", "a b.canary.example", "..canary.example",
     "a/b.canary.example", "x" * 64 + ".canary.example", "\u202e.canary.example",
     "canary.example", "bank.example", "x.canary.example."],
)  # fmt: skip
def test_a_canary_that_is_none_blocks_nothing_and_stands_in_no_orders_way(canary):
    made = (Segment(0, NOW, b"", canary, ()), Segment(1, NOW, b"", "ok.canary.example", ()))
    (found,) = canary_orders(made, "canary.example", Ends(3600))
    assert found.patterns == (Pattern(Match.NAME, "ok.canary.example"),)


@pytest.mark.parametrize("name", ["canary.example", "x.canary.example", "a.b.canary.example"])
def test_an_order_over_the_canaries_is_refused_so_that_receipts_mean_something(name):
    ministry = Ministry.new()
    breadth = breadth_of(("canary.example",))
    for match in (Match.NAME, Match.SUBTREE):
        signed = ministry.sign(replace(order(), patterns=(Pattern(match, name),)))
        with pytest.raises(Refused) as refused:
            check_act(signed, ministry.registry, breadth, NOW)
        assert refused.value.fault is Fault.TOO_BROAD
