"""Messages on a stream, cut in any way."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from filterd.dns.framing import FrameReader, frame


@settings(deadline=None)
@given(st.lists(st.binary(max_size=60), max_size=8), st.lists(st.integers(1, 20), max_size=60))
def test_however_it_is_cut_the_messages_are_the_same(messages, cuts):
    stream = b"".join(frame(message) for message in messages)
    reader = FrameReader()
    found = []
    for size in [*cuts, len(stream)]:
        found += reader.feed(stream[:size])
        stream = stream[size:]
    found += reader.feed(stream)
    assert found == messages
    assert not reader.partial


def test_partial_says_whether_a_message_has_begun():
    reader = FrameReader()
    assert not reader.partial
    reader.feed(b"\0")
    assert reader.partial
    assert reader.feed(b"\1x") == [b"x"]
    assert not reader.partial


def test_an_empty_message_is_a_message():
    assert FrameReader().feed(b"\0\0\0\0") == [b"", b""]


def test_too_long_a_message_cannot_be_framed():
    assert len(frame(bytes(65535))) == 65537
    with pytest.raises(ValueError, match="65535"):
        frame(bytes(65536))
