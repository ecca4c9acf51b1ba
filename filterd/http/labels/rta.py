"""RTA, "Restricted to Adults": one fixed string in a `Rating` header or `<meta name="rating">`.

The string is its own proof, so it counts wherever it stands in the text, in any case.
"""

from filterd.http.labels.base import Statement
from filterd.model.group import ADULT

MARK = "rta-5042-1996-1400-1577-rta"


def read(text: str) -> int | None:
    """Return 18 where the mark is in `text`."""
    return ADULT if MARK in text.lower() else None


RTA = Statement("rta", frozenset({"rating"}), frozenset({"rating"}), read)
