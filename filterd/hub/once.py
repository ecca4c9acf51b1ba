"""Rows that may come twice, and count once."""

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

from sqlalchemy import Connection, Row, Table, bindparam, cast, func, select
from sqlalchemy.dialects import postgresql, sqlite


def insert_once(
    connection: Connection, table: Table, rows: Sequence[Mapping[str, Any]]
) -> list[Row[Any]]:
    """Insert the rows that are not there yet; return the primary keys of those that were not. All
    rows have the same columns.
    """
    if not rows:
        return []
    names = tuple(rows[0])
    if connection.dialect.name == "postgresql":
        columns = {name: [row[name] for row in rows] for name in names}
        return list(connection.execute(_of_columns(table, names), columns))
    return list(connection.execute(_of_rows(table), [dict(row) for row in rows]))


# Made once: it takes longer to write a statement than to run it.
@cache
def _of_columns(table: Table, names: tuple[str, ...]) -> Any:
    """An array for each column: the statement is the same for one row and for a thousand."""
    kinds = [postgresql.ARRAY(table.c[name].type) for name in names]
    given = [
        cast(bindparam(name, type_=kind), kind) for name, kind in zip(names, kinds, strict=True)
    ]
    rows = func.unnest(*given).table_valued(*names, name="given").render_derived()
    statement = postgresql.insert(table).from_select(names, select(*rows.c))
    return statement.on_conflict_do_nothing().returning(*table.primary_key.columns)


@cache
def _of_rows(table: Table) -> Any:
    return sqlite.insert(table).on_conflict_do_nothing().returning(*table.primary_key.columns)
