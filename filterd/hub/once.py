"""Rows that may come twice, and count once."""

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

from sqlalchemy import Connection, Row, Table
from sqlalchemy.dialects import postgresql, sqlite


def insert_once(
    connection: Connection, table: Table, rows: Sequence[Mapping[str, Any]]
) -> list[Row[Any]]:
    """Insert the rows that are not there yet; return the primary keys of those that were not."""
    if not rows:
        return []
    statement = _statement(connection.dialect.name, table)
    return list(connection.execute(statement, [dict(row) for row in rows]))


@cache
def _statement(dialect: str, table: Table) -> Any:
    """Made once: it takes longer to write a statement than to run it."""
    # The dialects' two classes are alike in what is used of them, and have no name in common.
    statement: Any = (postgresql.insert if dialect == "postgresql" else sqlite.insert)(table)
    return statement.on_conflict_do_nothing().returning(*table.primary_key.columns)
