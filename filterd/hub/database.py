"""The hub's database: PostgreSQL where many nodes report, SQLite as the one that is built in.

Everything above it speaks SQLAlchemy Core and is the same on both. A transaction that writes on
SQLite takes its lock at once (BEGIN IMMEDIATE), so two processes wait for each other instead of
failing half way; one that only reads never waits.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, MetaData, create_engine, event, inspect, text
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from filterd.hub.migrations import NEWEST, numbers, upgrade
from filterd.model.errors import FilterdError

BUSY = 30  # seconds to wait for another writer of SQLite, or for a free connection
_READING = "filterd_reading"  # a connection's option
_ADVISORY = 0x66696C74  # the lock of PostgreSQL that a migration holds


class DatabaseError(FilterdError):
    """The database cannot be reached, or is not this program's; the text says what to do."""


@dataclass(frozen=True, slots=True)
class Database:
    """An engine, and transactions on it. Safe from many threads."""

    engine: Engine

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """A transaction that is committed at the end, all or nothing.

        Raises:
            DatabaseError: the database is gone, full or busy; nothing was written.
        """
        with _told(self.engine.url), self.engine.begin() as connection:
            yield connection

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """One consistent view, which waits for no writer. DatabaseError."""
        with _told(self.engine.url), self.engine.connect() as connection:
            connection.execution_options(**{_READING: True})
            if self.engine.dialect.name == "postgresql":
                connection.execution_options(
                    isolation_level="REPEATABLE READ", postgresql_readonly=True
                )
            with connection.begin():
                yield connection

    def close(self) -> None:
        """Close every connection that is not in use."""
        self.engine.dispose()


def open_database(url: str, pool: int = 8) -> Database:
    """Open a database whose tables are those of this release; at most `pool` connections.

    Raises:
        DatabaseError: no such kind, not reachable, or of an older or newer release.
    """
    engine = _engine(url, pool)
    # SQLite itself would make an empty one, wherever a slip of the pen points.
    if engine.dialect.name == "sqlite" and not Path(engine.url.database or "").exists():
        raise DatabaseError(f"{shown(url)}: no such file; `filterd hub init` makes it")
    database = Database(engine)
    try:
        with database.read() as connection:
            check_schema(connection)
    except DatabaseError:
        database.close()
        raise
    return database


def migrate(url: str) -> tuple[str | None, str]:
    """Bring the tables of a database, made if need be, to this release. Two at once are fine: the
    second waits and finds nothing to do.

    Returns:
        The number of the schema before (None: empty) and after.

    Raises:
        DatabaseError: not reachable, or of a newer release.
    """
    database = Database(_engine(url, 1))
    try:
        with database.write() as connection:
            if connection.dialect.name == "postgresql":
                connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _ADVISORY})
            before = _number(connection)
            if before is not None and before not in numbers():
                raise DatabaseError(_newer(before))
            upgrade(connection)
            return before, NEWEST
    finally:
        database.close()


def check_schema(connection: Connection) -> None:
    """DatabaseError unless the tables are those of this release."""
    found = _number(connection)
    if found == NEWEST:
        return
    if found is None:
        where = shown(connection.engine.url)
        raise DatabaseError(f"{where}: the database is empty; `filterd hub init` makes its tables")
    if found in numbers():
        raise DatabaseError(
            f"the database has schema {found}, this release needs {NEWEST}; "
            "make a backup, then run `filterd hub migrate`"
        )
    raise DatabaseError(_newer(found))


def shown(url: str | URL) -> str:
    """Return a database's address without its password."""
    return make_url(url).render_as_string(hide_password=True)


def _newer(found: str) -> str:
    return (
        f"the database has schema {found}, which this release does not know: "
        "it belongs to a newer filterd; install that one"
    )


def _number(connection: Connection) -> str | None:
    if not inspect(connection).has_table("alembic_version"):
        return None
    found: str | None = connection.execute(text("SELECT version_num FROM alembic_version")).scalar()
    return found


def _engine(address: str, pool: int) -> Engine:
    try:
        url = make_url(address)
    except ArgumentError as error:
        raise DatabaseError(f"not the address of a database: {address[:80]!r}") from error
    if url.drivername in {"postgresql", "postgresql+psycopg"}:
        return _postgresql(url.set(drivername="postgresql+psycopg"), pool)
    if url.drivername in {"sqlite", "sqlite+pysqlite"} and url.database not in (
        None,
        "",
        ":memory:",
    ):
        return _sqlite(url, pool)
    raise DatabaseError(
        f"{shown(url)}: a database is sqlite:////path/to/hub.db or "
        "postgresql+psycopg://user@host/name"
    )


def _postgresql(url: URL, pool: int) -> Engine:
    # No ping before each use: a server that was started anew costs one transaction, which is told
    # and comes again, instead of a round trip for every one.
    return create_engine(
        url,
        pool_size=pool,
        max_overflow=0,
        pool_timeout=BUSY,
        connect_args={"connect_timeout": 10, "application_name": "filterd hub"},
    )


def _sqlite(url: URL, pool: int) -> Engine:
    engine = create_engine(
        url,
        pool_size=pool,
        max_overflow=0,
        pool_timeout=BUSY,
        connect_args={"timeout": BUSY, "check_same_thread": False},
    )

    @event.listens_for(engine, "connect")
    def set_up(raw: Any, record: object) -> None:
        del record
        raw.isolation_level = None  # transactions begin where we say, not where Python guesses
        for pragma in ("journal_mode=WAL", "foreign_keys=ON", "synchronous=FULL"):
            raw.execute(f"PRAGMA {pragma}")

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        reading = connection.get_execution_options().get(_READING)
        connection.exec_driver_sql("BEGIN" if reading else "BEGIN IMMEDIATE")

    return engine


@contextmanager
def _told(url: URL) -> Iterator[None]:
    """Turn what the driver says into one line. A mistake of ours stays what it is."""
    try:
        yield
    except (DBAPIError, PoolTimeout) as error:
        if not isinstance(error, PoolTimeout) and not _outside(error):
            raise
        why = str(getattr(error, "orig", None) or error).strip().split("\n")[0]
        raise DatabaseError(f"{shown(url)}: {why}") from error


def _outside(error: DBAPIError) -> bool:
    return error.connection_invalidated or type(error).__name__ in {
        "OperationalError",
        "InterfaceError",
        "DatabaseError",  # the base itself: of SQLite, what is no database, or a broken one
    }


def same_tables(connection: Connection, metadata: MetaData) -> list[Any]:
    """Return what the tables of a database have otherwise than `metadata` says; [] is right."""
    from alembic.autogenerate import compare_metadata  # noqa: PLC0415 - only who asks pays for it
    from alembic.migration import MigrationContext  # noqa: PLC0415

    return list(compare_metadata(MigrationContext.configure(connection), metadata))
