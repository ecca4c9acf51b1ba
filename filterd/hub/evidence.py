"""What proves how one node took one order: signed by others than the hub, so nobody need trust it.

The order with its officers' signatures lies in a segment; a Merkle proof puts the segment into the
tree whose root the node has signed in its receipt, and another puts that tree into the newest one,
whose root the log's keeper has signed.
"""

import base64
import io
import json
import tarfile
from pathlib import Path
from typing import Any

from sqlalchemy import case, select

from filterd.feed.acts import signed_json
from filterd.feed.canonical import canonical
from filterd.feed.checkpoint import PATH, read_text, split_note
from filterd.feed.merkle import consistency, inclusion, leaf_hash
from filterd.feed.segment import path_of
from filterd.hub.compliance import Look
from filterd.hub.register import stored_act
from filterd.hub.signed import signed_body
from filterd.hub.tables import holdings, nodes, orders, receipts, segments
from filterd.model.errors import FilterdError

Json = Any
ABOUT = """\
Evidence of how one node took one order. Each file is as it was signed, or says what to hash.

order.json       the order with its officers' signatures: Ed25519 over "filterd order v1", a line
                 feed and the canonical JSON of `act`
segment.zst      the file of the log that it is in; sha256 of a zero byte and the file is a leaf
receipt.json     what the node signed: that it enforces the log up to `size`, whose root is `root`,
                 but for the segments in `held`; where it held this one, the first after that.
                 `earlier`: the same of smaller sizes, with T2 and the milliseconds from there to T3
                 and from T3 to T4; the times below are those of the first size that has the order
checkpoint       the newest root, signed by the keeper of the log
proofs.json      `inclusion`: the leaf in the receipt's tree (RFC 9162 section 2.1.3.2);
                 `consistency`: that tree in the checkpoint's (section 2.1.4.2)
times.json       T0 signed, T1 published, T2 received, T3 applied, T4 observed, and when the
                 receipt arrived; milliseconds; T2 to T4 by the node's clock. `held`: when the node
                 first said that it has the order and does not enforce it yet, if it ever did
node.json        the node and its key
"""


class EvidenceError(FilterdError):
    """There is nothing to prove; the text says what is not there."""


def evidence(look: Look, feed: Path, authority: str, name: str, node: str) -> bytes:
    """Return a tar of what proves since when `node` enforces an order; `feed` is the log's folder.

    A node that has not taken it, or holds it, has no receipt in it; that it does not enforce it is
    not proved.

    Raises:
        EvidenceError: no such order, not published, or no such node (of this look's province).
        OSError: the log cannot be read.
    """
    order = _order(look, authority, name)
    row = look.connection.execute(select(nodes).where(nodes.c.id == node, look.within)).first()
    if row is None:
        raise EvidenceError(f"no node {node!r}; `filterd hub nodes --json` has their ids")
    receipt = _proof(look, node, order.segment)
    note = (feed / PATH).read_bytes()
    size = read_text(split_note(note)[0]).size
    leaves = [leaf_hash((feed / path_of(number)).read_bytes()) for number in range(size)]
    proofs: dict[str, Json] = {"segment": order.segment, "checkpoint_size": size}
    files = {
        "README.txt": ABOUT.encode(),
        "order.json": canonical(signed_json(stored_act(order.body))),
        "segment.zst": (feed / path_of(order.segment)).read_bytes(),
        "checkpoint": note,
        "node.json": _json({each: row._mapping[each] for each in _NODE}),  # noqa: SLF001
    }
    times = {"T0": order.signed_at, "T1": order.published_at}
    if receipt is not None and receipt.held is not None:
        times["held"] = receipt.held
    if receipt is not None and receipt.body is not None:
        body = bytes(receipt.body)
        signed = json.loads(body)["receipt"]["size"]  # it may tell of this one within a later one
        if not order.segment < signed <= size:
            raise EvidenceError("the receipt is of a longer log than lies here; is it the feed?")
        proofs["size"] = signed
        proofs["inclusion"] = _texts(inclusion(leaves[:signed], order.segment))
        proofs["consistency"] = _texts(consistency(leaves, signed))
        files["receipt.json"] = body
        times |= {
            "T2": receipt.node_received_at,
            "T3": receipt.node_applied_at,
            "T4": receipt.node_observed_at,
            "arrived": receipt.arrived_at,
        }
    files["proofs.json"] = _json(proofs)
    files["times.json"] = _json({**times, "looked": look.now, "clock_ahead_s": row.skew})
    return _tar(files)


_NODE = ("id", "public", "name", "province", "kind", "enrolled_at", "ended_at", "software")


def _order(look: Look, authority: str, name: str) -> Any:
    found = look.connection.execute(
        select(orders, segments.c.published_at)
        .join(segments, segments.c.number == orders.c.segment)
        .where(orders.c.authority == authority, orders.c.id == name)
        .order_by(orders.c.segment)
        .limit(1)
    ).first()
    if found is None:
        raise EvidenceError(
            f"no published order {authority}/{name}; `filterd hub orders` lists them"
        )
    return found


def _proof(look: Look, node: str, segment: int) -> Any:
    """Return what T2 to T4 and body are of; a body of None: the segment is held."""
    was_held = holdings.c.node.is_not(None)

    def either(name: str, release: str) -> Any:
        own = signed_body() if name == "body" else receipts.c[name]
        return case((was_held, holdings.c[release]), else_=own).label(name)

    same = (holdings.c.node == receipts.c.node) & (holdings.c.segment == segment)
    return look.connection.execute(
        select(
            receipts.c.node_received_at,
            receipts.c.node_applied_at,
            either("node_observed_at", "node_released_at"),
            either("arrived_at", "released_at"),
            either("body", "body"),
            holdings.c.told_at.label("held"),
        )
        .select_from(receipts.outerjoin(holdings, same))
        .where(receipts.c.node == node, receipts.c.size > segment)
        .order_by(receipts.c.size)
        .limit(1)
    ).first()


def _texts(proof: tuple[bytes, ...]) -> list[str]:
    return [base64.b64encode(each).decode() for each in proof]


def _json(value: Json) -> bytes:
    return json.dumps(value, ensure_ascii=False, indent=1, sort_keys=True).encode()


def _tar(files: dict[str, bytes]) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as tar:
        for name, data in sorted(files.items()):
            entry = tarfile.TarInfo(name)
            entry.size = len(data)
            tar.addfile(entry, io.BytesIO(data))
    return out.getvalue()
