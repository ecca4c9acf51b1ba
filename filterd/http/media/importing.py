"""Rows of other people's hash sets, JSON or CSV, to entries. A bad row is set aside with its reason
and its number; reasons never repeat what the row says, since a list of hashes is sensitive.

A row has at least one of `md5`, `sha256`, `pdq` (hexadecimal), and may have `id` (made of its
first hash's number where absent), `source` (or `sources`, separated by spaces or a JSON list; the
set's own where absent), `status` ("revoked" makes it a tombstone), `quality` (of the PDQ).
JSON: a list of objects, an object with the list under "entries", or one object a line. CSV: with
a head line.
"""

import csv
import hashlib
import io
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from filterd.http.media.compiling import Entry
from filterd.http.media.hashset import WIDTH, Kind
from filterd.http.media.head import QUALITY, ROWS
from filterd.http.media.specimen import ENTRY, MD5, PDQ, SHA256
from filterd.model.errors import RulesError
from filterd.model.handoff import is_word

LIVE = frozenset({"", "active", "live"})
GONE = frozenset({"revoked", "removed", "withdrawn"})
NO_FILE = {Kind.SHA256: hashlib.sha256().digest(), Kind.MD5: hashlib.md5(b"").digest()}  # noqa: S324
FLAT = 24  # bits set at least, and unset: a hash with fewer is that of an empty picture
Row = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Aside:
    """A row that was not taken: its number (from 1, without the head line) and why."""

    row: int
    why: str


@dataclass(frozen=True, slots=True)
class Imported:
    """What a file gave."""

    entries: tuple[Entry, ...]
    aside: tuple[Aside, ...]


def import_rows(data: bytes, source: str, quality: int = QUALITY) -> Imported:
    """Read a set of hashes. `source` stands for rows that name none.

    Raises:
        RulesError: the file as a whole is neither JSON nor CSV with a column of hashes.
    """
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise RulesError("neither JSON nor CSV: not UTF-8; save it as UTF-8") from error
    rows = _json_rows(text) if text.lstrip()[:1] in {"[", "{"} else _csv_rows(text)
    entries: list[Entry] = []
    aside: list[Aside] = []
    for number, row in enumerate(rows, 1):
        if number > ROWS:
            raise RulesError(f"more than {ROWS} rows; make several sets")
        try:
            entries.append(_entry(row, source, quality))
        except ValueError as error:
            aside.append(Aside(number, str(error)))
    return Imported(tuple(entries), tuple(aside))


def own_entry() -> Entry:
    """Return the entry of the test image, which is in every set."""
    hashes = {(Kind.SHA256, SHA256), (Kind.MD5, MD5), (Kind.PDQ, PDQ)}
    digests = {(kind, bytes.fromhex(digest)) for kind, digest in hashes}
    return Entry(ENTRY, digests, {"filterd", "filterd-test"})


def _entry(row: object, source: str, quality: int) -> Entry:
    """Read one row. ValueError: why it is set aside."""
    if not isinstance(row, dict):
        raise ValueError("not an object")  # noqa: TRY004 - why the row is set aside
    plain = {str(key).strip().lower(): value for key, value in row.items()}
    hashes = {(kind, _digest(kind, plain[kind])) for kind in Kind if not _blank(plain.get(kind))}
    if not hashes:
        raise ValueError("no md5, sha256 or pdq")
    if _number(plain.get("quality"), 100) < quality:
        hashes = {each for each in hashes if each[0] is not Kind.PDQ}
        if not hashes:
            raise ValueError(f"a PDQ of a quality under {quality}")
    name = plain.get("id")
    if _blank(name):
        name = _made_name(hashes)
    if isinstance(name, int) and not isinstance(name, bool):
        name = str(name)
    if not is_word(name):
        raise ValueError("id: not a word of letters, digits, - and _, 64 at most")
    if name == ENTRY:
        raise ValueError(f"id: {ENTRY} is that of the test image")
    status = str(plain.get("status") or "").strip().lower()
    if status not in LIVE | GONE:
        raise ValueError("status: neither active nor revoked")
    return Entry(str(name), hashes, _sources(plain, source), status in GONE)


def _digest(kind: Kind, value: object) -> bytes:
    try:
        digest = bytes.fromhex(value) if isinstance(value, str) else b""
    except ValueError:
        digest = b""
    if len(digest) != WIDTH[kind]:
        raise ValueError(f"{kind}: not {2 * WIDTH[kind]} hexadecimal digits")
    if NO_FILE.get(kind) == digest:
        raise ValueError(f"{kind}: the hash of an empty file")
    ones = int.from_bytes(digest).bit_count()
    if kind is Kind.PDQ and not FLAT <= ones <= 256 - FLAT:
        raise ValueError("pdq: the hash of an empty picture")
    return digest


def _made_name(hashes: set[tuple[Kind, bytes]]) -> str:
    """Name an entry that has no name so that the name does not give the hash away."""
    joined = b"".join(digest for _, digest in sorted(hashes))
    return "row-" + hashlib.sha256(b"filterd media entry" + joined).hexdigest()[:16]


def _sources(plain: Row, source: str) -> set[str]:
    said = plain.get("sources") or plain.get("source") or source
    names = said if isinstance(said, list) else str(said).split()
    if not names or not all(is_word(name) for name in names):
        raise ValueError("source: not words of letters, digits, - and _, 64 at most")
    return set(names)


def _number(value: object, otherwise: int) -> int:
    if _blank(value):
        return otherwise
    try:
        return int(str(value))
    except ValueError:
        raise ValueError("quality: not a number") from None


def _blank(value: object) -> bool:
    return value is None or value == ""


def _json_rows(text: str) -> Iterator[object]:
    try:
        whole = json.loads(text)
    except RecursionError as error:
        raise RulesError("nested too deep") from error
    except ValueError:
        yield from _json_lines(text)
        return
    rows = whole.get("entries", [whole]) if isinstance(whole, dict) else whole
    if not isinstance(rows, list):
        raise RulesError("no list of entries")
    yield from rows


def _json_lines(text: str) -> Iterator[object]:
    lines = [line for line in text.splitlines() if line.strip()]
    good = 0
    for line in lines:
        try:
            row = json.loads(line)
            good += 1
        except (ValueError, RecursionError):
            row = None
        yield row
    if not good:
        raise RulesError("not JSON, neither as a whole nor line by line")


def _csv_rows(text: str) -> Iterator[object]:
    reader = csv.DictReader(io.StringIO(text), strict=True)
    try:
        names = {(name or "").strip().lower() for name in reader.fieldnames or ()}
        if not names & {kind.value for kind in Kind}:
            raise RulesError("no CSV with a head line that names md5, sha256 or pdq")
        for row in reader:
            yield {key: value for key, value in row.items() if key is not None}
    except csv.Error as error:
        raise RulesError(f"the CSV breaks off at line {reader.line_num}") from error
