"""A body: orders with their patterns in one stream, for snapshots and for what a node keeps.

    {"orders":2,"patterns":20000}            a line each: how many,
    {"at":…,"count":…,"digest":…,"marks":[…],"order":{…},"segment":…}    the heads,
    …                                        then a block of patterns for each (`filterd.core`)

All of it is zstd with a long window: the patterns of one order help those of the next. What is read
is bounded and believed nowhere: whoever reads it compares the ledger's root, and, for each order,
its digest over head and patterns.
"""

import io
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import zstandard

from filterd.core import Patterns
from filterd.feed.acts import read_signed, signed_json
from filterd.feed.canonical import canonical, fields, read_object
from filterd.feed.ledger import Entry, Ledger
from filterd.feed.refusal import Fault, Refused
from filterd.model.order import Match, Order, Pattern

Json = Any
WINDOW = 27  # log2 of the bytes that the reader must remember
MOST_ORDERS = 1_000_000
MOST_HEAD = 2**20  # bytes of a head with its marks
MOST_BLOCK = 20 * 2**20  # bytes of the patterns of one order
KINDS = (Match.NAME, Match.SUBTREE, Match.URL)  # by their numbers in the core
_NUMBERS = {kind: number for number, kind in enumerate(KINDS)}
_DIGEST = 32
_NONE = b'"patterns":[]'  # quotes inside of a text are escaped, so it stands there once


def pack_patterns(patterns: Sequence[Pattern]) -> Patterns:
    """Return the patterns of an order as the core has them."""
    return Patterns([(_NUMBERS[each.match], each.text) for each in patterns])


def unpack_patterns(packed: Patterns) -> tuple[Pattern, ...]:
    """Return them as an order has them, in the order that was signed."""
    return tuple(Pattern(KINDS[kind], text) for kind, text in packed.signed())


def write_body(
    sink: BinaryIO, entries: Sequence[Entry], blocks: Iterable[bytes], level: int
) -> None:
    """Write the heads of `entries` and then their blocks, in the same order. OSError."""
    plan = zstandard.ZstdCompressionParameters.from_level(
        level, window_log=WINDOW, enable_ldm=True, write_checksum=True
    )
    count = {"orders": len(entries), "patterns": sum(each.count for each in entries)}
    with zstandard.ZstdCompressor(compression_params=plan).stream_writer(
        sink, closefd=False
    ) as stream:
        stream.write(canonical(count) + b"\n")
        for each in entries:
            stream.write(canonical(head_json(each)) + b"\n")
        for block in blocks:
            stream.write(len(block).to_bytes(4, "big") + block)


@dataclass(slots=True)
class Body:
    """A body that is being read: the ledger of its heads, and then, once, their patterns."""

    ledger: Ledger
    count: int  # patterns
    _source: "_Reader"

    @classmethod
    def open(cls, pieces: Sequence[Path]) -> "Body":
        """Read the heads of the body that `pieces` are in a row.

        Raises:
            Refused: MALFORMED or TOO_LARGE.
            OSError: it cannot be read.
        """
        source = _Reader(pieces)
        known = {"orders": int, "patterns": int}
        counts = fields(read_object(source.line(), MOST_HEAD), known, "body")
        if not 0 <= counts["orders"] <= MOST_ORDERS:
            raise Refused(Fault.TOO_LARGE, f"body: more than {MOST_ORDERS} orders")
        entries = (
            read_head(read_object(source.line(), MOST_HEAD)) for _ in range(counts["orders"])
        )
        found = {entry.digest: entry for entry in entries}
        if len(found) != counts["orders"]:
            raise Refused(Fault.MALFORMED, "body: an order twice")
        if sum(entry.count for entry in found.values()) != counts["patterns"]:
            raise Refused(Fault.MALFORMED, "body: not as many patterns as it says")
        return cls(Ledger(found), counts["patterns"], source)

    def blocks(self) -> Iterator[tuple[Entry, bytes]]:
        """Yield each entry with the block of its patterns. Refused, OSError."""
        for entry in self.ledger.entries.values():
            length = int.from_bytes(self._source.exactly(4), "big")
            if length > MOST_BLOCK:
                raise Refused(Fault.TOO_LARGE, f"body: a block longer than {MOST_BLOCK} bytes")
            yield entry, self._source.exactly(length)
        if not self._source.ended:
            raise Refused(Fault.MALFORMED, "body: more than its heads say")

    def close(self) -> None:
        """Let the files go."""
        self._source.close()


def splice(head: bytes, patterns: bytes) -> bytes:
    """Return the JSON of something with an order in it, `head`, with `patterns` in the place of
    none.
    """
    before, after = head.split(_NONE)
    return b"".join((before, _NONE[:-2], patterns, after))


def patterns_of(entry: Entry, block: bytes) -> Patterns:
    """Return the patterns in a block. Refused (MALFORMED): they are not as many as the head says,
    or do not read.
    """
    try:
        found = Patterns.unpack(block, entry.count)
    except ValueError as error:
        raise Refused(Fault.MALFORMED, f"{'/'.join(entry.name)}: {error}") from error
    if len(found) != entry.count:
        raise Refused(Fault.MALFORMED, f"{'/'.join(entry.name)}: patterns are missing")
    return found


def packed_place(pattern: Pattern) -> tuple[bytes, int]:
    """Return what patterns are sorted by where they are packed: the name from its last label. An
    order that was signed sorted like this needs no places.
    """
    host, slash, path = pattern.text.partition("/")
    turned = ".".join(reversed(host.split(".")))
    return f"{turned}{slash}{path}".encode(), _NUMBERS[pattern.match]


def head_json(entry: Entry) -> dict[str, Json]:
    """Return an entry without its patterns."""
    return {
        "order": signed_json(entry.hold().signed),
        "at": entry.at,
        "segment": entry.segment,
        "digest": entry.digest.hex(),
        "count": entry.count,
        "marks": [signed_json(each) for each in entry.marks],
    }


def read_head(value: Json) -> Entry:
    """Read what `head_json` writes.

    Raises:
        Refused: MALFORMED.
    """
    known = {"order": dict, "at": int, "segment": int, "digest": str, "count": int, "marks": list}
    parts = fields(value, known, "head")
    signed = read_signed(parts["order"])
    marks = tuple(read_signed(each) for each in parts["marks"])
    try:
        digest = bytes.fromhex(parts["digest"])
    except ValueError as error:
        raise Refused(Fault.MALFORMED, "head: a digest that is none") from error
    good = isinstance(signed.act, Order) and not signed.act.patterns and len(digest) == _DIGEST
    if not good or parts["count"] < 0 or any(isinstance(mark.act, Order) for mark in marks):
        raise Refused(Fault.MALFORMED, "head: not the head of an order")
    assert isinstance(signed.act, Order)
    return Entry(
        signed,
        signed.act,
        parts["at"],
        parts["segment"],
        digest,
        parts["count"],
        marks,
        held=True,
    )


class _Pieces(io.RawIOBase):
    """Files in a row, as one."""

    def __init__(self, pieces: Sequence[Path]) -> None:
        self._left = list(pieces)
        self._open: io.FileIO | None = None

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        while True:
            if self._open is None:
                if not self._left:
                    return 0
                self._open = self._left.pop(0).open("rb", buffering=0)
            count = self._open.readinto(buffer)
            if count:
                return count
            self._open.close()
            self._open = None

    def close(self) -> None:
        if self._open is not None:
            self._open.close()
        super().close()


class _Reader:
    """What the pieces unpack to, a line or a number of bytes at a time."""

    def __init__(self, pieces: Sequence[Path]) -> None:
        self._files = _Pieces(pieces)
        unpacker = zstandard.ZstdDecompressor(max_window_size=2**WINDOW)
        self._stream = io.BufferedReader(
            _Unpacked(unpacker.stream_reader(io.BufferedReader(self._files, 2**18))), 2**18
        )

    def line(self) -> bytes:
        line = self._stream.readline(MOST_HEAD + 1)
        if not line.endswith(b"\n"):
            raise Refused(Fault.MALFORMED, "body: it ends too early, or a line is too long")
        return line[:-1]

    def exactly(self, size: int) -> bytes:
        found = self._stream.read(size)
        if len(found) != size:
            raise Refused(Fault.MALFORMED, "body: it ends too early")
        return found

    @property
    def ended(self) -> bool:
        return not self._stream.read(1)

    def close(self) -> None:
        self._files.close()


class _Unpacked(io.RawIOBase):
    """What zstd unpacks; its errors are refusals."""

    def __init__(self, stream: zstandard.ZstdDecompressionReader) -> None:
        self._stream = stream

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        try:
            return self._stream.readinto(buffer)
        except zstandard.ZstdError as error:
            raise Refused(Fault.MALFORMED, f"body: does not unpack: {error}") from error
