import random

import pytest

from filterd.http.media import near
from filterd.http.media.near import CHUNK, Nearest, missing
from tests.support import needs


@pytest.fixture(autouse=True)
def _packages():
    needs.media()


def changed(digest, bits, chance):
    value = int.from_bytes(digest)
    for bit in chance.sample(range(256), bits):
        value ^= 1 << bit
    return value.to_bytes(32)


@pytest.mark.parametrize("count", [0, 1, CHUNK, CHUNK + 1, 2 * CHUNK + 7])
def test_it_finds_what_counting_bits_one_by_one_finds(count):
    chance = random.Random(count)
    asked = chance.randbytes(32)
    rows = [chance.randbytes(32) for _ in range(count)]
    for bits in (0, 1, 16, 30, 31, 32, 33, 64, 255, 256):
        if count > 1:
            rows[chance.randrange(count)] = changed(asked, bits, chance)
    if count > CHUNK:
        rows[CHUNK - 1], rows[CHUNK] = changed(asked, 31, chance), changed(asked, 5, chance)
    distances = [(int.from_bytes(r) ^ int.from_bytes(asked)).bit_count() for r in rows]
    for most in (0, 31, 63):
        found = list(Nearest(memoryview(b"".join(rows))).within(asked, most))
        assert found == [(at, d) for at, d in enumerate(distances) if d <= most]


def test_the_opposite_of_a_picture_is_not_near():
    """256 bits that differ do not fit a byte."""
    asked = bytes(range(32))
    assert list(Nearest(memoryview(changed(asked, 256, random.Random(1)))).within(asked, 63)) == []


def test_it_says_in_one_line_why_it_is_off(monkeypatch):
    assert missing() is None
    monkeypatch.setattr(near, "ABSENT", ("pdqhash",))
    said = missing()
    assert "pdqhash not installed" in said
    assert "make http MEDIA=1" in said
    assert "\n" not in said
