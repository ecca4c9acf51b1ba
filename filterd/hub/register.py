"""Orders as the hub has them: submitted, waiting, published. The log on disk is the truth.

A row here says what a file of the log says, so whatever was lost between the two, by a crash or by
somebody who published without the hub, is put right by reading the log on from the last row.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import zstandard
from sqlalchemy import Connection, func, select, update

from filterd.feed.acts import kind_of, read_signed, signed_json
from filterd.feed.canonical import canonical, read_object
from filterd.feed.checkpoint import PATH, read_text, split_note
from filterd.feed.ledger import digest
from filterd.feed.merkle import HASH, Edge, leaf_hash
from filterd.feed.refusal import Fault, Refused
from filterd.feed.segment import MOST_PLAIN, Segment, path_of, unpack
from filterd.hub.audit import note
from filterd.hub.once import insert_once
from filterd.hub.tables import orders, receipts, revocations, segments
from filterd.model.order import Act, Order, Priority, SignedAct

FROM_LOG = "log"  # who submitted what came by no hub
_MOST = 2**53
_REVOKE = "revoke"


@dataclass(frozen=True, slots=True)
class Submitted:
    """An act that was taken. `known`: the very same was here before."""

    digest: bytes
    known: bool


@dataclass(frozen=True, slots=True)
class Waiting:
    """An act that is to be published. `at`: since when, in unix milliseconds."""

    digest: bytes
    signed: SignedAct
    urgent: bool
    at: int


def submit(connection: Connection, signed: SignedAct, who: str, now_ms: int) -> Submitted:
    """Keep an act until it is published. Whether it is warranted, the caller has looked at.

    Raises:
        Refused: MALFORMED, a time in it is none.
    """
    act = signed.act
    if isinstance(act, Order) and not 0 <= act.not_before < act.not_after < _MOST:
        raise Refused(Fault.MALFORMED, "order: its times are none")
    if not 0 <= signed.signed_at < _MOST:
        raise Refused(Fault.MALFORMED, "signature: its time is none")
    mark = digest(signed)
    return Submitted(mark, known=not _keep(connection, signed, mark, who, now_ms))


def waiting(connection: Connection) -> tuple[Waiting, ...]:
    """Return what is to be published, in the order it was submitted in."""
    found = []
    for table in (orders, revocations):
        chosen = select(table.c.digest, table.c.body, table.c.submitted_at)
        for row in connection.execute(chosen.where(table.c.segment.is_(None))):
            signed = stored_act(row.body)
            found.append(
                Waiting(bytes(row.digest), signed, is_urgent(signed.act), row.submitted_at)
            )
    return tuple(sorted(found, key=lambda each: (each.at, each.digest)))


def withdraw(connection: Connection, mark: bytes) -> bool:
    """Forget an act that waits, because it is warranted no more. False: it was published."""
    gone = 0
    for table in (orders, revocations):
        still = table.delete().where(table.c.digest == mark, table.c.segment.is_(None))
        gone += connection.execute(still).rowcount
    return gone > 0


def published(connection: Connection, segment: Segment, edge: Edge, at_ms: int) -> None:
    """Note that `segment` is in the log, whose tree has the right `edge` with it. `at_ms` is T1.
    The second time changes nothing.
    """
    acts = segment.acts
    row = {
        "number": segment.number,
        "published_at": at_ms,
        "canary": "".join(filter(str.isprintable, segment.canary)),
        "urgent": any(is_urgent(each.act) for each in acts),
        "root": edge.root,
        "edge": b"".join(edge.roots),
    }
    if not insert_once(connection, segments, [row]):
        return
    for signed in acts:
        _log(connection, signed, segment.number, at_ms)
    _look_for_splits(connection, edge, at_ms)


def reconcile(connection: Connection, folder: Path, most: int = _MOST) -> int:
    """Register what the log in `folder` has more than the register, `most` segments of it; return
    how many.

    Raises:
        Refused: the log does not continue what was registered, or does not hold together.
        OSError: it cannot be read.
    """
    try:
        note_of_log = (folder / PATH).read_bytes()
    except FileNotFoundError:
        return 0
    checkpoint = read_text(split_note(note_of_log)[0])
    edge = registered(connection)
    if edge.size > checkpoint.size:
        why = f"the log has {checkpoint.size} segments, but {edge.size} were published from here"
        raise Refused(Fault.ROLLBACK, f"{why}; is the feed's folder an old copy?")
    before = edge.size
    end = min(checkpoint.size, before + most)
    for number in range(before, end):
        path = folder / path_of(number)
        file = path.read_bytes()
        segment = unpack(file)
        if segment.number != number or segment.before != edge.root:
            raise Refused(
                Fault.SPLIT_VIEW, f"segment {number} does not continue what was published"
            )
        edge = edge.add(leaf_hash(file))
        published(connection, segment, edge, _published_at(path, segment))
    if end == checkpoint.size and edge.root != checkpoint.root:
        raise Refused(Fault.SPLIT_VIEW, "the log is not the one that was published from here")
    return end - before


def registered(connection: Connection) -> Edge:
    """Return the right edge of the tree over all segments that are registered."""
    last = connection.execute(select(func.max(segments.c.number))).scalar()
    if last is None:
        return Edge()
    kept = bytes(
        connection.execute(select(segments.c.edge).where(segments.c.number == last)).scalar_one()
    )
    return Edge(last + 1, tuple(kept[at : at + HASH] for at in range(0, len(kept), HASH)))


def stored_act(body: bytes) -> SignedAct:
    """Read the `body` of an order or a revocation."""
    plain = zstandard.ZstdDecompressor().decompress(bytes(body), max_output_size=MOST_PLAIN)
    return read_signed(read_object(plain, MOST_PLAIN))


def is_urgent(act: Act) -> bool:
    """Say whether an act is to go at once: an urgent order, and whatever is about an order."""
    return not isinstance(act, Order) or act.priority is Priority.URGENT


def _keep(connection: Connection, signed: SignedAct, mark: bytes, who: str, at_ms: int) -> bool:
    """Put in a row for an act; False: there is one."""
    body = zstandard.ZstdCompressor(level=9).compress(canonical(signed_json(signed)))
    common = {
        "digest": mark,
        "authority": signed.act.authority,
        "body": body,
        "signed_at": _bounded(signed.signed_at) * 1000,
        "submitted_at": at_ms,
        "submitted_by": who,
        "segment": None,
    }
    act = signed.act
    if isinstance(act, Order):
        return bool(insert_once(connection, orders, [{**common, **_order_row(act)}]))
    about = {"kind": kind_of(act), "order": act.order, "reason": act.reason}
    return bool(insert_once(connection, revocations, [{**common, **about}]))


def _order_row(order: Order) -> Mapping[str, Any]:
    return {
        "id": order.id,
        "reference": order.reference,
        "legal_basis": order.legal_basis,
        "category": order.category,
        "effect": order.effect.value,
        "priority": order.priority.value,
        "patterns": len(order.patterns),
        "not_before": _bounded(order.not_before),
        "not_after": _bounded(order.not_after),
        "revoked_segment": None,
        "revoked_at": None,
    }


def _log(connection: Connection, signed: SignedAct, number: int, at_ms: int) -> None:
    """Note that an act stands in segment `number`; the first one counts."""
    mark = digest(signed)
    _keep(connection, signed, mark, FROM_LOG, at_ms)
    act = signed.act
    table = orders if isinstance(act, Order) else revocations
    first = update(table).where(table.c.digest == mark, table.c.segment.is_(None))
    connection.execute(first.values(segment=number))
    if isinstance(act, Order) or kind_of(act) != _REVOKE:
        return
    meant = update(orders).where(
        orders.c.authority == act.authority,
        orders.c.id == act.order,
        orders.c.segment.is_not(None),
        orders.c.revoked_segment.is_(None),
    )
    connection.execute(meant.values(revoked_segment=number, revoked_at=at_ms))


def _look_for_splits(connection: Connection, edge: Edge, now_ms: int) -> None:
    """A node may say what it has before the hub has registered it; now it can be compared."""
    other = select(receipts.c.node, receipts.c.root).where(
        receipts.c.size == edge.size, receipts.c.within.is_(None), receipts.c.root != edge.root
    )
    for row in connection.execute(other).all():
        detail = {"size": edge.size, "root": bytes(row.root).hex(), "ours": edge.root.hex()}
        note(connection, f"node {row.node}", "split-view", row.node, detail, now_ms)


def _published_at(path: Path, segment: Segment) -> int:
    """A segment says its second; its file knows the millisecond, unless it was copied here."""
    second = _bounded(segment.at) * 1000
    return max(second, min(int(path.stat().st_mtime * 1000), second + 999))


def _bounded(number: int) -> int:
    """The log may say what no column can hold; nodes do not enforce that."""
    return max(0, min(number, _MOST))
