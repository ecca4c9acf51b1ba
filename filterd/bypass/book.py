"""How often what was tried, by hour, group and signal: a small SQLite file that daemon and command
line share, kept for 35 days. There is no column for a client, an address or a name.

Each call opens the file and closes it again: whoever comes every few seconds loses nothing by it,
and a file that was removed or mended is found as it is.
"""

import json
import os
import sqlite3
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from filterd.bypass.counters import Look, Tried, gained
from filterd.bypass.signals import LEAST, Signal, hour_of
from filterd.model.durable import make_directory
from filterd.model.errors import FilterdError

FILE = "bypass.sqlite"
DAY = 86_400
KEPT = 35 * DAY  # seconds
WAIT = 5.0  # seconds that one waits for another
APPLICATION_ID = 0x66646279  # "fdby"
QUIET = 60.0  # seconds for which a look that found nothing new writes nothing
_SCHEMA = (
    """CREATE TABLE hours (
        hour INTEGER NOT NULL, grp TEXT NOT NULL, signal TEXT NOT NULL, n INTEGER NOT NULL,
        PRIMARY KEY (hour, grp, signal)) WITHOUT ROWID""",
    """CREATE TABLE totals (
        grp TEXT NOT NULL, signal TEXT NOT NULL, n INTEGER NOT NULL,
        PRIMARY KEY (grp, signal)) WITHOUT ROWID""",
    """CREATE TABLE looks (
        one INTEGER PRIMARY KEY CHECK (one = 1), at REAL NOT NULL, life TEXT NOT NULL,
        packets TEXT NOT NULL)""",
    f"PRAGMA application_id = {APPLICATION_ID:d}",
    "PRAGMA user_version = 1",
)
_ADD = "INSERT INTO {} VALUES ({}) ON CONFLICT DO UPDATE SET n = n + excluded.n"
_DAMAGED = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)


class BookError(FilterdError):
    """The file cannot be read or written; the message says what to do."""


@dataclass(frozen=True, slots=True)
class Hour:
    """`n` attempts in the hour that began at Unix time `hour`."""

    hour: int
    group: str
    signal: Signal
    n: int


class Book:
    """The book at `path`. BookError from any call."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def add(self, tried: Tried, now: float) -> None:
        """Count what was tried since the last call, in the hour of `now`."""
        if tried:
            with self._writing(now) as database:
                _add(database, tried, now)

    def look(self, see: Callable[[], Look | None], groups: Mapping[str, str], now: float) -> Tried:
        """Have `see` look at the counters and count what they gained since anybody's last look;
        None: there are none. `groups`: chain -> group. What `see` raises comes through.
        """
        with self._writing(now) as database:
            # The file is locked by now: two who look at once would count the same twice.
            seen = see()
            seen = Look("", {}) if seen is None else seen
            at, before = _last(database)
            tried = gained(before, seen, groups)
            _add(database, tried, now)
            if seen != before or not 0 <= now - at < QUIET:
                shown = json.dumps([[*key, number] for key, number in seen.packets.items()])
                row = (now, seen.life, shown)
                database.execute("REPLACE INTO looks VALUES (1, ?, ?, ?)", row)
        return tried

    def hours(self, since: float, until: float) -> list[Hour]:
        """Return what is kept of hours that began after `since` and not after `until`."""
        rows = self._read(
            "SELECT hour, grp, signal, n FROM hours WHERE hour > ? AND hour <= ?"
            " ORDER BY grp, signal, hour",
            (since, until),
        )
        return [
            Hour(hour, group, Signal(signal), n)
            for hour, group, signal, n in rows
            if signal in _KNOWN
        ]

    def totals(self) -> dict[str, dict[str, int]]:
        """Return group -> signal -> attempts since the book was begun, without hours that had too
        few to be a signal. They never go down.
        """
        found: dict[str, dict[str, int]] = {}
        for group, signal, n in self._read("SELECT grp, signal, n FROM totals", ()):
            found.setdefault(group, {})[signal] = n
        return found

    def looked(self) -> float | None:
        """Return when somebody looked at the counters last (Unix time, early by a minute where
        nothing was new); None: nobody did.
        """
        return next((at for (at,) in self._read("SELECT at FROM looks", ())), None)

    def _read(self, query: str, arguments: tuple[Any, ...]) -> list[tuple[Any, ...]]:
        if not self._path.exists():
            return []
        try:
            where = f"{self._path.resolve().as_uri()}?mode=ro"
            with closing(sqlite3.connect(where, timeout=WAIT, uri=True)) as database:
                if not database.execute("PRAGMA user_version").fetchone()[0]:
                    return []  # somebody made it, and could not go on
                return database.execute(query, arguments).fetchall()
        except sqlite3.Error as error:
            raise self._failed(error) from error

    @contextmanager
    def _writing(self, now: float) -> Iterator[sqlite3.Connection]:
        """Give the file, locked; what was done holds if the block ends well."""
        try:
            _make(self._path)
            connected = sqlite3.connect(self._path, timeout=WAIT, isolation_level=None)
        except (OSError, sqlite3.Error) as error:
            raise self._failed(error) from error
        with closing(connected) as database:
            try:
                database.execute("PRAGMA secure_delete = ON").fetchall()
                database.execute("BEGIN IMMEDIATE")
                if not database.execute("PRAGMA user_version").fetchone()[0]:
                    for statement in _SCHEMA:
                        database.execute(statement)
                yield database
                # A clock that was wrong for a while must not leave rows for ever.
                gone = (hour_of(now) - KEPT, hour_of(now) + DAY)
                database.execute("DELETE FROM hours WHERE hour <= ? OR hour > ?", gone)
                database.execute("COMMIT")
            except sqlite3.Error as error:
                if getattr(error, "sqlite_errorcode", 0) & 0xFF in _DAMAGED:
                    self._path.replace(self._path.with_name(f"{FILE}.damaged"))
                raise self._failed(error) from error

    def _failed(self, error: Exception) -> BookError:
        return BookError(
            f"{self._path}: {error}; look whether the disk is full, and use the account that "
            "runs filterd, or root"
        )


_KNOWN = frozenset(each.value for each in Signal)


def _make(path: Path) -> None:
    """Make the file where there is none, and have it belong to whom its folder does: root may look
    first, and the daemon must go on.
    """
    make_directory(path.parent)
    try:
        handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return
    try:
        if os.geteuid() == 0:
            folder = path.parent.stat()
            os.fchown(handle, folder.st_uid, folder.st_gid)
    finally:
        os.close(handle)


def _last(database: sqlite3.Connection) -> tuple[float, Look | None]:
    """Return the last look and when it was."""
    row = database.execute("SELECT at, life, packets FROM looks").fetchone()
    if row is None:
        return 0.0, None
    return row[0], Look(row[1], {(chain, rule): n for chain, rule, n in json.loads(row[2])})


def _add(database: sqlite3.Connection, tried: Tried, now: float) -> None:
    hour = hour_of(now)
    for (group, signal), n in tried.items():
        row = database.execute(
            "SELECT n FROM hours WHERE hour = ? AND grp = ? AND signal = ?",
            (hour, group, signal.value),
        ).fetchone()
        before = 0 if row is None else int(row[0])
        database.execute(_ADD.format("hours", "?, ?, ?, ?"), (hour, group, signal.value, n))
        if before + n >= LEAST[signal]:
            # The hour has become a signal with this, or was one: then what is new counts.
            new = n if before >= LEAST[signal] else before + n
            database.execute(_ADD.format("totals", "?, ?, ?"), (group, signal.value, new))
