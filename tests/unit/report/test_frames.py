from hypothesis import given
from hypothesis import strategies as st

from filterd.report.frames import frame, read_frames

CONTENTS = [b"one", b"two" * 100, bytes(300)]


def test_a_cut_at_any_byte_costs_the_frame_that_was_cut_and_no_other():
    data = b"".join(map(frame, CONTENTS))
    whole = len(data) - len(frame(CONTENTS[-1]))
    for cut in range(whole, len(data)):
        assert read_frames(data[:cut]) == (CONTENTS[:-1], whole)
    assert read_frames(data) == (CONTENTS, len(data))


def test_a_byte_that_was_changed_is_noticed():
    data = frame(b"content")
    for at in range(len(data)):
        assert read_frames(data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :])[0] == []


@given(st.binary())
def test_any_bytes_can_be_read(data):
    frames, end = read_frames(data)
    assert b"".join(map(frame, frames)) == data[:end]
