"""Making the file of a hash set. Whatever the order of its rows, the same set is the same bytes."""

import hashlib
import struct
from array import array
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from filterd.http.media.hashset import (
    CONFIRMED,
    MAGIC,
    REVOKED,
    START,
    WIDTH,
    Kind,
    aligned,
)
from filterd.http.media.head import ROWS, Head, Sizes, write_head
from filterd.model.durable import write_atomically
from filterd.model.errors import RulesError
from filterd.model.handoff import is_word


@dataclass(slots=True)
class Entry:
    """A file that the set knows: its hashes, who stands for it. Revoked ones stay, as tombstones:
    an older row of the same entry cannot bring them back.
    """

    name: str
    hashes: set[tuple[Kind, bytes]] = field(default_factory=set)
    sources: set[str] = field(default_factory=set)
    revoked: bool = False


def compile_set(head: Head, entries: Iterable[Entry]) -> bytes:
    """Return the file. RulesError: an entry that cannot be, or too many.

    A digest of two entries goes to a live one before a revoked one, then to the confirmed one.
    """
    known: dict[str, Entry] = {}
    for each in entries:
        if not is_word(each.name):
            raise RulesError("an entry without a proper name")
        one = known.setdefault(each.name, Entry(each.name))
        one.hashes |= each.hashes
        one.sources |= each.sources
        one.revoked |= each.revoked
    names = sorted(known)
    columns = _columns([known[name] for name in names])
    sizes = Sizes(
        **{kind.value: len(columns[kind]) for kind in Kind},
        entries=len(names),
        revoked=sum(each.revoked for each in known.values()),
    )
    if max(sizes.pdq, sizes.sha256, sizes.md5, sizes.entries) > ROWS:
        raise RulesError(f"more than {ROWS} rows; make several sets")
    flags = bytes(_flags(known[name]) for name in names)
    return _file(write_head(head, sizes), columns, names, flags)


def write_set(path: Path, head: Head, entries: Iterable[Entry]) -> None:
    """Write the set to `path`, readable by its owner only: the list itself is sensitive.

    Raises:
        OSError, RulesError: nothing has changed.
    """
    content = compile_set(head, entries)
    path.with_name(path.name + ".new").touch(mode=0o600)
    write_atomically(path, content)


def _columns(entries: list[Entry]) -> Mapping[Kind, list[tuple[bytes, int]]]:
    best: dict[Kind, dict[bytes, int]] = {kind: {} for kind in Kind}
    for number, entry in enumerate(entries):
        for kind, digest in entry.hashes:
            if len(digest) != WIDTH[kind]:
                raise RulesError(f"a {kind} hash of {len(digest)} bytes")
            other = best[kind].setdefault(digest, number)
            if other != number and _worth(entry) > _worth(entries[other]):
                best[kind][digest] = number
    return {kind: sorted(rows.items()) for kind, rows in best.items()}


def _worth(entry: Entry) -> tuple[bool, bool]:
    return not entry.revoked, len(entry.sources) >= 2


def _flags(entry: Entry) -> int:
    return CONFIRMED * (len(entry.sources) >= 2) | REVOKED * entry.revoked


def _file(
    head: bytes, columns: Mapping[Kind, list[tuple[bytes, int]]], names: list[str], flags: bytes
) -> bytes:
    out = bytearray(START.pack(MAGIC, len(head), 0) + head)
    out += bytes(aligned(len(out)) - len(out))
    for kind in Kind:
        out += b"".join(digest for digest, _ in columns[kind])
    for kind in Kind:
        numbers = [number for _, number in columns[kind]]
        out += struct.pack(f"<{len(numbers)}I", *numbers)
    out += flags
    out += bytes(aligned(len(out)) - len(out))
    begins = array("I", [0])
    for name in names:
        begins.append(begins[-1] + len(name))
    out += struct.pack(f"<{len(begins)}I", *begins)
    out += "".join(names).encode()
    return bytes(out + hashlib.sha256(out).digest())
