"""Blocking too long and too much is supervised as blocking too late is.

Three things: how soon an end is really seen (expiry checks; revocations have a pace of their own,
that of their segment), names that must stay open and are blocked, and orders that were taken back
within a day. Windows go by when a receipt arrived here, so no node's clock hides anything.
"""

from typing import Any

from sqlalchemy import and_, case, exists, false, func, select

from filterd.hub.compliance import DAY, Look
from filterd.hub.pace import Pace
from filterd.hub.tables import checks, nodes, orders, receipts, segments

Json = Any
EXPIRY, OPEN = "expiry", "open"
SHOWN = 100  # subjects of one answer


def expiries(look: Look) -> tuple[Pace, int]:
    """Return how soon ends were seen by receipts of the window, and how many were not yet.

    Both times of a check are of one clock, so its skew does not matter.
    """
    delay = case(
        (
            checks.c.node_seen_at > checks.c.node_due_at,
            checks.c.node_seen_at - checks.c.node_due_at,
        ),
        else_=0,
    ).label("delay")
    rows = look.connection.execute(
        select(delay, checks.c.good, func.count(), func.sum(nodes.c.subscribers))
        .select_from(_arrived())
        .where(receipts.c.arrived_at >= look.since, checks.c.kind == EXPIRY, look.within)
        .group_by(delay, checks.c.good)
        .order_by(delay)
    ).all()
    seen = tuple((int(ms), int(count), int(weight)) for ms, good, count, weight in rows if good)
    return Pace(seen), sum(int(count) for _, good, count, _ in rows if not good)


def overblocked(look: Look) -> list[dict[str, Json]]:
    """Return the names that must stay open and are blocked: at how many nodes, since when.

    A node that has meanwhile found the name open again does not count.
    """
    again = checks.alias("again")
    healed = exists().where(
        again.c.node == checks.c.node,
        again.c.size > checks.c.size,
        again.c.kind == OPEN,
        again.c.subject == checks.c.subject,
        again.c.good,
    )
    rows = look.connection.execute(
        select(
            checks.c.subject,
            func.count(checks.c.node.distinct()).label("nodes"),
            func.min(receipts.c.arrived_at).label("since"),
        )
        .select_from(_arrived())
        .where(receipts.c.arrived_at >= look.since, checks.c.kind == OPEN)
        .where(checks.c.good == false(), ~healed, look.within)
        .group_by(checks.c.subject)
        .order_by(func.count(checks.c.node.distinct()).desc(), checks.c.subject)
        .limit(SHOWN)
    )
    return [{"subject": row.subject, "nodes": row.nodes, "since": row.since} for row in rows]


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


def _arrived() -> Any:
    joined = receipts.join(
        checks, and_(checks.c.node == receipts.c.node, checks.c.size == receipts.c.size)
    )
    return joined.join(nodes, and_(nodes.c.id == receipts.c.node, nodes.c.ended_at.is_(None)))
