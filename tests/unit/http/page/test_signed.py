"""Tokens: for one purpose and one client, until a time, and nobody else's."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from filterd.http.page.signed import LONGEST, Signer

SIGNER = Signer(bytes(range(32)))
WORD = SIGNER.sign("case", "192.0.2.7", 1000, {"host": "a.example", "reading": "primary"})


def test_what_was_signed_is_read_until_its_time():
    assert SIGNER.read("case", "192.0.2.7", WORD, 999.9).facts == {
        "host": "a.example",
        "reading": "primary",
    }
    assert SIGNER.read("case", "192.0.2.7", WORD, 1000).problem == "expired"


def test_the_client_is_not_in_it():
    short = Signer(bytes(32)).sign("case", "192.0.2.7", 1, {})
    long = Signer(bytes(32)).sign("case", "2001:db8:ffff:ffff:ffff:ffff:ffff:ffff", 1, {})
    assert len(short) == len(long)


@pytest.mark.parametrize(
    ("signer", "purpose", "client", "word"),
    [
        (SIGNER, "go", "192.0.2.7", WORD),
        (SIGNER, "case", "192.0.2.8", WORD),
        (Signer(bytes(32)), "case", "192.0.2.7", WORD),
        (SIGNER, "case", "192.0.2.7", WORD[:-1]),
        (SIGNER, "case", "192.0.2.7", "A" + WORD[1:]),
        (SIGNER, "case", "192.0.2.7", WORD.partition(".")[0]),
        (SIGNER, "case", "192.0.2.7", "." * 50),
        (SIGNER, "case", "192.0.2.7", "ẫ.ẫ"),
        (SIGNER, "case", "192.0.2.7", "A" * (LONGEST + 1)),
        (SIGNER, "case", "192.0.2.7", ""),
        (SIGNER, "cas", "e192.0.2.7", WORD),
    ],
)
def test_any_other_is_forged(signer, purpose, client, word):
    found = signer.read(purpose, client, word, 0)
    assert (found.facts, found.problem) == (None, "forged")


@given(st.text(max_size=200))
def test_no_text_is_a_token(text):
    assert SIGNER.read("case", "192.0.2.7", text, 0).problem == "forged"


def test_a_short_key_is_refused():
    with pytest.raises(ValueError, match="shorter than 16"):
        Signer(b"short")
