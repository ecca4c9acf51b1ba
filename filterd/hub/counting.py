"""The rows of batches that are new: many at once, as fast as the database takes them.

Nothing here looks for doubles: the row of the batch, in the same transaction, was the first one.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from sqlalchemy import Connection, case, insert
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import DBAPIError

from filterd.hub.tables import candidates, counts
from filterd.report.batch import Band, Batch

_COLUMNS = tuple(column.name for column in counts.columns)
_COPY = f"COPY {counts.name} ({', '.join(_COLUMNS)}) FROM STDIN"
_RANK = {band.value: place for place, band in enumerate(Band)}


def store_counts(connection: Connection, batches: Sequence[Batch]) -> None:
    """Store what nodes counted."""
    if not any(batch.rows for batch in batches):
        return
    if connection.dialect.name != "postgresql":
        rows = [dict(zip(_COLUMNS, row, strict=True)) for row in _rows(batches)]
        connection.execute(insert(counts), rows)
        return
    from psycopg import Error as PostgresError  # noqa: PLC0415  loaded by now; SQLite needs none

    raw: Any = connection.connection.driver_connection
    try:
        with raw.cursor() as cursor, cursor.copy(_COPY) as copy:
            for row in _rows(batches):
                copy.write_row(row)
    except PostgresError as error:
        # COPY goes past SQLAlchemy, what goes wrong is to look as if it did not.
        raise DBAPIError.instance(
            _COPY, None, error, PostgresError, dialect=connection.dialect
        ) from error


def store_candidates(connection: Connection, batches: Iterable[Batch]) -> None:
    """Add up names that no rule knows, by node and day; of two bands the greater one stays."""
    rows = [
        {
            "node": batch.node,
            "day": each.day,
            "domain": each.domain,
            "count": each.count,
            "clients": each.clients.value,
        }
        for batch in batches
        for each in batch.candidates
    ]
    if not rows:
        return
    make = postgresql.insert if connection.dialect.name == "postgresql" else sqlite.insert
    statement: Any = make(candidates)
    new = statement.excluded
    band = case(_RANK, value=candidates.c.clients) > case(_RANK, value=new.clients)
    statement = statement.on_conflict_do_update(
        index_elements=list(candidates.primary_key.columns),
        set_={
            "count": candidates.c.count + new.count,
            "clients": case((band, candidates.c.clients), else_=new.clients),
        },
    )
    connection.execute(
        statement, sorted(rows, key=lambda row: (row["node"], row["day"], row["domain"]))
    )


def _rows(batches: Iterable[Batch]) -> Iterator[tuple[Any, ...]]:
    """In the order of the columns."""
    for batch in batches:
        for place, row in enumerate(batch.rows):
            yield (
                batch.node,
                batch.epoch,
                batch.sequence,
                place,
                row.bucket,
                row.span,
                row.rule,
                row.bracket.value,
                row.deed.value,
                row.count,
                row.clients.value,
            )
