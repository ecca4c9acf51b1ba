"""The sink that `filterd log` reads: SQLite in WAL mode, with its retention.

Opened at the first write, so a disk that is not there yet delays nothing. A file that is damaged
is set aside as `<name>.damaged-<time>` and a new one begun; every other failure is a `SinkError`
and the next try opens the file afresh. Rows that are deleted are overwritten (secure_delete).
"""

import logging
import os
import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from filterd.model.event import Event
from filterd.report.base import SinkError
from filterd.report.privacy import SLOT, Count, Level, Masked, Row
from filterd.report.schema import migrate

logger = logging.getLogger(__name__)

DAY = 86400
_DAMAGED = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)
_SIDE_FILES = ("-wal", "-shm")
_CHUNK = 2000  # rows deleted at once when the file is too big

_TALLY = """INSERT INTO tally (slot, grp, kind, step, list, category, rule, n)
    VALUES (?, ?, ?, ?, ?, ?, ?, ?)
    ON CONFLICT DO UPDATE SET n = n + excluded.n"""
_ENTRY = """INSERT INTO entry
    (at, level, client, qname, qtype, kind, step, list, category, rule, grp, door, rcode)
    VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"""


@dataclass(frozen=True, slots=True)
class Retention:
    """How long rows of each level are kept, in seconds, and how big the file may be, in bytes."""

    aggregates: float = 90 * DAY
    pseudonym: float = 7 * DAY
    full: float = 1 * DAY
    max_bytes: int = 256 * 1024 * 1024


class SqliteSink:
    """Rows in the SQLite file `path`, whose directory must exist."""

    def __init__(self, path: Path, retention: Retention) -> None:
        self._path = path
        self._retention = retention
        self._database: sqlite3.Connection | None = None
        self._inode = 0

    def write(self, rows: Sequence[Row], now: float) -> None:
        """Write all rows in one transaction."""
        tallies = [_tally(row) for row in rows if isinstance(row, Count)]
        entries = [_entry(row) for row in rows if not isinstance(row, Count)]
        try:
            database = self._open()
            with database:  # commits, or rolls back
                database.execute("BEGIN IMMEDIATE")
                database.executemany(_TALLY, tallies)
                database.executemany(_ENTRY, entries)
        except (sqlite3.Error, OSError) as error:
            raise self._failed(error, now) from error

    def tidy(self, now: float) -> None:
        """Delete what is too old, then the oldest while the file is too big; give space back."""
        try:
            database = self._open()
            with database:
                database.execute("BEGIN IMMEDIATE")
                self._expire(database, now)
            self._shrink(database)
            # A script runs to its end; a statement without rows is stepped once: one page.
            database.executescript("PRAGMA incremental_vacuum")
            database.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
        except (sqlite3.Error, OSError) as error:
            raise self._failed(error, now) from error

    def close(self) -> None:
        """Close the file; the next write opens it again."""
        database, self._database = self._database, None
        if database is None:
            return
        try:
            database.close()
        except sqlite3.Error as error:
            logger.warning("report store: closing %s: %s", self._path, error)

    def _open(self) -> sqlite3.Connection:
        if self._database is not None and not self._still_there():
            logger.warning("report store: %s was removed; a new one is begun", self._path)
            self.close()
        if self._database is None:
            # Made by us first, so that SQLite's own files take over the mode.
            handle = os.open(self._path, os.O_RDWR | os.O_CREAT, 0o600)
            self._inode = os.fstat(handle).st_ino
            os.close(handle)
            database = sqlite3.connect(
                self._path, timeout=2, isolation_level=None, check_same_thread=False
            )
            try:
                database.execute("PRAGMA auto_vacuum = INCREMENTAL")
                database.execute("PRAGMA journal_mode = WAL").fetchall()
                database.execute("PRAGMA synchronous = NORMAL")
                database.execute("PRAGMA secure_delete = ON").fetchall()
                migrate(database)
                _check(database)
            except BaseException:
                database.close()
                raise
            self._database = database
        return self._database

    def _still_there(self) -> bool:
        """Say whether our path is still our file: SQLite would go on writing to a removed one."""
        try:
            return self._path.stat().st_ino == self._inode
        except FileNotFoundError:
            return False

    def _failed(self, error: sqlite3.Error | OSError, now: float) -> SinkError:
        """Close the file, so that the next try finds a mended disk, and say what is wrong."""
        self.close()
        if getattr(error, "sqlite_errorcode", 0) & 0xFF in _DAMAGED:
            return self._set_aside(error, now)
        return SinkError(
            f"report store {self._path}: {error}; DNS goes on, events wait in memory and the "
            "oldest are dropped until the disk takes them again"
        )

    def _set_aside(self, error: Exception, now: float) -> SinkError:
        aside = self._path.with_name(f"{self._path.name}.damaged-{int(now)}")
        try:
            for side in _SIDE_FILES:
                self._path.with_name(self._path.name + side).unlink(missing_ok=True)
            self._path.rename(aside)
        except OSError as failure:
            return SinkError(
                f"report store {self._path} is damaged ({error}) and cannot be set aside: "
                f"{failure}; move it away by hand"
            )
        return SinkError(
            f"report store was damaged ({error}); it was set aside "
            f"as {aside} and a new one is begun"
        )

    def _expire(self, database: sqlite3.Connection, now: float) -> None:
        kept = self._retention
        database.execute("DELETE FROM tally WHERE slot + ? < ?", (SLOT, now - kept.aggregates))
        for level, seconds in ((Level.PSEUDONYM, kept.pseudonym), (Level.FULL, kept.full)):
            database.execute(
                "DELETE FROM entry WHERE level = ? AND at < ?", (level.value, now - seconds)
            )

    def _shrink(self, database: sqlite3.Connection) -> None:
        """Delete the oldest rows, those that say most about a person first."""
        while _used(database) > self._retention.max_bytes:
            with database:
                database.execute("BEGIN IMMEDIATE")
                gone = database.execute(
                    "DELETE FROM entry WHERE id IN (SELECT id FROM entry ORDER BY at LIMIT ?)",
                    (_CHUNK,),
                ).rowcount
                if not gone:
                    gone = database.execute(
                        "DELETE FROM tally WHERE slot IN (SELECT DISTINCT slot FROM tally"
                        " ORDER BY slot LIMIT 12)"
                    ).rowcount
            if not gone:
                return


def _check(database: sqlite3.Connection) -> None:
    """Find damage now rather than in the middle of a lesson."""
    (finding,) = database.execute("PRAGMA quick_check(1)").fetchone()
    if finding != "ok":
        error = sqlite3.DatabaseError(finding)
        error.sqlite_errorcode = sqlite3.SQLITE_CORRUPT
        raise error


def _used(database: sqlite3.Connection) -> int:
    (pages,) = database.execute("PRAGMA page_count").fetchone()
    (free,) = database.execute("PRAGMA freelist_count").fetchone()
    (size,) = database.execute("PRAGMA page_size").fetchone()
    return int((pages - free) * size)


def _tally(row: Count) -> tuple[int, str, str, int, str, str, str, int]:
    return (
        row.slot,
        row.group,
        row.kind.value,
        row.step.value,
        row.list or "",
        row.category or "",
        row.rule or "",
        row.n,
    )


def _entry(row: Masked | Event) -> tuple[object, ...]:
    masked = isinstance(row, Masked)
    return (
        row.at,
        (Level.PSEUDONYM if masked else Level.FULL).value,
        row.pseudonym if isinstance(row, Masked) else row.client,
        row.qname,
        row.qtype,
        row.kind.value,
        row.step.value,
        row.list,
        row.category,
        row.rule,
        row.group,
        row.door,
        row.rcode,
    )
