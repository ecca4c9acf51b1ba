"""What nodes send goes into the database once, however often it is sent.

A node's rows are written by one transaction at a time (its own row is the lock), all of a request
or nothing. A resent receipt or batch is known by its id; the same id with another content is a
conflict, which is told and never written over what was there.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import Connection, bindparam, func, select, tuple_, update

from filterd.feed.refusal import Fault, Refused
from filterd.hub.arriving import (
    Arrived,
    ReceivedBatch,
    ReceivedReceipt,
    What,
    received_batch,
    received_receipts,
)
from filterd.hub.audit import note
from filterd.hub.counting import store_candidates, store_counts
from filterd.hub.enrolment import SEEN_EVERY, NodeRow, node_row
from filterd.hub.holding import note_held
from filterd.hub.once import insert_once
from filterd.hub.tables import batches, checks, nodes, receipts, segments
from filterd.model.errors import FilterdError

Json = Any
Id = tuple[str, int, int]  # node, epoch, sequence
Key = tuple[str, int] | Id  # node and size of a receipt, or a batch's
Received = ReceivedReceipt | ReceivedBatch
WHOLE, GAP, FORK = "whole", "gap", "fork"
_FIRST = bytes(32)
_BEYOND = 10_000  # segments of the log that a node may know of and the hub not yet
# Statements of every request are written once: that takes longer than to run them.
_LOCK = (
    select(nodes)
    .where(nodes.c.id.in_(bindparam("ids", expanding=True)))
    .order_by(nodes.c.id)  # in one order, so that two transactions never wait for each other
    .with_for_update(key_share=True)
)
_ROOTS = select(segments.c.number, segments.c.root).where(
    segments.c.number.in_(bindparam("numbers", expanding=True))
)
_NEWEST = select(func.max(segments.c.number))
_BATCH_ID = tuple_(batches.c.node, batches.c.epoch, batches.c.sequence)
_NEAR = select(*_BATCH_ID.clauses, batches.c.digest, batches.c.before).where(
    _BATCH_ID.in_(bindparam("ids", expanding=True))
)
_SEEN = (
    update(nodes)
    .where(nodes.c.id == bindparam("its_id"))
    .values({name: bindparam(f"its_{name}") for name in ("size", "software", "seen_at", "skew")})
)
_STEADY = 1  # seconds that a clock seems to be off more or less, because of whole seconds


class UnknownNode(FilterdError):
    """Nobody enrolled under this id, or it was ended."""


class Conflict(Refused):
    """An id that was used for something else. Sending it again does not help."""

    def __init__(self, why: str) -> None:
        super().__init__(Fault.DUPLICATE, why)


@dataclass(frozen=True, slots=True)
class Taken:
    """How many were new, and how many were here before."""

    taken: int
    known: int

    def __add__(self, other: "Taken") -> "Taken":
        return Taken(self.taken + other.taken, self.known + other.known)


Outcome = Taken | UnknownNode | Refused


def take_receipts(
    connection: Connection, node_id: str, values: Sequence[Json], now_ms: int
) -> Taken:
    """Take sealed receipts of a node.

    Raises:
        UnknownNode: of nobody's.
        Conflict: there is one for the same position of the log with another root.
        Refused: what `received_receipts` refuses. Nothing is taken then.
    """
    return take_many(connection, [Arrived(What.RECEIPTS, node_id, values, now_ms)])


def take_batch(connection: Connection, node_id: str, value: Json, now_ms: int) -> Taken:
    """Take a sealed batch of a node.

    Raises:
        UnknownNode: of nobody's.
        Conflict: its id was used for another batch.
        Refused: what `received_batch` refuses. Nothing is taken then.
    """
    return take_many(connection, [Arrived(What.BATCH, node_id, value, now_ms)])


def take_many(connection: Connection, arrived: Sequence[Arrived]) -> Taken:
    """Take what several nodes sent, all of it or nothing, in one transaction.

    Raises:
        UnknownNode, Conflict, Refused: one of them is not good; the transaction is to end.
    """
    whole = Taken(0, 0)
    for each in take_each(connection, arrived):
        if not isinstance(each, Taken):
            raise each
        whole += each
    return whole


def take_each(connection: Connection, arrived: Sequence[Arrived]) -> list[Outcome]:
    """Take what several nodes sent in one transaction; what is not good is left out.

    Raises:
        Conflict: one of them conflicts; the transaction is to end, and which, each alone will say.
    """
    locked = _locked(connection, {each.node for each in arrived})
    most = (connection.execute(_NEWEST).scalar() or 0) + _BEYOND
    looked_at = [_looked_at(each, locked, most) for each in arrived]
    good = [each for found in looked_at if isinstance(found, tuple) for each in found]
    proofs = [each for each in good if isinstance(each, ReceivedReceipt)]
    news = store_receipts(connection, proofs)
    _note_seen(connection, locked, arrived, [each for each in proofs if each.id in news])
    news |= note_held(connection, locked, proofs)
    news |= store_batches(connection, [each for each in good if isinstance(each, ReceivedBatch)])
    return [_told(found, news) if isinstance(found, tuple) else found for found in looked_at]


def _locked(connection: Connection, ids: set[str]) -> dict[str, NodeRow]:
    """Return nodes by their ids; what they send waits until this transaction ends."""
    rows = connection.execute(_LOCK, {"ids": sorted(ids)}).mappings()
    return {row["id"]: node_row(row) for row in rows}


def _looked_at(
    arrived: Arrived, locked: Mapping[str, NodeRow], most: int
) -> tuple[Received, ...] | UnknownNode | Refused:
    node = locked.get(arrived.node)
    if node is None:
        return UnknownNode("this node is not enrolled here; `filterd feed enrol` does it")
    if node.ended_at is not None:
        return UnknownNode("this node was ended here; it needs a new key and an invitation")
    try:
        if arrived.what is What.RECEIPTS:
            found = received_receipts(arrived.value, node.key, arrived.at_ms)
            if any(each.receipt.size > most for each in found):
                # It would count as prompt for all orders to come.
                return Refused(
                    Fault.MIXED, "receipt: of segments that are far from being published"
                )
            return found
        return (received_batch(arrived.value, node.key, arrived.at_ms),)
    except Refused as refused:
        return refused


def _told(received: Sequence[Received], news: set[Key]) -> Taken:
    """Say how many of a request were new; what came in two of them was new in the first."""
    mine = {each.id for each in received} & news
    news -= mine
    return Taken(len(mine), len(received) - len(mine))


def store_receipts(connection: Connection, received: Sequence[ReceivedReceipt]) -> set[Key]:
    """Store receipts whose nodes are locked; return what of them was new. Conflict."""
    by_id = {each.id: each for each in reversed(received)}
    rows = [_receipt_row(by_id[key]) for key in sorted(by_id)]
    new = {(row.node, row.size) for row in insert_once(connection, receipts, rows)}
    known = [each for each in received if by_id[each.id] is not each]
    known += [by_id[key] for key in by_id.keys() - new]
    _check_same(connection, [each for each in known if each.within is None])
    more = insert_once(connection, checks, [row for each in received for row in _checks(each)])
    news: set[Key] = {(row.node, row.size) for row in more}
    news.update(new)
    _look_for_splits(connection, [by_id[key] for key in sorted(new)])
    return news


def store_batches(connection: Connection, received: Sequence[ReceivedBatch]) -> set[Key]:
    """Store batches whose nodes are locked; return what of them was new. Conflict."""
    if not received:
        return set()
    there = _neighbours(connection, received)
    fresh: dict[Id, ReceivedBatch] = {}
    for each in received:
        kept = there.get(each.id)
        if kept is not None and kept[0] != each.digest:
            node, epoch, sequence = each.id
            raise Conflict(f"batch {sequence} of epoch {epoch} of {node[:8]} was another one")
        if kept is None:
            fresh[each.id] = each
            there[each.id] = (each.digest, each.batch.before)
    rows = [_batch_row(fresh[key], _chain(key, there)) for key in sorted(fresh)]
    insert_once(connection, batches, rows)
    _mend(connection, fresh.keys(), there)
    store_counts(connection, [each.batch for each in fresh.values()])
    store_candidates(connection, [each.batch for each in fresh.values()])
    return set(fresh)


def _neighbours(
    connection: Connection, received: Sequence[ReceivedBatch]
) -> dict[Id, tuple[bytes, bytes]]:
    """Return digest and `before` of batches that are here: these, those before and those after."""
    near = {
        (node, epoch, sequence + step)
        for node, epoch, sequence in (each.id for each in received)
        for step in (-1, 0, 1)
    }
    return {
        (row.node, row.epoch, row.sequence): (bytes(row.digest), bytes(row.before))
        for row in connection.execute(_NEAR, {"ids": sorted(near)})
    }


def _chain(key: Id, there: Mapping[Id, tuple[bytes, bytes]]) -> str:
    """Say how a batch follows the one before it, as far as that is here."""
    node, epoch, sequence = key
    before = there[key][1]
    if sequence == 0:
        return WHOLE if before == _FIRST else FORK
    previous = there.get((node, epoch, sequence - 1))
    if previous is None:
        return GAP
    return WHOLE if previous[0] == before else FORK


def _mend(
    connection: Connection, fresh: Iterable[Id], there: Mapping[Id, tuple[bytes, bytes]]
) -> None:
    """Batches come in any order: one that follows a new one is no longer behind a gap."""
    new = set(fresh)
    for node, epoch, sequence in sorted(new):
        after = (node, epoch, sequence + 1)
        if after in there and after not in new:
            where = (batches.c.node == node, batches.c.epoch == epoch)
            row = update(batches).where(*where, batches.c.sequence == sequence + 1)
            connection.execute(row.values(chain=_chain(after, there)))


def _batch_row(received: ReceivedBatch, chain: str) -> Mapping[str, Any]:
    batch = received.batch
    return {
        "node": batch.node,
        "epoch": batch.epoch,
        "sequence": batch.sequence,
        "digest": received.digest,
        "before": batch.before,
        "lane": batch.lane.value,
        "rows": len(batch.rows) + len(batch.candidates),
        "dropped": batch.dropped,
        "node_made_at": batch.made_at,
        "arrived_at": received.at_ms,
        "chain": chain,
    }


def _receipt_row(received: ReceivedReceipt) -> Mapping[str, Any]:
    receipt = received.receipt
    return {
        "node": receipt.node,
        "size": receipt.size,
        **_said(received),
        "node_received_at": receipt.received_at,
        "node_applied_at": receipt.applied_at,
        "node_observed_at": receipt.observed_at,
        "refused": min(receipt.refused, 2**31 - 1),
        "software": receipt.software,
        "arrived_at": received.at_ms,
    }


def _said(received: ReceivedReceipt) -> Mapping[str, Any]:
    """Return what a receipt says of itself; where it is told within another, that one has it."""
    receipt, empty = received.receipt, b""
    if received.within is not None:
        return {"within": received.within, "root": empty, "state": empty, "body": empty}
    return {"within": None, "root": receipt.root, "state": receipt.state, "body": received.body}


def _checks(received: ReceivedReceipt) -> Iterable[Mapping[str, Any]]:
    receipt = received.receipt
    for each in receipt.checks:
        yield {
            "node": receipt.node,
            "size": receipt.size,
            "kind": each.kind,
            "subject": each.subject,
            "node_due_at": each.due_at,
            "node_seen_at": each.seen_at,
            "good": each.good,
        }


def _check_same(connection: Connection, known: Sequence[ReceivedReceipt]) -> None:
    """One node, one position, one root; times and checks may differ when a node looks again. What
    was told within a later receipt, and comes by itself now, is what yet others may be told within.
    """
    if not known:
        return
    key = tuple_(receipts.c.node, receipts.c.size)
    chosen = select(receipts.c.node, receipts.c.size, receipts.c.root, receipts.c.within)
    kept = connection.execute(chosen.where(key.in_({each.id for each in known})))
    roots = {(row.node, row.size): None if row.within else bytes(row.root) for row in kept}
    for each in known:
        root = roots[each.id]
        if root is None:
            mine = (receipts.c.node == each.receipt.node, receipts.c.size == each.receipt.size)
            connection.execute(update(receipts).where(*mine).values(**_said(each)))
            roots[each.id] = each.receipt.root
        elif root != each.receipt.root:
            size = each.receipt.size
            raise Conflict(f"this node said another root of the log for {size} segments before")


def _note_seen(
    connection: Connection,
    locked: Mapping[str, NodeRow],
    arrived: Iterable[Arrived],
    new: Iterable[ReceivedReceipt],
) -> None:
    """Each node's row says how far its newest receipt is, when it was seen and how its clock is."""
    now = dict(locked)
    for each in arrived:
        node = now.get(each.node)
        if node is None or node.ended_at is not None or each.skew is None:
            continue
        is_old = node.seen_at < each.at_ms - SEEN_EVERY
        if is_old or abs(node.skew - each.skew) > _STEADY:
            seen_at = max(node.seen_at, each.at_ms)
            now[node.id] = replace(node, seen_at=seen_at, skew=each.skew)
    for one in new:
        node = now[one.receipt.node]
        seen_at = max(node.seen_at, one.at_ms)
        node = replace(node, seen_at=seen_at)
        if one.receipt.size > node.size:
            node = replace(node, size=one.receipt.size, software=one.receipt.software)
        now[node.id] = node
    rows = [
        {
            "its_id": node.id,
            "its_size": node.size,
            "its_software": node.software,
            "its_seen_at": node.seen_at,
            "its_skew": node.skew,
        }
        for node in now.values()
        if node is not locked[node.id]
    ]
    if rows:
        connection.execute(_SEEN, rows)


def _look_for_splits(connection: Connection, received: Sequence[ReceivedReceipt]) -> None:
    """A signed receipt for a root that the log never had is evidence that there are two logs."""
    if not received:
        return
    received = [each for each in received if each.within is None]
    numbers = sorted({each.receipt.size - 1 for each in received})
    found = connection.execute(_ROOTS, {"numbers": numbers})
    ours = {row.number + 1: bytes(row.root) for row in found}
    for each in received:
        receipt = each.receipt
        root = ours.get(receipt.size)
        if root is not None and root != receipt.root:
            detail = {"size": receipt.size, "root": receipt.root.hex(), "ours": root.hex()}
            note(connection, f"node {receipt.node}", "split-view", receipt.node, detail, each.at_ms)
