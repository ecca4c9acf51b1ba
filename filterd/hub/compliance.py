"""Who enforces what since when: T0 signed, T1 published, T2 received, T3 applied, T4 observed.

A node enforces segment n with its first receipt of a size above n, or, where it said that an order
in it is held, with the first that says so no more. Nodes are expected to enforce
what was published after they enrolled, until they end. What a node says of time is reported, not
trusted: a clock that is known to be off is set right, nothing is observed after its receipt
arrived, and nothing before it was published.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Connection,
    Select,
    and_,
    case,
    cast,
    exists,
    func,
    select,
    true,
)

from filterd.hub.pace import Pace, merged
from filterd.hub.tables import holdings, nodes, receipts, segments

Json = Any
MINUTE = 60_000
HOUR = 60 * MINUTE
DAY = 24 * HOUR
SURE_SKEW = 2  # seconds; below, the difference is that of a date in whole seconds and of the way


@dataclass(frozen=True, slots=True)
class Terms:
    """When a node is told to be something; milliseconds, `skew_after` seconds. `window`: how far
    back checks, batches and times to enforce are looked at; `paced` segments at most.
    """

    late_after: int = 15 * MINUTE
    silent_after: int = HOUR
    skew_after: int = 10
    window: int = DAY
    paced: int = 50


@dataclass(frozen=True, slots=True)
class Coverage:
    """Nodes that are expected to enforce a segment, and those that do; with their subscribers.
    `held`: those that have it and do not enforce it yet.
    """

    expected: int = 0
    enforcing: int = 0
    expected_weight: int = 0
    enforcing_weight: int = 0
    held: int = 0

    @property
    def share(self) -> float | None:
        """Enforcing of expected, 0 to 1; None: nobody is expected to."""
        return self.enforcing / self.expected if self.expected else None

    @property
    def weighted(self) -> float | None:
        """The same by subscribers."""
        return self.enforcing_weight / self.expected_weight if self.expected_weight else None


@dataclass(frozen=True, slots=True)
class Group:
    """Nodes of one size of the log, expected from `since` on."""

    size: int
    since: int
    nodes: int
    subscribers: int


class Paces:
    """Paces that were worked out before: one stays as it is while as many nodes are expected and
    enforce, so only segments that are on their way are asked for again.
    """

    MOST = 4096

    def __init__(self) -> None:
        self._kept: dict[tuple[int, str | None], tuple[Coverage, Pace]] = {}

    def of(
        self, key: tuple[int, str | None], coverage: Coverage, work_out: Callable[[], Pace]
    ) -> Pace:
        """Return the pace of `key`, a segment and a province, whose coverage is `coverage` now."""
        kept = self._kept.get(key)
        if kept is not None and kept[0] == coverage:
            return kept[1]
        found = work_out()
        if len(self._kept) >= self.MOST:
            self._kept.clear()
        self._kept[key] = (coverage, found)
        return found


@dataclass(frozen=True, slots=True)
class Look:
    """A look at the hub's books at unix millisecond `now`. `province` None: at the whole country,
    else at nothing of another province's nodes.
    """

    connection: Connection
    now: int
    province: str | None = None
    terms: Terms = field(default_factory=Terms)
    paces: Paces = field(default_factory=Paces)

    @property
    def since(self) -> int:
        """When its window begins."""
        return self.now - self.terms.window

    @property
    def within(self) -> ColumnElement[bool]:
        """The condition for nodes that it may see."""
        return nodes.c.province == self.province if self.province is not None else true()


@dataclass(frozen=True, slots=True)
class Page:
    """Which rows of a long answer."""

    limit: int = 1000
    offset: int = 0


def coverages(look: Look, numbers: Collection[int]) -> Mapping[int, Coverage]:
    """Return the coverage of each of the segments `numbers` that is published.

    Nodes are counted once for all segments: by size, and by when they enrolled if that was after
    the first of the segments.
    """
    published = _published(look, numbers)
    if not published:
        return {}
    above = max(published) + 1
    first, last = min(published.values()), max(published.values())
    size = case((nodes.c.size > above, above), else_=nodes.c.size)
    since = case((nodes.c.enrolled_at > first, nodes.c.enrolled_at), else_=first)
    each = (
        select(size.label("size"), since.label("since"), nodes.c.subscribers)
        .where(nodes.c.enrolled_at <= last, nodes.c.ended_at.is_(None), look.within)
        .subquery()
    )
    keys = (each.c.size, each.c.since)
    rows = look.connection.execute(
        select(*keys, func.count(), func.sum(each.c.subscribers)).group_by(*keys)
    )
    groups = [Group(*map(int, row)) for row in rows]
    held = _held(look, published)
    none = (0, 0)
    return {
        number: _coverage(groups, number, at, held.get(number, none))
        for number, at in published.items()
    }


def _held(look: Look, numbers: Collection[int]) -> dict[int, tuple[int, int]]:
    """Return how many expected nodes hold segments, and how many subscribers they have."""
    rows = look.connection.execute(
        select(holdings.c.segment, func.count(), func.sum(nodes.c.subscribers))
        .join(nodes, nodes.c.id == holdings.c.node)
        .join(segments, segments.c.number == holdings.c.segment)
        .where(holdings.c.segment.in_(numbers), holdings.c.released_at.is_(None))
        .where(nodes.c.enrolled_at <= segments.c.published_at, nodes.c.ended_at.is_(None))
        .where(look.within)
        .group_by(holdings.c.segment)
    )
    return {int(number): (int(count), int(weight)) for number, count, weight in rows}


def _coverage(
    groups: Sequence[Group], number: int, published_at: int, held: tuple[int, int]
) -> Coverage:
    expected = [each for each in groups if each.since <= published_at]
    enforcing = [each for each in expected if each.size > number]
    return Coverage(
        sum(each.nodes for each in expected),
        sum(each.nodes for each in enforcing) - held[0],
        sum(each.subscribers for each in expected),
        sum(each.subscribers for each in enforcing) - held[1],
        held[0],
    )


def _published(look: Look, numbers: Collection[int]) -> dict[int, int]:
    rows = look.connection.execute(
        select(segments.c.number, segments.c.published_at).where(segments.c.number.in_(numbers))
    )
    return {number: int(at) for number, at in rows}


def observed_at() -> ColumnElement[int]:
    """Return T4 of a receipt by the hub's clock, for a statement over receipts and their nodes."""
    return _set_right(receipts.c.node_observed_at, receipts.c.arrived_at)


def released_at() -> ColumnElement[int]:
    """Return T4 of what was held, for a statement over holdings and their nodes; null: it is."""
    return _set_right(holdings.c.node_released_at, holdings.c.released_at)


def _set_right(said: ColumnElement[Any], arrived: ColumnElement[Any]) -> ColumnElement[int]:
    off = case((func.abs(nodes.c.skew) > SURE_SKEW, nodes.c.skew), else_=0)
    by_hub = said - cast(off, BigInteger) * 1000
    return case((by_hub < arrived, by_hub), else_=arrived)


def pace(look: Look, number: int, published_at: int, enforcing: int) -> Pace:
    """Return how fast the expected nodes came to enforce segment `number`, since T1; `enforcing` of
    them do.

    Most nodes take each segment as it comes, so their first receipt is that of the very next size:
    one range of an index. Only for the others is it looked for, node by node. Where it was held it
    is the release.
    """
    expected = [nodes.c.enrolled_at <= published_at, nodes.c.ended_at.is_(None), look.within]
    released = Pace()
    here = holdings.c.segment == number
    if look.connection.execute(select(holdings.c.node).where(here).limit(1)).first():
        held = select(nodes.c.subscribers, released_at().label("at"))
        held = held.select_from(holdings.join(nodes, holdings.c.node == nodes.c.id))
        released = _grouped(look, published_at, held.where(here, *expected))
        expected.append(~exists().where(holdings.c.node == nodes.c.id, here))
    at_once = and_(receipts.c.node == nodes.c.id, receipts.c.size == number + 1)
    found = _grouped(
        look,
        published_at,
        select(nodes.c.subscribers, observed_at().label("at"))
        .select_from(receipts.join(nodes, receipts.c.node == nodes.c.id))
        .where(receipts.c.size == number + 1, *expected),
    )
    if found.nodes + released.nodes == enforcing:
        return merged((released, found))
    first = (
        select(observed_at())
        .where(receipts.c.node == nodes.c.id, receipts.c.size > number)
        .order_by(receipts.c.size)
        .limit(1)
        .correlate(nodes)
        .scalar_subquery()
    )
    others = select(nodes.c.subscribers, first.label("at")).where(
        nodes.c.size > number, ~exists().where(at_once), *expected
    )
    return merged((released, found, _grouped(look, published_at, others)))


def _grouped(look: Look, published_at: int, asked: Select[tuple[int, int]]) -> Pace:
    # Kept whole: else the subquery is run again wherever `at` stands below.
    each = asked.cte("each").prefix_with("MATERIALIZED")
    delay = case((each.c.at > published_at, each.c.at - published_at), else_=0).label("delay")
    rows = look.connection.execute(
        select(delay, func.count(), func.sum(each.c.subscribers))
        .where(each.c.at.is_not(None))
        .group_by(delay)
        .order_by(delay)
    )
    return Pace(tuple((int(ms), int(count), int(weight)) for ms, count, weight in rows))


def pace_of(look: Look, number: int, published_at: int, coverage: Coverage) -> Pace:
    """Return `pace`, as it was remembered if nothing has changed."""
    key = (number, look.province)
    return look.paces.of(
        key, coverage, lambda: pace(look, number, published_at, coverage.enforcing)
    )


def times(look: Look, number: int, published_at: int, limit: int) -> list[dict[str, Json]]:
    """Return T2, T3, T4 of segment `number` for each expected node, those without first, then the
    slowest; as the node said, and T4 by the hub's clock. Where it was held T4 is the release, none
    yet while it is `held`.
    """
    first = (
        select(func.min(receipts.c.size))
        .where(receipts.c.node == nodes.c.id, receipts.c.size > number)
        .correlate(nodes)
        .scalar_subquery()
    )
    released, was_held = holdings.c.released_at, holdings.c.node.is_not(None)
    is_held = and_(was_held, released.is_(None))

    def unless_held(column: ColumnElement[Any], name: str) -> ColumnElement[Any]:
        return case((was_held, getattr(holdings.c, name)), else_=column)

    at = case((was_held, released_at()), else_=observed_at()).label("observed_at")
    joined = nodes.outerjoin(
        receipts, and_(receipts.c.node == nodes.c.id, receipts.c.size == first)
    ).outerjoin(holdings, and_(holdings.c.node == nodes.c.id, holdings.c.segment == number))
    rows = look.connection.execute(
        select(
            nodes.c.id.label("node"),
            nodes.c.name,
            nodes.c.province,
            nodes.c.skew,
            receipts.c.size,
            receipts.c.node_received_at,
            receipts.c.node_applied_at,
            unless_held(receipts.c.node_observed_at, "node_released_at").label("node_observed_at"),
            unless_held(receipts.c.arrived_at, "released_at").label("arrived_at"),
            at,
            is_held.label("held"),
        )
        .select_from(joined)
        .where(nodes.c.enrolled_at <= published_at, nodes.c.ended_at.is_(None), look.within)
        .order_by(at.is_(None).desc(), at.desc(), nodes.c.id)
        .limit(limit)
    )
    return [{**row, "held": bool(row["held"])} for row in rows.mappings()]
