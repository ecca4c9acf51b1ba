from hypothesis import given
from hypothesis import strategies as st

from filterd.upstream.stream import Deframer, frame


@given(
    st.lists(st.binary(max_size=300), max_size=20),
    st.lists(st.integers(1, 50), min_size=1, max_size=50),
)
def test_messages_survive_any_cutting(messages, cuts):
    stream = b"".join(map(frame, messages))
    deframer = Deframer()
    seen = []
    at = turn = 0
    while at < len(stream):
        size = cuts[turn % len(cuts)]
        seen += deframer.feed(stream[at : at + size])
        at += size
        turn += 1
    assert seen == messages
