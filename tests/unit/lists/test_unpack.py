"""Unpacking: everything that compresses comes back, and nothing else breaks it."""

import gzip
import io
import zlib

import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from filterd.lists.unpack import PIECE, codings, unpacked
from filterd.model.errors import RulesError

PLAIN = st.binary(max_size=2000).filter(lambda data: data[:1] not in {b"\x1f", b"\x28"})
PACKERS = {"gzip": lambda data: gzip.compress(data, mtime=0), "zstd": zstandard.compress}


def whole(data: bytes, encodings=()) -> bytes:
    return b"".join(unpacked(io.BytesIO(data), encodings))


def outcome(data: bytes, encodings=()) -> bool:
    """Say whether `data` unpacks or is refused for the one right reason; all else is an error."""
    try:
        whole(data, encodings)
    except RulesError as error:
        return "compressed data is" in str(error)
    return True


@given(PLAIN, st.lists(st.sampled_from(sorted(PACKERS)), max_size=3))
def test_what_was_packed_comes_back(data, packers):
    packed = data
    for name in packers:
        packed = PACKERS[name](packed)
    assert whole(packed) == data
    assert whole(packed, packers) == data


@given(PLAIN, PLAIN, st.sampled_from(sorted(PACKERS)))
def test_streams_one_after_the_other_are_one(first, second, name):
    assert whole(PACKERS[name](first) + PACKERS[name](second)) == first + second


@given(st.binary(max_size=300), st.sampled_from([(), ("gzip",), ("zstd",), ("zstd", "gzip")]))
def test_any_bytes_give_bytes_or_a_reason(data, encodings):
    assert outcome(data, encodings)


@given(st.data(), st.sampled_from(sorted(PACKERS)))
def test_harm_to_a_stream_never_goes_further_than_a_reason(draw, name):
    packed = bytearray(PACKERS[name](b"||host.example^\n" * 200))
    place = draw.draw(st.integers(0, len(packed) - 1))
    packed[place] = draw.draw(st.integers(0, 255))
    cut = draw.draw(st.integers(0, len(packed)))
    assert outcome(bytes(packed[:cut]))


@pytest.mark.parametrize("name", sorted(PACKERS))
def test_every_cut_is_noticed(name):
    packed = PACKERS[name](bytes(range(256)) * 20)
    for end in range(5, len(packed)):
        with pytest.raises(RulesError, match="cut off"):
            whole(packed[:end])


@pytest.mark.parametrize("name", sorted(PACKERS))
def test_pieces_stay_small_whatever_they_come_from(name):
    bomb = PACKERS[name](bytes(30 << 20))
    sizes = [len(piece) for piece in unpacked(io.BytesIO(bomb))]
    assert sum(sizes) == 30 << 20
    assert max(sizes) == PIECE


def test_raw_deflate_is_not_guessed():
    with pytest.raises(RulesError, match="'deflate' is not known"):
        whole(zlib.compress(b"x"), ("deflate",))


def test_codings_of_a_header():
    assert codings("") == ()
    assert codings("identity") == ()
    assert codings(" GZIP , identity,zstd") == ("gzip", "zstd")
