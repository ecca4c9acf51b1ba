"""What a node signed for a row of its receipts: its body, or that of the one that tells of it."""

from typing import Any

from sqlalchemy import and_, case, select

from filterd.hub.tables import receipts


def signed_body() -> Any:
    """Return the column `body`, for a statement over receipts."""
    whole = receipts.alias("whole")
    its = and_(whole.c.node == receipts.c.node, whole.c.size == receipts.c.within)
    teller = select(whole.c.body).where(its).correlate(receipts).scalar_subquery()
    own = receipts.c.body
    return case((receipts.c.within.is_(None), own), else_=teller).label("body")
