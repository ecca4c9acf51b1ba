"""Every reader of labels in headers and `<meta>` elements, and how a line is given to them.

A new one: a file beside this, and its name in `STATEMENTS`.
"""

from collections.abc import Iterable

from filterd.http.labels.age_meta import AGE_META
from filterd.http.labels.base import Label, Statement, cleaned, stricter
from filterd.http.labels.pics import PICS
from filterd.http.labels.rating import RATING
from filterd.http.labels.rta import RTA

STATEMENTS: tuple[Statement, ...] = (RTA, RATING, AGE_META, PICS)
MOST_TEXT = 512  # characters of one line that are looked at
MOST_FIELDS = 256  # header fields


def read_headers(fields: Iterable[tuple[str, str]]) -> Label | None:
    """Return the strictest label among the header fields of a response.

    Fields beyond the 256th are not looked at.
    """
    found: Label | None = None
    for count, (name, text) in enumerate(fields):
        if count >= MOST_FIELDS:
            break
        low = name.lower()
        found = stricter((found, *(_read(r, text) for r in STATEMENTS if low in r.headers)))
    return found


def read_meta(name: str, text: str) -> Label | None:
    """Return the label of one `<meta>`: `name` (or `http-equiv`) and `content`."""
    low = name.strip().lower()
    return stricter(_read(reader, text) for reader in STATEMENTS if low in reader.metas)


def _read(reader: Statement, text: str) -> Label | None:
    line = text[:MOST_TEXT]
    age = reader.read(line)
    return None if age is None else Label(age, reader.scheme, cleaned(line))
