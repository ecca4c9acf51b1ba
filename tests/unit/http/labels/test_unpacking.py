import gzip
import os
import zlib

import pytest

from filterd.http.labels.head import MOST_BYTES, Head
from filterd.http.labels.unpacking import Unpacked

PAGE = (
    b"<html><head><title>x</title>"
    + b"<link rel=x>" * 50
    + b'<meta name="rating" content="adult"></head>'
    + os.urandom(5000)
)


def bare(data):
    packer = zlib.compressobj(wbits=-15)
    return packer.compress(data) + packer.flush()


@pytest.mark.parametrize(
    ("encoding", "pack"),
    [("", bytes), ("identity", bytes), ("gzip", gzip.compress), (" GZIP ", gzip.compress), ("x-gzip", gzip.compress),
     ("deflate", zlib.compress), ("deflate", bare)],
)  # fmt: skip
def test_every_cut_of_a_packed_page_has_its_label(encoding, pack):
    data = pack(PAGE)
    for cut in range(0, len(data), 37):
        unpacked, head = Unpacked(encoding, MOST_BYTES), Head("text/html")
        head.feed(unpacked.feed(data[:cut]))
        assert head.feed(unpacked.feed(data[cut:])).min_age == 18
    single = Unpacked(encoding, MOST_BYTES)
    assert b"".join(single.feed(data[i : i + 1]) for i in range(len(data))) == PAGE


def test_a_bomb_is_cut():
    bomb = gzip.compress(b"\0" * 200_000_000, compresslevel=1)
    unpacked = Unpacked("gzip", MOST_BYTES)
    assert len(unpacked.feed(bomb)) == MOST_BYTES
    assert unpacked.done
    assert unpacked.feed(bomb) == b""


@pytest.mark.parametrize("encoding", ["br", "zstd", "compress", "gzip, gzip", "nonsense"])
def test_other_encodings_are_not_read(encoding):
    unpacked = Unpacked(encoding, MOST_BYTES)
    assert unpacked.done
    assert unpacked.feed(PAGE) == b""


@pytest.mark.parametrize("encoding", ["gzip", "deflate"])
@pytest.mark.parametrize(
    "data", [b"<html>", b"\x1f\x8b\x08" + b"\xff" * 99, b"\x78\x9c\xff\xff\xff\xff"]
)
def test_a_broken_stream_ends_quietly(encoding, data):
    unpacked = Unpacked(encoding, MOST_BYTES)
    assert len(unpacked.feed(data)) < 100
    assert len(unpacked.feed(data)) < 100
