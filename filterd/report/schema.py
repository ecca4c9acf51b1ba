"""The tables of the report store and how older ones become newer ones.

`PRAGMA user_version` counts the migrations that were applied; each runs once, in its own
transaction, and is never edited after a release. `tally` holds aggregates; an absent list,
category or rule is "" there, because NULLs would never be equal in its key. `entry` holds
pseudonymous and full rows.
"""

import sqlite3
from collections.abc import Sequence

from filterd.report.base import SinkError

APPLICATION_ID = 0x66646C67  # "fdlg": tells our file from another program's

MIGRATIONS: tuple[tuple[str, ...], ...] = (
    (
        """CREATE TABLE tally (
            slot INTEGER NOT NULL, grp TEXT NOT NULL, kind TEXT NOT NULL, step INTEGER NOT NULL,
            list TEXT NOT NULL, category TEXT NOT NULL, rule TEXT NOT NULL, n INTEGER NOT NULL,
            PRIMARY KEY (slot, grp, kind, step, list, category, rule)
        ) WITHOUT ROWID""",
        """CREATE TABLE entry (
            id INTEGER PRIMARY KEY, at REAL NOT NULL, level TEXT NOT NULL, client TEXT NOT NULL,
            qname TEXT NOT NULL, qtype INTEGER NOT NULL, kind TEXT NOT NULL, step INTEGER NOT NULL,
            list TEXT, category TEXT, rule TEXT, grp TEXT NOT NULL, door TEXT NOT NULL,
            rcode INTEGER NOT NULL
        )""",
        "CREATE INDEX entry_at ON entry (at)",
    ),
)


def migrate(database: sqlite3.Connection, migrations: Sequence[Sequence[str]] = MIGRATIONS) -> None:
    """Bring `database` (in autocommit mode) up to date.

    Raises:
        SinkError: the file belongs to another program or to a newer filterd.
        sqlite3.Error: as the database says.
    """
    (version,) = database.execute("PRAGMA user_version").fetchone()
    (owner,) = database.execute("PRAGMA application_id").fetchone()
    (tables,) = database.execute("SELECT count(*) FROM sqlite_schema").fetchone()
    if tables and owner != APPLICATION_ID:
        raise SinkError("the file is another program's database; give the report another path")
    if version > len(migrations):
        raise SinkError(
            f"the file was made by a newer filterd (schema {version}, this one knows "
            f"{len(migrations)}); upgrade filterd or move the file away"
        )
    for number in range(version, len(migrations)):
        database.execute("BEGIN IMMEDIATE")
        try:
            for statement in migrations[number]:
                database.execute(statement)
            # PRAGMA takes no parameters; both values are our own integers.
            database.execute(f"PRAGMA application_id = {APPLICATION_ID:d}")
            database.execute(f"PRAGMA user_version = {number + 1:d}")
            database.execute("COMMIT")
        except BaseException:
            database.execute("ROLLBACK")
            raise
