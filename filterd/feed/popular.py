"""Names that nearly everybody needs, as JSON: an optional target of the feed's trust root.

No order blocks one of them, nor what it stands under, whoever signed the order. It is short: a
search engine, a mail provider, the systems' own update servers. Those who hold the root sign it.
"""

from collections.abc import Iterable
from typing import Any

from filterd.feed.canonical import fields
from filterd.feed.refusal import Fault, Refused
from filterd.model.errors import InvalidName
from filterd.model.name import ascii_name

Json = Any
MOST_NAMES = 10_000
MOST = 512 * 1024  # bytes


def popular_json(names: Iterable[str]) -> dict[str, Json]:
    """Return the names as they are signed."""
    return {"names": sorted(set(names))}


def read_popular(value: Json) -> tuple[str, ...]:
    """Read what `popular_json` writes.

    Raises:
        Refused: MALFORMED.
    """
    names = fields(value, {"names": list}, "popular")["names"]
    if len(names) > MOST_NAMES:
        raise Refused(Fault.MALFORMED, f"popular: more than {MOST_NAMES} names")
    for name in names:
        if not isinstance(name, str) or not name or _spelled(name) != name:
            raise Refused(Fault.MALFORMED, f"popular: no name: {str(name)[:80]!r}")
    return tuple(names)


def _spelled(name: str) -> str:
    try:
        return ascii_name(name)
    except InvalidName:
        return ""
