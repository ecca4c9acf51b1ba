"""Blocking too long and too much is supervised as blocking too late is.

Three things: how soon an end is really seen (expiry checks; revocations have a pace of their own,
that of their segment), names that must stay open and are blocked, and orders that were taken back
within a day. Windows go by when a receipt arrived here, so no node's clock hides anything.
"""

from typing import Any

from sqlalchemy import ColumnElement, Select, and_, case, exists, false, func, select

from filterd.hub.compliance import DAY, HOUR, Look
from filterd.hub.pace import Pace
from filterd.hub.tables import checks, nodes, orders, receipts, segments

Json = Any
EXPIRY, OPEN = "expiry", "open"
SHOWN = 100  # subjects of one answer


def expiries(look: Look) -> tuple[Pace, int]:
    """Return how soon ends were seen, by receipts of the window but of the last hour at most, as
    there are so many of them; and how many of the whole window are not seen yet.

    Both times of a check are of one clock, so its skew does not matter.
    """
    delay = case(
        (
            checks.c.node_seen_at > checks.c.node_due_at,
            checks.c.node_seen_at - checks.c.node_due_at,
        ),
        else_=0,
    ).label("delay")
    asked = _arrived(look, EXPIRY)
    rows = look.connection.execute(
        asked.with_only_columns(delay, func.count(), func.sum(nodes.c.subscribers))
        .where(checks.c.good, receipts.c.arrived_at >= look.now - HOUR)
        .group_by(delay)
        .order_by(delay)
    )
    seen = tuple((int(ms), int(count), int(weight)) for ms, count, weight in rows)
    not_yet = asked.with_only_columns(checks.c.node, checks.c.subject).where(_is_still_bad(EXPIRY))
    number = select(func.count()).select_from(not_yet.distinct().subquery())
    return Pace(seen), int(look.connection.execute(number).scalar_one())


def overblocked(look: Look) -> list[dict[str, Json]]:
    """Return the names that must stay open and are blocked: at how many nodes, since when.

    A node that has meanwhile found the name open again does not count.
    """
    number = func.count(checks.c.node.distinct()).label("nodes")
    rows = look.connection.execute(
        _arrived(look, OPEN)
        .with_only_columns(checks.c.subject, number, func.min(receipts.c.arrived_at).label("since"))
        .where(_is_still_bad(OPEN))
        .group_by(checks.c.subject)
        .order_by(number.desc(), checks.c.subject)
        .limit(SHOWN)
    ).mappings()
    return [dict(row) for row in rows]


def false_orders(look: Look, since: int) -> tuple[int, int]:
    """Return how many orders were published since `since`, and how many of them were revoked within
    24 hours.
    """
    soon = and_(
        orders.c.revoked_at.is_not(None), orders.c.revoked_at - segments.c.published_at <= DAY
    )
    row = look.connection.execute(
        select(func.count(), func.coalesce(func.sum(case((soon, 1), else_=0)), 0))
        .select_from(orders.join(segments, segments.c.number == orders.c.segment))
        .where(segments.c.published_at >= since)
    ).one()
    return int(row[0]), int(row[1])


def _arrived(look: Look, kind: str) -> Select[Any]:
    """Return a statement over checks of `kind` in receipts of the window, and their nodes."""
    joined = receipts.join(
        checks, and_(checks.c.node == receipts.c.node, checks.c.size == receipts.c.size)
    ).join(nodes, and_(nodes.c.id == receipts.c.node, nodes.c.ended_at.is_(None)))
    asked = select(checks.c.subject).select_from(joined)
    return asked.where(receipts.c.arrived_at >= look.since, checks.c.kind == kind, look.within)


def _is_still_bad(kind: str) -> ColumnElement[bool]:
    """Return the condition for checks that went wrong and did not go well at that node since."""
    again = checks.alias("again")
    healed = exists().where(
        again.c.node == checks.c.node,
        again.c.size > checks.c.size,
        again.c.kind == kind,
        again.c.subject == checks.c.subject,
        again.c.good,
    )
    return and_(checks.c.good == false(), ~healed)
