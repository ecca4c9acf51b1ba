"""Segments of the log: some acts, with a number, in a file that never changes.

The file is zstd over JSON in its one spelling, with the dictionary of `words.py`; its bytes as
they are stored are a leaf of the log's tree, so nothing is unpacked before its hash is known to be
right.
"""

from dataclasses import dataclass
from typing import Any

import zstandard

from filterd.feed.acts import read_signed, signed_json
from filterd.feed.canonical import canonical, fields, read_object
from filterd.feed.refusal import Fault, Refused
from filterd.feed.words import DICTIONARY
from filterd.model.order import SignedAct

Json = Any
MOST_PACKED = 4 * 2**20  # bytes of a file
MOST_PLAIN = 16 * 2**20  # what it unpacks to; an order has 10,000 patterns at most
LEVEL = 12
_WORDS = zstandard.ZstdCompressionDict(DICTIONARY, dict_type=zstandard.DICT_TYPE_RAWCONTENT)


@dataclass(frozen=True, slots=True)
class Segment:
    """The `number`th segment, from 0. `before` is the root of the tree without it; `canary` a
    harmless name under the log's own domain that is blocked once the segment is in force.
    """

    number: int
    at: int
    before: bytes
    canary: str
    acts: tuple[SignedAct, ...]


def pack(segment: Segment) -> bytes:
    """Return the file of a segment."""
    return pack_plain(plain_json(segment))


def pack_plain(plain: bytes) -> bytes:
    """Return the file of a segment that is JSON already."""
    return zstandard.ZstdCompressor(LEVEL, _WORDS, write_content_size=True).compress(plain)


def plain_json(segment: Segment) -> bytes:
    """Return what is in the file of a segment."""
    return canonical(
        {
            "number": segment.number,
            "at": segment.at,
            "before": segment.before.hex(),
            "canary": segment.canary,
            "acts": [signed_json(each) for each in segment.acts],
        }
    )


def unpack(packed: bytes) -> Segment:
    """Read the file of a segment whose hash is right.

    Raises:
        Refused: TOO_LARGE or MALFORMED.
    """
    parts = plain_segment(packed)
    try:
        before = bytes.fromhex(parts["before"])
    except ValueError as error:
        raise Refused(Fault.MALFORMED, "segment: a hash that is none") from error
    acts = tuple(read_signed(each) for each in parts["acts"])
    return Segment(parts["number"], parts["at"], before, parts["canary"], acts)


def plain_segment(packed: bytes) -> dict[str, Json]:
    """Return the fields of a segment, its acts as JSON that nobody has looked at. Refused: as
    `unpack`.
    """
    known = {"number": int, "at": int, "before": str, "canary": str, "acts": list}
    return fields(read_object(_unpacked(packed), MOST_PLAIN), known, "segment")


def path_of(number: int) -> str:
    """Return where segment `number` lies in the feed: a thousand files a folder."""
    digits = f"{number:09d}"
    return f"log/{digits[:3]}/{digits[3:6]}/{digits[6:]}.zst"


def _unpacked(packed: bytes) -> bytes:
    if len(packed) > MOST_PACKED:
        raise Refused(Fault.TOO_LARGE, f"segment: longer than {MOST_PACKED} bytes")
    try:
        size = zstandard.frame_content_size(packed)
        if not 0 <= size <= MOST_PLAIN:
            raise Refused(Fault.TOO_LARGE, f"segment: unpacks to more than {MOST_PLAIN} bytes")
        return zstandard.ZstdDecompressor(_WORDS).decompress(packed, max_output_size=MOST_PLAIN)
    except zstandard.ZstdError as error:
        raise Refused(Fault.MALFORMED, f"segment: does not unpack: {error}") from error
