"""The stream of events: any piece, any damage, and nothing that is longer than it may be."""

import json
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from filterd.feed.events import (
    MOST_HINT,
    MOST_LINE,
    Event,
    EventReader,
    Hinted,
    Pushed,
    read_pushed,
)
from filterd.feed.refusal import Fault, Refused

STREAM = (
    b":hello\n\nid: 7\nevent: checkpoint\ndata: {}\n\n"
    b"data: one\ndata: two\r\nretry: 5\r\n\r\nid\ndata\n\nevent: lost\n\n:\n\ndata:  x\n\n"
)
EVENTS = [
    Event("checkpoint", "{}", "7"),
    Event("message", "one\ntwo", "7"),
    Event("message", "", ""),
    Event("message", " x", ""),
]


def read(*pieces):
    reader = EventReader()
    return [event for piece in pieces for event in reader.feed(piece)]


def test_events_are_read_as_the_standard_has_them():
    assert read(STREAM) == EVENTS
    assert read(b"\xef\xbb\xbf" + STREAM) == EVENTS


@given(st.lists(st.integers(0, len(STREAM)), max_size=8))
def test_a_cut_at_any_byte_changes_nothing(cuts):
    ends = [0, *sorted(cuts), len(STREAM)]
    pieces = [STREAM[a:b] for a, b in pairwise(ends)]
    assert read(*pieces) == EVENTS


def test_an_event_that_is_cut_off_at_any_byte_is_none():
    whole = b'id: 1\nevent: checkpoint\ndata: {"checkpoint":"x","segments":[]}\n\n'
    for end in range(len(whole)):
        assert read(whole[:end]) == []
    assert len(read(whole)) == 1


def test_an_endless_line_is_refused():
    with pytest.raises(Refused) as refused:
        read(*[b"x" * 1000] * (2 + MOST_LINE // 1000))
    assert refused.value.fault is Fault.TOO_LARGE


def test_an_endless_event_is_refused():
    line = b"data: " + b"x" * 1000 + b"\n"
    with pytest.raises(Refused) as refused:
        read(*[line] * (2 + MOST_LINE // 1000))
    assert refused.value.fault is Fault.TOO_LARGE


@given(st.binary(max_size=300))
def test_garbage_is_read_or_refused(data):
    try:
        events = read(data)
    except Refused as refused:
        assert refused.fault is Fault.MALFORMED  # noqa: PT017
        return
    for event in events:
        try:
            read_pushed(event)
        except Refused as refused:
            assert refused.fault in {Fault.MALFORMED, Fault.TOO_LARGE}  # noqa: PT017


@pytest.mark.parametrize(
    ("data", "fault"),
    [
        ("", Fault.MALFORMED),
        ("[]", Fault.MALFORMED),
        ('{"checkpoint":"x"}', Fault.MALFORMED),
        ('{"checkpoint":"x","segments":[1]}', Fault.MALFORMED),
        ('{"checkpoint":"x","segments":["*"]}', Fault.MALFORMED),
        ('{"checkpoint":"x","segments":[],"more":1}', Fault.MALFORMED),
        (json.dumps({"checkpoint": "x", "segments": [""] * 65}), Fault.TOO_LARGE),
    ],
)
def test_a_pushed_event_that_does_not_read_is_refused(data, fault):
    with pytest.raises(Refused) as refused:
        read_pushed(Event("checkpoint", data))
    assert refused.value.fault is fault


def test_what_is_pushed_is_read_and_another_kind_let_be():
    event = Event("checkpoint", '{"checkpoint":"a\\n","segments":["YQ==","Yg=="]}', "2")
    assert read_pushed(event) == Pushed(b"a\n", (b"a", b"b"))
    assert read_pushed(Event("news", "whatever")) is None


def test_a_hint_is_short_and_of_one_word():
    longest = "x" * MOST_HINT
    assert read_pushed(Event("trust", f'{{"trust":"{longest}"}}')) == Hinted(longest)
    for data, fault in (
        (f'{{"trust":"{longest}x"}}', Fault.TOO_LARGE),
        ('{"trust":7}', Fault.MALFORMED),
        ('{"trust":"1.1","more":1}', Fault.MALFORMED),
        ("{}", Fault.MALFORMED),
        ("1.1", Fault.MALFORMED),
    ):
        with pytest.raises(Refused) as refused:
            read_pushed(Event("trust", data))
        assert refused.value.fault is fault, data
