"""The nodes as they stand: late, silent, behind, with a wrong clock. Times are unix milliseconds.

A node is late when something was published more than `late_after` ago that it has not proved to
enforce: the first segment that it holds, as it says, else the one whose number is its size.
"""

from typing import Any

from sqlalchemy import ColumnElement, Select, and_, case, false, func, or_, select

from filterd.hub.compliance import Look, Page
from filterd.hub.tables import holdings, nodes, receipts, segments

Json = Any
_HELD = segments.alias("of_held")
_HOLDING = (
    select(holdings.c.node, func.min(_HELD.c.published_at).label("since"))
    .join(_HELD, _HELD.c.number == holdings.c.segment)
    .where(holdings.c.released_at.is_(None))
    .group_by(holdings.c.node)
    .subquery("holding")
)
_SINCE = func.coalesce(_HOLDING.c.since, segments.c.published_at)  # None: it lacks nothing


def head(look: Look) -> tuple[int, int | None]:
    """Return the size of the log, and when its newest segment was published."""
    found = look.connection.execute(
        select(segments.c.number, segments.c.published_at)
        .order_by(segments.c.number.desc())
        .limit(1)
    ).first()
    return (found.number + 1, found.published_at) if found else (0, None)


def lacking_since() -> ColumnElement[int]:
    """Return since when a node lacks something, for a statement over nodes and the segment."""
    return case((nodes.c.enrolled_at > _SINCE, nodes.c.enrolled_at), else_=_SINCE)


def is_late(look: Look) -> ColumnElement[bool]:
    """Return the condition for late nodes."""
    return and_(_SINCE.is_not(None), lacking_since() <= look.now - look.terms.late_after)


def is_silent(look: Look) -> ColumnElement[bool]:
    """Return the condition for silent nodes."""
    return nodes.c.seen_at < look.now - look.terms.silent_after


def summary(look: Look) -> dict[str, Json]:
    """Return how many nodes there are, and of which kind; ended ones are in `ended` only."""
    active = nodes.c.ended_at.is_(None)

    def number(condition: ColumnElement[bool]) -> ColumnElement[int]:
        return func.coalesce(func.sum(case((and_(active, condition), 1), else_=0)), 0)

    late = is_late(look)
    row = look.connection.execute(
        select(
            number(active).label("enrolled"),
            number(nodes.c.kind == "isp").label("isps"),
            number(late).label("late"),
            number(is_silent(look)).label("silent"),
            number(segments.c.number.is_not(None)).label("behind"),
            number(func.abs(nodes.c.skew) >= look.terms.skew_after).label("skewed"),
            number(refused() > 0).label("refusing"),
            number(nodes.c.held > 0).label("held"),
            func.coalesce(func.sum(case((active, 0), else_=1)), 0).label("ended"),
            func.coalesce(func.sum(case((active, nodes.c.subscribers), else_=0)), 0).label(
                "subscribers"
            ),
            func.coalesce(
                func.sum(case((and_(active, late), nodes.c.subscribers), else_=0)), 0
            ).label("late_subscribers"),
        )
        .select_from(_joined())
        .where(look.within)
    ).one()
    return {name: int(value) for name, value in row._mapping.items()}  # noqa: SLF001


def has_province(look: Look) -> bool:
    """Say whether any node, ended or not, is where `look` is at."""
    some = select(nodes.c.id).where(look.within).limit(1)
    return look.connection.execute(some).first() is not None


def listed(look: Look, page: Page, *, wanting: bool = False) -> list[dict[str, Json]]:
    """Return nodes that have not ended, by province and name; `wanting`: those only that are late,
    silent, refuse orders or whose clock is off, those first that lack something for longest.
    """
    size, _ = head(look)
    late, silent = is_late(look), is_silent(look)
    skewed = func.abs(nodes.c.skew) >= look.terms.skew_after
    asked: Select[Any] = select(
        nodes,
        refused().label("refused"),
        lacking_since().label("lacks_since"),
        func.coalesce(late, false()).label("late"),
        silent.label("silent"),
        skewed.label("skewed"),
    ).select_from(_joined())
    asked = asked.where(nodes.c.ended_at.is_(None), look.within)
    if wanting:
        asked = asked.where(or_(late, silent, skewed, refused() > 0)).order_by(
            late.desc(), lacking_since(), nodes.c.province, nodes.c.name, nodes.c.id
        )
    else:
        asked = asked.order_by(nodes.c.province, nodes.c.name, nodes.c.id)
    rows = look.connection.execute(asked.limit(page.limit).offset(page.offset))
    return [_node_json(row._mapping, size) for row in rows]  # noqa: SLF001


def refused() -> ColumnElement[int]:
    """Return how many orders a node does not enforce, by its newest receipt.

    A subquery, not a join: a database that guesses wrong joins all receipts there are.
    """
    newest = (
        select(receipts.c.refused)
        .where(receipts.c.node == nodes.c.id, receipts.c.size == nodes.c.size)
        .correlate(nodes)
        .scalar_subquery()
    )
    return func.coalesce(newest, 0)


def _joined() -> Any:
    missing = nodes.outerjoin(segments, segments.c.number == nodes.c.size)
    return missing.outerjoin(_HOLDING, _HOLDING.c.node == nodes.c.id)


def _node_json(row: Any, size: int) -> dict[str, Json]:
    words = ("id", "name", "province", "kind", "subscribers", "software")
    numbers = ("enrolled_at", "seen_at", "skew", "size", "refused", "held", "lacks_since")
    return {
        **{name: row[name] for name in words + numbers},
        "behind": max(0, size - row["size"]),
        **{name: bool(row[name]) for name in ("late", "silent", "skewed")},
    }
