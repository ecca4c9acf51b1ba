"""Batches of a node are a chain: numbered without a gap, each with the digest of the one before.

A gap is something that was made and has not come (yet); a fork is a node that told two stories.
"""

from typing import Any

from sqlalchemy import and_, case, func, or_, select

from filterd.hub.compliance import Look
from filterd.hub.tables import batches, nodes

Json = Any
SHOWN = 1000  # nodes of one answer


def broken(look: Look) -> list[dict[str, Json]]:
    """Return nodes whose batches of the window have gaps or forks,
    or lost rows on their way, with how many.
    """
    before = batches.alias("earlier")
    missing = and_(batches.c.sequence > 0, before.c.node.is_(None))
    forked = and_(before.c.node.is_not(None), before.c.digest != batches.c.before)
    joined = batches.outerjoin(
        before,
        and_(
            before.c.node == batches.c.node,
            before.c.epoch == batches.c.epoch,
            before.c.sequence == batches.c.sequence - 1,
        ),
    ).join(nodes, and_(nodes.c.id == batches.c.node, nodes.c.ended_at.is_(None)))
    gaps = func.sum(case((missing, 1), else_=0))
    forks = func.sum(case((forked, 1), else_=0))
    rows = look.connection.execute(
        select(
            nodes.c.id,
            nodes.c.name,
            nodes.c.province,
            gaps.label("gaps"),
            forks.label("forks"),
            func.sum(batches.c.dropped).label("dropped"),
        )
        .select_from(joined)
        .where(batches.c.arrived_at >= look.since, look.within)
        .where(or_(missing, forked, batches.c.dropped > 0))
        .group_by(nodes.c.id, nodes.c.name, nodes.c.province)
        .order_by(forks.desc(), gaps.desc(), nodes.c.id)
        .limit(SHOWN)
    )
    names = ("id", "name", "province")
    numbers = ("gaps", "forks", "dropped")
    return [
        {
            **{name: row._mapping[name] for name in names},  # noqa: SLF001
            **{name: int(row._mapping[name]) for name in numbers},  # noqa: SLF001
        }
        for row in rows
    ]
