"""Batches of a node are a chain: numbered without a gap, each with the digest of the one before.

A gap is something that was made and has not come (yet); a fork is a node that told two stories.
"""

from typing import Any

from sqlalchemy import case, func, literal, or_, select

from filterd.hub.compliance import Look
from filterd.hub.tables import batches, nodes

Json = Any
SHOWN = 1000  # nodes of one answer


def broken(look: Look) -> list[dict[str, Json]]:
    """Return nodes whose batches of the window have gaps or forks, or lost rows on their way, with
    how many.
    """
    gaps = func.sum(case((batches.c.chain == "gap", 1), else_=0)).label("gaps")
    forks = func.sum(case((batches.c.chain == "fork", 1), else_=0)).label("forks")
    # As words of the statement, not as parameters: else no partial index is found for them.
    chain = batches.c.chain != literal("whole", literal_execute=True)
    dropped = batches.c.dropped > literal(0, literal_execute=True)
    rows = look.connection.execute(
        select(
            nodes.c.id,
            nodes.c.name,
            nodes.c.province,
            gaps,
            forks,
            func.sum(batches.c.dropped).label("dropped"),
        )
        .join(nodes, nodes.c.id == batches.c.node)
        .where(batches.c.arrived_at >= look.since, nodes.c.ended_at.is_(None), look.within)
        .where(or_(chain, dropped))
        .group_by(nodes.c.id, nodes.c.name, nodes.c.province)
        .order_by(forks.desc(), gaps.desc(), nodes.c.id)
        .limit(SHOWN)
    ).mappings()
    numbers = ("gaps", "forks", "dropped")
    return [{**row, **{name: int(row[name]) for name in numbers}} for row in rows]
