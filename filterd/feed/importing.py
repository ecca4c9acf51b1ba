"""Patterns of an order from what officers have: a table, JSON, or a STIX 2.1 bundle.

A row that cannot be taken is set aside with its reason, and the others are taken: a person looks at
what was set aside before anything is signed. Pure: bytes in, values out.
"""

import csv
import io
import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from filterd.feed.acts import read_pattern
from filterd.feed.body import packed_place
from filterd.feed.refusal import Fault, Refused
from filterd.model.order import Match, Pattern

Json = Any
# One comparison with one constant, as lists of indicators have them (STIX 2.1 section 9).
_STIX = re.compile(r"\[\s*(domain-name|url):value\s*=\s*'((?:[^'\\]|\\.)*)'\s*\]")


@dataclass(frozen=True, slots=True)
class Row:
    """One row as it was found: its place from 1, the pattern's text and how it is to match."""

    place: int
    text: str
    match: str


@dataclass(frozen=True, slots=True)
class SetAside:
    """A row that was not taken, and why."""

    place: int
    text: str
    why: str


@dataclass(frozen=True, slots=True)
class Imported:
    """What came of a file; patterns are without doubles, sorted so that they pack well."""

    patterns: tuple[Pattern, ...]
    set_aside: tuple[SetAside, ...]


def import_patterns(kind: str, data: bytes) -> Imported:
    """Read a file of `kind`: csv, json or stix.

    Raises:
        Refused: MALFORMED, the file as a whole does not read.
    """
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise Refused(Fault.MALFORMED, f"not UTF-8: {error}") from error
    patterns: dict[Pattern, None] = {}
    aside: list[SetAside] = []
    for row in KINDS[kind](text):
        if isinstance(row, SetAside):
            aside.append(row)
            continue
        try:
            patterns[read_pattern(row.match, row.text)] = None
        except Refused as refused:
            aside.append(SetAside(row.place, row.text, str(refused)))
    return Imported(tuple(sorted(patterns, key=packed_place)), tuple(aside))


def _csv(text: str) -> Iterator[Row | SetAside]:
    """A header with `pattern` and, if wanted, `match`; without one, names with all under them."""
    lines = csv.reader(io.StringIO(text), strict=True)
    columns: Mapping[str, int] | None = None
    try:
        for place, cells in enumerate(lines, 1):
            if columns is None:
                header = [cell.strip().lower() for cell in cells]
                named = {name: at for at, name in enumerate(header)}
                columns = named if "pattern" in named else {"pattern": 0}
                if columns is named:
                    continue
            if cells:
                yield _row(place, cells, columns)
    except csv.Error as error:
        raise Refused(Fault.MALFORMED, f"line {lines.line_num}: {error}") from error


def _row(place: int, cells: list[str], columns: Mapping[str, int]) -> Row | SetAside:
    def cell(name: str) -> str:
        at = columns.get(name, len(cells))
        return cells[at].strip() if at < len(cells) else ""

    text = cell("pattern")
    return Row(place, text, cell("match") or _usual(text)) if text else SetAside(place, "", "empty")


def _json(text: str) -> Iterator[Row | SetAside]:
    """A list of texts, or of objects with `pattern` and, if wanted, `match`."""
    value = _loaded(text)
    if not isinstance(value, list):
        raise Refused(Fault.MALFORMED, "not a list")
    for place, each in enumerate(value, 1):
        found = {"pattern": each} if isinstance(each, str) else each
        pattern = found.get("pattern") if isinstance(found, dict) else None
        if not isinstance(found, dict) or not isinstance(pattern, str):
            yield SetAside(place, str(each)[:80], "no pattern")
            continue
        yield Row(place, pattern, str(found.get("match") or _usual(pattern)))


def _stix(text: str) -> Iterator[Row | SetAside]:
    """A bundle: indicators of one domain name or one URL each."""
    bundle = _loaded(text)
    if not isinstance(bundle, dict) or bundle.get("type") != "bundle":
        raise Refused(Fault.MALFORMED, "not a STIX bundle")
    for place, each in enumerate(bundle.get("objects", ()), 1):
        if not isinstance(each, dict) or each.get("type") != "indicator":
            continue  # reports, identities and relations say nothing to block
        pattern = str(each.get("pattern", ""))
        found = _STIX.fullmatch(pattern.strip())
        if each.get("revoked") is True:
            yield SetAside(place, pattern[:200], "revoked by who made it")
        elif found is None:
            yield SetAside(place, pattern[:200], "not one domain name or URL")
        else:
            value = re.sub(r"\\(.)", r"\1", found[2])
            usual = Match.SUBTREE.value if found[1] == "domain-name" else Match.URL.value
            yield Row(place, _without_scheme(value) if usual == Match.URL.value else value, usual)


def _usual(text: str) -> str:
    return Match.URL.value if "/" in text else Match.SUBTREE.value


def _without_scheme(url: str) -> str:
    parts = urlsplit(url)
    query = f"?{parts.query}" if parts.query else ""
    return f"{parts.netloc}{parts.path or '/'}{query}" if parts.netloc else url


def _loaded(text: str) -> Json:
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise Refused(Fault.MALFORMED, f"not JSON: {error}") from error


KINDS: Mapping[str, Callable[[str], Iterator[Row | SetAside]]] = {
    "csv": _csv,
    "json": _json,
    "stix": _stix,
}
