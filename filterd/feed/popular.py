"""Names that nearly everybody needs, as JSON: an optional target of the feed's trust root.

No order blocks one of them, nor what it stands under, whoever signed the order. It is short: a
search engine, a mail provider, the systems' own update servers. Those who hold the root sign it.
"""

from collections.abc import Iterable
from typing import Any

from filterd.feed.canonical import fields
from filterd.feed.names import MOST, MOST_NAMES, read_names

Json = Any
__all__ = ["MOST", "MOST_NAMES", "popular_json", "read_popular"]


def popular_json(names: Iterable[str]) -> dict[str, Json]:
    """Return the names as they are signed."""
    return {"names": sorted(set(names))}


def read_popular(value: Json) -> tuple[str, ...]:
    """Read what `popular_json` writes.

    Raises:
        Refused: MALFORMED.
    """
    return read_names(fields(value, {"names": list}, "popular")["names"], "popular")
