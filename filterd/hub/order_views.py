"""Orders as people and programs look at them: where each stands and how it is enforced."""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import and_, case, func, select

from filterd.hub.compliance import Coverage, Look, Page, coverages, pace_of, times
from filterd.hub.pace import Pace, merged, pace_json
from filterd.hub.tables import holdings, nodes, orders, revocations, segments

Json = Any
Row = Mapping[str, Json]
STATES = ("waiting", "scheduled", "in force", "revoked", "ended")
_TEXTS = ("authority", "id", "reference", "legal_basis", "category", "effect", "priority")
_COUNTS = ("patterns", "not_before", "not_after", "signed_at", "submitted_at", "submitted_by")


def state_of(row: Row, now: int) -> str:
    """Return how an order stands, a word of `STATES`; `now` in unix milliseconds."""
    if row["revoked_segment"] is not None:
        return "revoked"
    if row["segment"] is None:
        return "waiting"
    if now < row["not_before"] * 1000:
        return "scheduled"
    return "in force" if now < row["not_after"] * 1000 else "ended"


def listed(look: Look, page: Page) -> list[dict[str, Json]]:
    """Return orders, those that wait first, then the newest first, with how they are enforced."""
    asked = _asked().order_by(
        orders.c.segment.is_(None).desc(),
        orders.c.segment.desc(),
        orders.c.submitted_at.desc(),
        orders.c.digest,
    )
    return _told(look, look.connection.execute(asked.limit(page.limit).offset(page.offset)))


def one(look: Look, authority: str, name: str, page: Page) -> dict[str, Json] | None:
    """Return an order with the `times` of each node; None: there is none of that name.

    Where several have the name, which takes an officer's mistake, it is the one published first.
    """
    asked = (
        _asked()
        .where(orders.c.authority == authority, orders.c.id == name)
        .order_by(orders.c.segment.is_(None), orders.c.segment)
    )
    found = _told(look, look.connection.execute(asked.limit(1)))
    if not found:
        return None
    (told,) = found
    published = told["published_at"]
    rows = times(look, told["segment"], published, page.limit) if published is not None else []
    return {**told, "times": rows}


def paced(look: Look, *, revoked: bool = False) -> Pace:
    """Return how fast the newest segments with orders (`revoked`: with revocations of orders) came
    to be enforced.
    """
    number = orders.c.revoked_segment if revoked else orders.c.segment
    rows = look.connection.execute(
        select(segments.c.number, segments.c.published_at)
        .where(segments.c.published_at >= look.since, segments.c.number.in_(select(number)))
        .order_by(segments.c.number.desc())
        .limit(look.terms.paced)
    ).all()
    covered = coverages(look, [row.number for row in rows])
    return merged(pace_of(look, row.number, row.published_at, covered[row.number]) for row in rows)


def states(look: Look) -> dict[str, int]:
    """Return how many orders are in each of `STATES`."""
    seconds = look.now // 1000
    state = case(
        (orders.c.revoked_segment.is_not(None), "revoked"),
        (orders.c.segment.is_(None), "waiting"),
        (orders.c.not_before > seconds, "scheduled"),
        (orders.c.not_after > seconds, "in force"),
        else_="ended",
    ).label("state")
    counted = select(state).subquery()
    rows = look.connection.execute(select(counted.c.state, func.count()).group_by(counted.c.state))
    found = {word: int(count) for word, count in rows}
    return {word: found.get(word, 0) for word in STATES}


def held(look: Look) -> int:
    """Return how many orders in force lie in a segment that a node holds."""
    seconds = look.now // 1000
    in_force = and_(
        orders.c.revoked_segment.is_(None),
        orders.c.not_before <= seconds,
        orders.c.not_after > seconds,
    )
    asked = (
        select(func.count(orders.c.digest.distinct()))
        .join(holdings, holdings.c.segment == orders.c.segment)
        .join(nodes, nodes.c.id == holdings.c.node)
        .where(holdings.c.released_at.is_(None), nodes.c.ended_at.is_(None), look.within, in_force)
    )
    return int(look.connection.execute(asked).scalar_one())


def waiting(look: Look) -> dict[str, Json]:
    """Return what is not published yet, and since when the oldest of it waits."""
    told: dict[str, Json] = {}
    oldest: list[int] = []
    for word, table in (("orders", orders), ("revocations", revocations)):
        number, since = look.connection.execute(
            select(func.count(), func.min(table.c.submitted_at)).where(table.c.segment.is_(None))
        ).one()
        told[word] = int(number)
        oldest += [] if since is None else [int(since)]
    return {**told, "oldest": min(oldest, default=None)}


def _asked() -> Any:
    ending = segments.alias("ending")
    return (
        select(
            *(column for column in orders.c if column.name != "body"),
            segments.c.published_at,
            ending.c.published_at.label("ending_published_at"),
        )
        .outerjoin(segments, segments.c.number == orders.c.segment)
        .outerjoin(ending, ending.c.number == orders.c.revoked_segment)
    )


def _told(look: Look, found: Any) -> list[dict[str, Json]]:
    rows: Sequence[Row] = found.mappings().all()
    numbers = {row[name] for row in rows for name in ("segment", "revoked_segment")} - {None}
    covered = coverages(look, numbers)
    return [_order_json(look, row, covered) for row in rows]


def _order_json(look: Look, row: Row, covered: Mapping[int, Coverage]) -> dict[str, Json]:
    state, published, ending = (
        state_of(row, look.now),
        row["published_at"],
        row["ending_published_at"],
    )
    coverage = covered.get(row["segment"], Coverage())
    late = state == "in force" and published is not None
    late = late and published + look.terms.late_after <= look.now
    return {
        **{name: row[name] for name in _TEXTS + _COUNTS},
        "digest": row["digest"].hex(),
        "state": state,
        "segment": row["segment"],
        "published_at": published,
        "revoked_at": ending,
        "expected": coverage.expected,
        "enforcing": coverage.enforcing,
        "held": coverage.held,
        "coverage": coverage.share,
        "coverage_weighted": coverage.weighted,
        "late": coverage.expected - coverage.enforcing if late else 0,
        "enforce": pace_json(_pace(look, row["segment"], published, covered)),
        "unblock": pace_json(_pace(look, row["revoked_segment"], ending, covered)),
    }


def _pace(look: Look, number: int, published: int | None, covered: Mapping[int, Coverage]) -> Pace:
    return Pace() if published is None else pace_of(look, number, published, covered[number])
