"""What people and the hub itself did, each row hashed with the one before it.

Whoever changes, drops or puts in a row later changes the digest of all that follow; the newest
digest, written down elsewhere, is enough to find out. A note is the last thing in its transaction:
its writers wait for each other.
"""

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, func, insert, select, text

from filterd.feed.canonical import canonical
from filterd.hub.tables import audits

Json = Any
FIRST = bytes(32)  # the digest before the first row
_ADVISORY = 0x61756474  # the lock of PostgreSQL that writers take in turn
_CHUNK = 1000


@dataclass(frozen=True, slots=True)
class Verified:
    """What a look at the whole log came to. `broken`: the first row that does not fit, if any."""

    rows: int
    newest: bytes
    broken: int | None


def note(  # noqa: PLR0913, PLR0917 - the columns of a row
    connection: Connection,
    who: str,
    what: str,
    subject: str,
    detail: Mapping[str, Json],
    now_ms: int,
) -> None:
    """Write that `who` did `what` (a word) to `subject`."""
    if connection.dialect.name == "postgresql":
        connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _ADVISORY})
    last = connection.execute(
        select(audits.c.number, audits.c.digest).order_by(audits.c.number.desc()).limit(1)
    ).first()
    number, before = (last.number + 1, last.digest) if last else (1, FIRST)
    row = {
        "number": number,
        "at": now_ms,
        "who": _plain(who),
        "what": _plain(what)[:40],
        "subject": _plain(subject),
        "detail": canonical(dict(detail)).decode(),
    }
    connection.execute(insert(audits).values(**row, digest=_digest(before, row)))


def verify(connection: Connection) -> Verified:
    """Hash the whole log again."""
    before, rows = FIRST, 0
    for row in _all(connection):
        rows += 1
        if row["number"] != rows or _digest(before, row) != row["digest"]:
            return Verified(_count(connection), row["digest"], row["number"])
        before = row["digest"]
    return Verified(rows, before, None)


def _digest(before: bytes, row: Mapping[str, Json]) -> bytes:
    plain = {name: row[name] for name in ("number", "at", "who", "what", "subject", "detail")}
    return hashlib.sha256(before + canonical(plain)).digest()


def _all(connection: Connection) -> Iterator[Mapping[str, Json]]:
    last = 0
    while True:
        page = select(audits).where(audits.c.number > last).order_by(audits.c.number).limit(_CHUNK)
        rows = connection.execute(page).mappings().all()
        for row in rows:
            yield {**row, "digest": bytes(row["digest"])}
        if len(rows) < _CHUNK:
            return
        last = rows[-1]["number"]


def _count(connection: Connection) -> int:
    return connection.execute(select(func.count()).select_from(audits)).scalar_one()


def _plain(words: str) -> str:
    """PostgreSQL keeps no NUL, and a log of lines no line breaks."""
    return "".join(each if each.isprintable() else "\ufffd" for each in words)[:400]
