"""What is kept, and for how long. What is older goes, a little at a time, so nobody waits for it.

Counts of single nodes become sums of the whole country, by month, once their month is older than 13
months; what came too late for that was refused when it came. Names that no rule knows go after 30
days, signed receipts and the ids of batches with the counts that they were about.
"""

from calendar import timegm
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from time import gmtime
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Table,
    delete,
    exists,
    func,
    literal,
    select,
    tuple_,
)
from sqlalchemy.dialects import postgresql, sqlite

from filterd.hub.database import Database
from filterd.hub.tables import (
    batches,
    candidates,
    checks,
    counts,
    holdings,
    invitations,
    months,
    receipts,
)

DAY = 86_400
CHUNK = 20_000  # rows of one transaction


@dataclass(frozen=True, slots=True)
class Kept:
    """How long: whole months of counts, days of names, days of receipts."""

    months: int = 13
    candidates: int = 30
    receipts: int = 396


@dataclass(frozen=True, slots=True)
class Swept:
    """What went: months that were summed up, rows of counts, and other rows."""

    months: int
    counts: int
    others: int


def sweep(
    database: Database,
    now: int,
    kept: Kept | None = None,
    wanted: Callable[[], bool] = lambda: True,
) -> Swept:
    """Let go of what is too old at unix time `now`. Killed anywhere, it goes on where it was; two
    at once do no harm. Between transactions it asks whether it is still `wanted`.

    Raises:
        DatabaseError: some of it is left for the next time.
    """
    kept = kept or Kept()
    summed = counted = 0
    for month in _due(database, now, kept):
        with database.write() as connection:
            summed += _sum_up(connection, month)
        end = month_after(month, 1)
        within = (counts.c.bucket >= month) & (counts.c.bucket < end)
        counted += _clear(database, counts, within, wanted)
    oldest = month_after(now, -kept.months) * 1000
    proofs = (now - kept.receipts * DAY) * 1000
    receipt = receipts.c.arrived_at < proofs
    of_old = exists().where(
        (receipts.c.node == checks.c.node) & (receipts.c.size == checks.c.size) & receipt
    )
    rest: Sequence[tuple[Table, ColumnElement[bool]]] = (
        (candidates, candidates.c.day < now - kept.candidates * DAY),
        (checks, of_old),
        (receipts, receipt & ~exists().where(_of_receipt())),
        (holdings, holdings.c.released_at < proofs),
        (batches, (batches.c.arrived_at < oldest) & ~exists().where(_of_batch())),
        (invitations, invitations.c.expires_at < (now - 31 * DAY) * 1000),
    )
    others = sum(_clear(database, table, old, wanted) for table, old in rest)
    return Swept(summed, counted, others)


def month_of(second: int) -> int:
    """Return the first second of a moment's month, UTC."""
    return month_after(second, 0)


def month_after(second: int, number: int) -> int:
    """Return the first second of the month that is `number` months after that of a moment."""
    at = gmtime(second)
    place = at.tm_year * 12 + at.tm_mon - 1 + number
    return timegm((place // 12, place % 12 + 1, 1, 0, 0, 0))


def _due(database: Database, now: int, kept: Kept) -> list[int]:
    """Return the months that have ended too long ago and still have counts of single nodes."""
    last = month_after(now, -kept.months)
    with database.read() as connection:
        first = connection.execute(
            select(func.min(counts.c.bucket)).where(counts.c.bucket < last)
        ).scalar()
    found, month = [], last if first is None else month_of(first)
    while month < last:
        found.append(month)
        month = month_after(month, 1)
    return found


def _sum_up(connection: Connection, month: int) -> int:
    """Write the sums of a month, in one statement: they are there whole, or not."""
    done = connection.execute(select(months.c.month).where(months.c.month == month).limit(1))
    if done.first() is not None:
        return 0
    key = (counts.c.rule, counts.c.bracket, counts.c.deed)
    total = func.sum(counts.c.count)
    number = func.count(func.distinct(counts.c.node))
    within = (counts.c.bucket >= month) & (counts.c.bucket < month_after(month, 1))
    summed = select(literal(month), *key, total, number).where(within).group_by(*key)
    make = postgresql.insert if connection.dialect.name == "postgresql" else sqlite.insert
    statement: Any = make(months)
    columns = ("month", "rule", "bracket", "deed", "count", "nodes")
    statement = statement.from_select(columns, summed).on_conflict_do_nothing()
    return int(bool(connection.execute(statement.returning(months.c.month)).all()))


def _clear(
    database: Database, table: Table, old: ColumnElement[bool], wanted: Callable[[], bool]
) -> int:
    """Delete rows of `table` that are `old`, some at a time."""
    key = tuple_(*table.primary_key.columns)
    some = select(*table.primary_key.columns).where(old).limit(CHUNK)
    gone = 0
    while True:
        with database.write() as connection:
            number = connection.execute(delete(table).where(key.in_(some))).rowcount
        gone += number
        if number < CHUNK or not wanted():
            return gone


def _of_receipt() -> ColumnElement[bool]:
    return (checks.c.node == receipts.c.node) & (checks.c.size == receipts.c.size)


def _of_batch() -> ColumnElement[bool]:
    return (
        (counts.c.node == batches.c.node)
        & (counts.c.epoch == batches.c.epoch)
        & (counts.c.sequence == batches.c.sequence)
    )
