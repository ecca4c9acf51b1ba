"""`/.well-known/age-label.json`: the self-declaration for sites, defined in `docs/age-labels.md`.

    {"version": 1, "label": "film:T16", "parts": [{"path": "/kids/", "label": 0}]}

A label is a whole number of years, 0 to 18, or a label of a Vietnamese scheme. Strict where a
mistake would be silent: an unknown label or key is an error, and the file is not used.
"""

import json
from typing import Any

from filterd.http.labels.base import Label, cleaned
from filterd.http.labels.scope import Scope, read_scope
from filterd.http.labels.site import MOST_FILE, MOST_PARTS, NotALabel, Part, SiteLabel
from filterd.http.labels.words import SCHEMES, read_scheme
from filterd.model.group import ADULT

SCHEME = "age-label"
VERSION = 1
_KEYS = frozenset({"version", "label", "parts", "operator", "contact", "date", "comment"})
_PART_KEYS = frozenset({"path", "label", "comment"})


def read(data: bytes) -> SiteLabel:
    """Return what the file says.

    Raises:
        NotALabel: it is not of the form in `docs/age-labels.md`; the message says where.
    """
    if len(data) > MOST_FILE:
        raise NotALabel(f"larger than {MOST_FILE} bytes")
    try:
        document = json.loads(data.decode("utf-8-sig"), object_pairs_hook=_once)
    except NotALabel:
        raise
    except (ValueError, RecursionError) as error:
        raise NotALabel("not JSON in UTF-8") from error
    _known(document, _KEYS, "the file")
    if document.get("version") != VERSION or isinstance(document["version"], bool):
        raise NotALabel(f"version must be {VERSION}")
    if "label" not in document:
        raise NotALabel("label is missing: an age from 0 to 18, or such as film:T16")
    parts = document.get("parts", [])
    if not isinstance(parts, list) or len(parts) > MOST_PARTS:
        raise NotALabel(f"parts must be a list of at most {MOST_PARTS}")
    return SiteLabel(
        _label(document["label"], "label"),
        tuple(_part(part, f"parts[{index}]") for index, part in enumerate(parts)),
    )


def _part(part: Any, place: str) -> Part:
    _known(part, _PART_KEYS, place)
    return Part(_scope(part.get("path"), place), _label(part.get("label"), f"{place}.label"))


def _scope(path: Any, place: str) -> Scope:
    plain = isinstance(path, str) and path.startswith("/") and not set(path) & set("*+?#\\^$")
    scope = read_scope(path) if plain else None
    if scope is None:
        raise NotALabel(f"{place}.path must be an ASCII path such as /phim/, without * and ?")
    return scope


def _label(value: Any, place: str) -> Label:
    if isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= ADULT:
        return Label(value, SCHEME, str(value))
    if isinstance(value, str):
        scheme, _, word = value.partition(":")
        age = read_scheme(scheme, word)
        if age is not None:
            return Label(age, SCHEME, cleaned(value))
    words = ", ".join(f"{scheme}:{word}" for scheme, ages in SCHEMES.items() for word in ages)
    raise NotALabel(f"{place} must be a whole number from 0 to {ADULT}, or one of {words}")


def _known(value: Any, keys: frozenset[str], place: str) -> None:
    if not isinstance(value, dict):
        raise NotALabel(f"{place} must be an object")
    for key in value:
        if key not in keys:
            raise NotALabel(f"{place} has an unknown key {key[:40]!r}")


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise NotALabel("a key is given twice")
    return found
