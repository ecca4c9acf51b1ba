"""A set of hashes in a file that is mapped, not read: any number of workers share its pages.

Layout, little-endian: 8 bytes magic, u32 length of the head, u32 zero, the head, zeros up to a
multiple of 32; digests sorted, kind by kind (PDQ, SHA-256, MD5); for each digest in the same order
the u32 number of its entry; for each entry one byte of flags, then u32 where its name begins (one
more: where the last ends), the names; at last the SHA-256 of all before.

Nothing of a file is believed before the whole has been checked.
"""

import hashlib
import mmap
import os
import re
import struct
import sys
from bisect import bisect_left
from dataclasses import dataclass
from enum import StrEnum
from itertools import pairwise
from pathlib import Path

from filterd.http.media.head import MOST, Head, Sizes, read_head
from filterd.model.errors import RulesError

MAGIC = b"FDMEDIA1"
LARGEST = 2**31  # bytes of a file
ALIGN = 32
CHECK = 32  # bytes of the SHA-256 at the end
ROWS_AT_ONCE = 16_384
CONFIRMED, REVOKED = 1, 2  # flags of an entry
START = struct.Struct("<8sII")
_WORDS = re.compile(rb"[A-Za-z0-9_-]*")


class Kind(StrEnum):
    """Kinds of hashes, in the order of their columns."""

    PDQ = "pdq"
    SHA256 = "sha256"
    MD5 = "md5"


WIDTH = {Kind.PDQ: 32, Kind.SHA256: 32, Kind.MD5: 16}  # bytes


@dataclass(frozen=True, slots=True)
class Match:
    """An entry that is not revoked. `distance`: bits that differ, 0 for exact kinds."""

    entry: str
    confirmed: bool  # by two sources
    kind: Kind
    distance: int


class HashSet:
    """A set, open. Raises RulesError: `path` is not a whole set; OSError: it cannot be read."""

    def __init__(self, path: Path) -> None:
        self.path = path
        with path.open("rb") as source:
            size = os.fstat(source.fileno()).st_size
            if not START.size + CHECK <= size <= LARGEST:
                raise RulesError(f"{path}: {size} bytes; fetch or make the set again")
            self._map = mmap.mmap(source.fileno(), 0, access=mmap.ACCESS_READ)
        self._data = memoryview(self._map)
        try:
            self._check()
        except RulesError as error:
            raise RulesError(f"{path}: {error}; fetch or make the set again") from error

    def find(self, kind: Kind, digest: bytes) -> Match | None:
        """Return the entry that has exactly this digest. Binary search."""
        base, width, count = self._at[kind], WIDTH[kind], self.count(kind)
        end, mapped = base + count * width, self._map
        at = bisect_left(range(base, end, width), digest, key=lambda at: mapped[at : at + width])
        if at == count or mapped[base + at * width : base + (at + 1) * width] != digest:
            return None
        return self.match(kind, at, 0)

    def match(self, kind: Kind, row: int, distance: int) -> Match | None:
        """Return the entry of a row; None: it is revoked."""
        number = self._entries[kind][row]
        flags = self._flags[number]
        if flags & REVOKED:
            return None
        name = bytes(self._names[self._begins[number] : self._begins[number + 1]]).decode()
        return Match(name, bool(flags & CONFIRMED), kind, distance)

    def column(self, kind: Kind) -> memoryview:
        """Return all digests of `kind`, as mapped."""
        at = self._at[kind]
        return self._data[at : at + self.count(kind) * WIDTH[kind]]

    def count(self, kind: Kind) -> int:
        """Return how many digests of `kind` there are."""
        return int(getattr(self.sizes, kind.value))

    def _check(self) -> None:
        """Check all of it, once, and find the columns."""
        if sys.byteorder != "little":
            raise RulesError("hash sets are read on little-endian machines only")
        magic, length, zero = START.unpack_from(self._data)
        if magic != MAGIC or zero:
            raise RulesError("no hash set")
        end = len(self._data) - CHECK
        if length > min(MOST, end - START.size):
            raise RulesError("the head is longer than it may be")
        if hashlib.sha256(self._data[:end]).digest() != self._data[end:]:
            raise RulesError("damaged: its checksum is another")
        head, sizes = read_head(bytes(self._data[START.size : START.size + length]))
        self.head: Head = head
        self.sizes: Sizes = sizes
        at = aligned(START.size + length)
        self._at: dict[Kind, int] = {}
        for kind in Kind:
            self._at[kind] = at
            at += getattr(sizes, kind.value) * WIDTH[kind]
        bounds = [at]
        for kind in Kind:
            bounds.append(bounds[-1] + 4 * getattr(sizes, kind.value))
        begins = aligned(bounds[-1] + sizes.entries)
        names = begins + 4 * (sizes.entries + 1)
        if names > end:
            raise RulesError("shorter than its head says")
        self._entries = {
            kind: self._data[bounds[i] : bounds[i + 1]].cast("I") for i, kind in enumerate(Kind)
        }
        self._flags = self._data[bounds[-1] : bounds[-1] + sizes.entries]
        self._begins = self._data[begins:names].cast("I")
        self._names = self._data[names:end]
        self._check_rows(sizes)

    def _check_rows(self, sizes: Sizes) -> None:
        for column in self._entries.values():
            if max(column, default=-1) >= sizes.entries:
                raise RulesError("a row names no entry")
        if self._begins[0] != 0 or self._begins[-1] != len(self._names):
            raise RulesError("names do not fill their place")
        if not _WORDS.fullmatch(self._names):
            raise RulesError("an entry without a proper name")
        if not all(a < b <= a + 64 for a, b in pairwise(self._begins)):
            raise RulesError("names are not in order")
        for kind in Kind:
            if not _in_order(self.column(kind), WIDTH[kind]):
                raise RulesError(f"{kind} rows are not in order")


def _in_order(column: memoryview, width: int) -> bool:
    """Say whether rows rise; some thousands at a time, for the sake of memory."""
    step = ROWS_AT_ONCE * width
    for start in range(0, len(column), step):
        part = bytes(column[start : start + step + width])  # one more, to compare across
        rows = [part[at : at + width] for at in range(0, len(part), width)]
        if rows != sorted(set(rows)):
            return False
    return True


def aligned(at: int) -> int:
    """Return the next multiple of `ALIGN` from `at` on."""
    return -(-at // ALIGN) * ALIGN
