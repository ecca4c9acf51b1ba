"""What a request may look like; through a running filter in tests/e2e/test_http_hostile_*.py."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from filterd.http.strict import fault, mended

HOST = ((b"Host", b"open.example"),)


@pytest.mark.parametrize("target", [b"/", b"*", b"/a%00b?x=\\y", b"/\xc3\xa9", b"/?a=<b>&c={d}|e"])
def test_what_browsers_send_is_right(target):
    assert fault(b"GET", target, b"HTTP/1.1", HOST) is None


@pytest.mark.parametrize(
    ("method", "target", "version", "fields"),
    [
        (b"GE T", b"/", b"HTTP/1.1", HOST),
        (b"", b"/", b"HTTP/1.1", HOST),
        (b"GET", b"/", b"HTTP/2.0", HOST),
        (b"GET", b"/a\\b", b"HTTP/1.1", HOST),
        (b"GET", b"/a#b", b"HTTP/1.1", HOST),
        (b"GET", b"/?a\0", b"HTTP/1.1", HOST),
        (b"GET", b"/", b"HTTP/1.1", (*HOST, (b"A", b"b\r\n c"))),
        (b"GET", b"/", b"HTTP/1.1", (*HOST, (b"host", b"open.example"))),
    ],
)
def test_what_two_servers_could_read_differently_is_a_fault(method, target, version, fields):
    assert fault(method, target, version, fields)


@given(st.lists(st.tuples(st.binary(min_size=1), st.binary())))
def test_mended_fields_hold_no_break_and_right_ones_stay(fields):
    made = mended(fields)
    bad = any(byte in value for _, value in fields for byte in (b"\r", b"\n", b"\0"))
    assert (made is not None) is bad
    for _, value in made or ():
        assert not {0, 10, 13} & set(value)


def test_a_fold_becomes_one_space():
    assert mended([(b"A", b"b\r\n \t c")]) == ((b"A", b"b c"),)
