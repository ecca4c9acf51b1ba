"""First bytes: which say what is spoken, and which not yet."""

import pytest

from filterd.http.beginning import says_nothing_yet


@pytest.mark.parametrize(
    ("first", "more"),
    [
        (b"", False),
        (b"\x16", True),
        (b"\x16\x03", True),
        (b"\x16\x03\x01", False),
        (b"\x16\x02", False),
        (b"G", True),
        (b"CONNECT", True),
        (b"GET ", False),
        (b"get", False),
        (b"SSH-2.0-x", False),
        (b"A" * 21, False),
        (b"\x00", False),
    ],
)
def test_more_is_needed_only_where_it_may_become_tls_or_http(first, more):
    assert says_nothing_yet(first) is more
