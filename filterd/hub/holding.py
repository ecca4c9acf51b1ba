"""Segments with an order that a node does not enforce yet, as the `held` of its receipts says.

What a node said later counts: later is a greater size, or the same and observed later by the node's
clock. So its receipts may come in any order and any number of times. Most hold nothing, and of a
node that holds nothing they cost no statement: its row, which is locked, says how many it holds.

A receipt holds the same as the earlier ones that it tells of.

Of one size the first receipt to arrive is stored whole. So where two of one size come in the wrong
order, and both before an older one that holds something, the release is that of the second.
"""

import json
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from functools import cache
from typing import Any

from sqlalchemy import BindParameter, Connection, bindparam, func, select, tuple_, update
from sqlalchemy.dialects import postgresql, sqlite

from filterd.hub.arriving import ReceivedReceipt
from filterd.hub.enrolment import NodeRow
from filterd.hub.signed import signed_body
from filterd.hub.tables import holdings, nodes, receipts

Moment = tuple[int, int]  # size and T4: what a node's receipts are ordered by
Place = tuple[str, int]  # node and size of a receipt
_MOST = 4000  # pairs of one statement; what a database takes is bounded
_IDS: BindParameter[Any] = bindparam("ids", expanding=True)
_PLACE = tuple_(holdings.c.node, holdings.c.segment)
_OPEN = select(holdings).where(holdings.c.node.in_(_IDS), holdings.c.released_at.is_(None))
_NAMED = select(holdings).where(_PLACE.in_(bindparam("places", expanding=True)))
_RELEASED = select(holdings).where(
    holdings.c.node.in_(_IDS), holdings.c.released_size >= bindparam("least")
)
_NEXT = (
    select(receipts.c.size, receipts.c.node_observed_at, receipts.c.arrived_at, signed_body())
    .where(receipts.c.node == bindparam("node"), receipts.c.size >= bindparam("least"))
    .order_by(receipts.c.size)
    .limit(2)  # the one that says it is held may be the first of them; none after it does
)
_MANY = select(func.count()).where(
    holdings.c.node == bindparam("its_id"), holdings.c.released_at.is_(None)
)
_COUNT = (
    update(nodes)
    .where(nodes.c.id == bindparam("its_id"))
    .values(held=_MANY.correlate(None).scalar_subquery())
)


@dataclass(frozen=True, slots=True)
class Word:
    """What a receipt says of what is held; `at_ms`: when it arrived, `body` as it was signed."""

    node: str
    size: int
    observed_at: int
    held: frozenset[int]
    at_ms: int
    body: bytes

    @property
    def moment(self) -> Moment:
        """What orders it among the node's."""
        return self.size, self.observed_at


@dataclass(frozen=True, slots=True)
class Holding:
    """A row: the newest word that a segment is held, and the first word since that it is not."""

    node: str
    segment: int
    size: int
    told_at: int
    node_told_at: int
    released_size: int | None = None
    released_at: int | None = None
    node_released_at: int | None = None
    body: bytes | None = None

    @property
    def said(self) -> Moment:
        """When it was last said to be held."""
        return self.size, self.node_told_at

    @property
    def released(self) -> Moment | None:
        """When it was first said not to be held any more; None: it is."""
        if self.released_size is None or self.node_released_at is None:
            return None
        return self.released_size, self.node_released_at


def note_held(
    connection: Connection, locked: Mapping[str, NodeRow], received: Iterable[ReceivedReceipt]
) -> set[Place]:
    """Keep what receipts say is held or released; they are stored, and their nodes are `locked`, as
    they were before. Return node and size of those that changed something.
    """
    words: dict[str, list[Word]] = {}
    for each in received:
        words.setdefault(each.receipt.node, []).append(_word(each))
    late = {name for name, said in words.items() if _least(said) <= locked[name].size}
    words = {
        name: sorted(said, key=lambda word: word.moment)
        for name, said in words.items()
        if locked[name].held or name in late or any(word.held for word in said)
    }
    if not words:
        return set()
    before = _before(connection, locked, words, late)
    changed, news = list[Holding](), set[Place]()
    for name, said in words.items():
        rows, fresh = _heard(before.get(name, {}), said)
        news.update((name, size) for size in fresh)
        changed += [_settled(connection, each) if name in late else each for each in rows]
    if changed:
        _write(connection, sorted(changed, key=lambda each: (each.node, each.segment)))
    return news


def told(holding: Holding | None, segment: int, word: Word) -> Holding | None:
    """Return a segment's holding after one more word of its node, the same one if that says nothing
    new.
    """
    released = None if holding is None else holding.released
    if segment in word.held:
        if holding is None or (released is not None and released <= word.moment):
            return Holding(word.node, segment, word.size, word.at_ms, word.observed_at)
        if word.moment <= holding.said:
            return holding
        return replace(holding, size=word.size, node_told_at=word.observed_at)
    if holding is None or segment >= word.size or word.moment <= holding.said:
        return holding
    if released is not None and released <= word.moment:
        return holding
    return replace(
        holding,
        released_size=word.size,
        released_at=word.at_ms,
        node_released_at=word.observed_at,
        body=word.body,
    )


def _heard(before: Mapping[int, Holding], said: Iterable[Word]) -> tuple[list[Holding], list[int]]:
    """Return what a node's words change in its rows, and the sizes of those that changed it."""
    after, fresh = dict(before), list[int]()
    for word in said:
        is_news = False
        for segment in after.keys() | word.held:
            holding = after.get(segment)
            now = told(holding, segment, word)
            if now is not None and now is not holding:
                after[segment], is_news = now, True
        if is_news:
            fresh.append(word.size)
    return [each for segment, each in after.items() if before.get(segment) is not each], fresh


def _before(
    connection: Connection,
    locked: Mapping[str, NodeRow],
    words: Mapping[str, Sequence[Word]],
    late: Collection[str],
) -> dict[str, dict[int, Holding]]:
    """Return the rows that these words may change, by node and segment."""
    found: dict[str, dict[int, Holding]] = {}
    asked: list[tuple[Any, dict[str, Any]]] = []
    if ids := [name for name in words if locked[name].held]:
        asked.append((_OPEN, {"ids": ids}))
    named = sorted(
        {(name, at) for name, said in words.items() for word in said for at in word.held}
    )
    starts = range(0, len(named), _MOST)
    asked += [(_NAMED, {"places": named[start : start + _MOST]}) for start in starts]
    if late:
        least = min(_least(words[name]) for name in late)
        asked.append((_RELEASED, {"ids": sorted(late), "least": least}))
    for statement, values in asked:
        for row in connection.execute(statement, values).mappings():
            found.setdefault(row["node"], {})[row["segment"]] = Holding(**row)
    return found


def _settled(connection: Connection, holding: Holding) -> Holding:
    """Return a row as the newer receipts say that came before the older one that changed it."""
    now: Holding | None = holding
    for word in _after(connection, holding):
        now = told(now, holding.segment, word)
    return now or holding


def _after(connection: Connection, holding: Holding) -> Iterator[Word]:
    rows = connection.execute(_NEXT, {"node": holding.node, "least": holding.size})
    for row in rows:
        body = bytes(row.body)
        held = frozenset(json.loads(body)["receipt"].get("held", ()))
        yield Word(holding.node, row.size, row.node_observed_at, held, row.arrived_at, body)


def _write(connection: Connection, changed: Sequence[Holding]) -> None:
    connection.execute(_upsert(connection.dialect.name), [asdict(each) for each in changed])
    ids = sorted({each.node for each in changed})
    connection.execute(_COUNT, [{"its_id": each} for each in ids])


@cache
def _upsert(dialect: str) -> Any:
    # The dialects' two classes are alike in what is used of them, and have no name in common.
    statement: Any = (postgresql.insert if dialect == "postgresql" else sqlite.insert)(holdings)
    key = ("node", "segment")
    new = {each.name: statement.excluded[each.name] for each in holdings.c if each.name not in key}
    return statement.on_conflict_do_update(index_elements=key, set_=new)


def _word(received: ReceivedReceipt) -> Word:
    receipt = received.receipt
    held = frozenset(receipt.held)
    return Word(
        receipt.node, receipt.size, receipt.observed_at, held, received.at_ms, received.body
    )


def _least(words: Iterable[Word]) -> int:
    return min(word.size for word in words)
