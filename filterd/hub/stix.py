"""Orders as STIX 2.1. Ids follow from what they name, so a bundle that is read twice changes
nothing.

Indicators are written out here, as there may be a million of them and the library takes a
millisecond for each; a test holds them to it. All else is made by the library.
"""

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid5

from filterd.model.order import Effect, Match

Json = Any
SPACE = UUID("5b0d7c3e-6f5a-5c0e-9a0b-2f4d1b7e8c61")  # of the ids that are made here
MOST = 999_999_999  # of a sighting's count (STIX 2.1 section 5.2)
_BEGUN = "2026-01-01T00:00:00.000Z"  # when an authority was first told of; ids want one answer
_SEEN = ("block", "rewrite")


def bundle(rows: Iterable[Mapping[str, Json]]) -> dict[str, Json]:
    """Return a bundle of `exports.order_rows`."""
    objects: dict[str, Json] = {}
    for row in rows:
        for each in _objects(row):
            objects.setdefault(each["id"], each)
    name = "\n".join([each + str(value.get("modified")) for each, value in objects.items()])
    found: dict[str, Json] = {"type": "bundle", "id": f"bundle--{uuid5(SPACE, name)}"}
    return {**found, "objects": list(objects.values())} if objects else found


def pattern_text(match: str, text: str) -> str:
    """Return an order's pattern in STIX's language (section 9)."""
    if match == Match.URL:
        return f"[url:value MATCHES '{_quoted('^https?://' + re.escape(text))}']"
    name = _quoted(text)
    if match == Match.NAME:
        return f"[domain-name:value = '{name}']"
    return f"[domain-name:value = '{name}' OR domain-name:value LIKE '%.{name}']"


def _objects(row: Mapping[str, Json]) -> Iterator[dict[str, Json]]:
    author = _id("identity", row["authority"])
    act = row["act"]["act"]
    yield _author(author, row["authority"])
    indicators = [_indicator(row, author, match, text) for match, text in act["patterns"]]
    yield from indicators
    if not indicators:
        return
    about = indicators[0]["id"]
    if len(indicators) > 1:
        group = _grouping(row, author, [each["id"] for each in indicators])
        about = group["id"]
        yield group
    seen = [row["counts"][deed] for deed in _SEEN if deed in row["counts"]]
    if seen:
        yield _sighting(row, author, about, seen)


def _indicator(row: Mapping[str, Json], author: str, match: str, text: str) -> dict[str, Json]:
    created = _time(row["signed_at"])
    ended = row["revoked_at"]
    modified = created if ended is None else _time(max(ended, row["signed_at"]))
    benign = {"indicator_types": ["benign"]} if row["effect"] == Effect.ALLOW else {}
    return {
        "type": "indicator",
        "spec_version": "2.1",
        "id": _id("indicator", row["digest"], match, text),
        "created_by_ref": author,
        "created": created,
        "modified": modified,
        "revoked": ended is not None,
        "name": text,
        **benign,
        "pattern": pattern_text(match, text),
        "pattern_type": "stix",
        "valid_from": _time(row["not_before"] * 1000),
        "valid_until": _time(row["not_after"] * 1000),
        "labels": [row["category"], row["effect"]],
        "external_references": [{"source_name": row["authority"], "external_id": row["reference"]}],
    }


def _author(name: str, authority: str) -> dict[str, Json]:
    from stix2.v21 import Identity  # noqa: PLC0415 - a hub starts half a second sooner without

    return _plain(
        Identity(
            id=name,
            created=_BEGUN,
            modified=_BEGUN,
            name=authority,
            identity_class="organization",
        )
    )


def _grouping(row: Mapping[str, Json], author: str, refs: Sequence[str]) -> dict[str, Json]:
    from stix2.v21 import Grouping  # noqa: PLC0415

    at = _time(row["signed_at"])
    return _plain(
        Grouping(
            id=_id("grouping", row["digest"]),
            created_by_ref=author,
            created=at,
            modified=at,
            name=f"{row['authority']}/{row['id']}",
            context="unspecified",
            object_refs=list(refs),
        )
    )


def _sighting(
    row: Mapping[str, Json], author: str, about: str, seen: Sequence[Mapping[str, int]]
) -> dict[str, Json]:
    from stix2.v21 import Sighting  # noqa: PLC0415

    first = min(each["first"] for each in seen)
    last = max(each["last"] for each in seen)
    total = sum(each["count"] for each in seen)
    at = _time(last * 1000)
    return _plain(
        Sighting(
            id=_id("sighting", row["digest"], str(first), str(last), str(total)),
            created_by_ref=author,
            created=at,
            modified=at,
            first_seen=_time(first * 1000),
            last_seen=at,
            count=min(total, MOST),
            sighting_of_ref=about,
            summary=True,
        )
    )


def _plain(made: Any) -> dict[str, Json]:
    found: dict[str, Json] = json.loads(made.serialize())
    return found


def _id(kind: str, *words: str) -> str:
    return f"{kind}--{uuid5(SPACE, chr(10).join((kind, *words)))}"


def _quoted(text: str) -> str:
    return text.replace("\\", "\\\\").replace("'", "\\'")


def _time(milliseconds: int) -> str:
    """Return a moment as STIX writes it; one beyond the year 9999 is its end."""
    seconds, rest = divmod(min(max(milliseconds, 0), 253_402_300_799_999), 1000)
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%S}.{rest:03d}Z"
