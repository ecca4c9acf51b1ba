"""How a node comes to be known: an operator invites, the node answers once with its own key.

The code says who it will be (name, province, kind), so nothing that a node says about itself is
believed but its key. A node that is sent its answer twice gets the same one.
"""

import hmac
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from securesystemslib.signer import SSlibKey
from sqlalchemy import Connection, RowMapping, bindparam, insert, select, update

from filterd.hub.secret import Random, hash_of, new_secret
from filterd.hub.tables import invitations, nodes
from filterd.model.errors import FilterdError
from filterd.model.order import PublicKey

KINDS: Final = frozenset({"school", "isp"})
WEEK = 7 * 86_400
SEEN_EVERY = 60_000  # milliseconds; a node that speaks each second is not written each second
_SOME = select(nodes).where(nodes.c.id.in_(bindparam("ids", expanding=True)))


class EnrolmentError(FilterdError):
    """An invitation or an enrolment is not good; the text says why and what to do."""


@dataclass(frozen=True, slots=True)
class Invited:
    """Whom an invitation is for. `subscribers` weighs an ISP's node; a school's is 1. `lifetime` in
    seconds.
    """

    name: str
    province: str
    kind: str = "school"
    subscribers: int = 1
    lifetime: int = WEEK


@dataclass(frozen=True, slots=True)
class NodeRow:
    """A node as the hub knows it; `id` is that of its key. Times are unix milliseconds by the hub's
    clock, `skew` the seconds that the node's was ahead of it when last seen, `held` how many
    segments it does not enforce yet.
    """

    id: str
    public: str
    name: str
    province: str
    kind: str
    subscribers: int
    enrolled_at: int
    ended_at: int | None
    seen_at: int
    skew: int
    software: str
    size: int
    held: int = 0

    @property
    def key(self) -> PublicKey:
        """What its requests and receipts are signed with."""
        return PublicKey(self.id, "ed25519", "ed25519", self.public)


def invite(
    connection: Connection, invited: Invited, now_ms: int, random: Random = secrets.token_bytes
) -> str:
    """Return a code for one node, which is not kept. EnrolmentError: something in it is wrong."""
    if invited.kind not in KINDS:
        raise EnrolmentError(f"a node is one of {', '.join(sorted(KINDS))}")
    if not _is_text(invited.name, 200) or not _is_text(invited.province, 32):
        raise EnrolmentError("a name has 1 to 200 printable characters, a province 1 to 32")
    if not 0 < invited.subscribers < 2**31 or not 0 < invited.lifetime <= 53 * WEEK:
        raise EnrolmentError("subscribers are 1 or more; a code lasts a year at most")
    code = new_secret(random)
    row = {
        "code_hash": hash_of(code),
        "name": invited.name,
        "province": invited.province,
        "kind": invited.kind,
        "subscribers": invited.subscribers,
        "made_at": now_ms,
        "expires_at": now_ms + invited.lifetime * 1000,
    }
    connection.execute(insert(invitations).values(**row))
    return code


def enrol(connection: Connection, code: str, key: PublicKey, software: str, now_ms: int) -> NodeRow:
    """Make the holder of `key` the node that `code` was made for.

    Raises:
        EnrolmentError: the code is unknown, used by another or expired; the key is none of ours,
            or known already.
    """
    _check_key(key)
    if not _is_text(software, 200):
        raise EnrolmentError("software: 1 to 200 printable characters")
    kept = hash_of(code)
    chosen = select(invitations).where(invitations.c.code_hash == kept).with_for_update()
    invited = connection.execute(chosen).mappings().first()
    if invited is None or not hmac.compare_digest(bytes(invited["code_hash"]), kept):
        raise EnrolmentError("this code is not known; was it typed as it was given?")
    known = find_node(connection, key.id)
    if invited["node"] is not None:
        if invited["node"] == key.id and known is not None and known.ended_at is None:
            return known
        raise EnrolmentError("this code was used; ask for another one")
    if invited["expires_at"] < now_ms:
        raise EnrolmentError("this code has expired; ask for another one")
    if known is not None:
        state = "enrolled" if known.ended_at is None else "ended"
        raise EnrolmentError(
            f"this key is that of {known.name!r}, which is {state}; make a new key"
        )
    row = {
        "id": key.id,
        "public": key.public,
        "name": invited["name"],
        "province": invited["province"],
        "kind": invited["kind"],
        "subscribers": invited["subscribers"],
        "enrolled_at": now_ms,
        "ended_at": None,
        "seen_at": now_ms,
        "skew": 0,
        "software": software,
        "size": 0,
    }
    connection.execute(insert(nodes).values(**row))
    connection.execute(
        update(invitations).where(invitations.c.code_hash == kept).values(node=key.id)
    )
    return NodeRow(**row)


def find_node(connection: Connection, node: str) -> NodeRow | None:
    """Return a node by its id, ended or not."""
    row = connection.execute(select(nodes).where(nodes.c.id == node)).mappings().first()
    return None if row is None else node_row(row)


def find_nodes(connection: Connection, some: Sequence[str]) -> dict[str, NodeRow]:
    """Return those nodes that there are, by their ids, ended or not."""
    rows = connection.execute(_SOME, {"ids": some}).mappings()
    return {row["id"]: node_row(row) for row in rows}


def named_nodes(connection: Connection, begins: str) -> tuple[str, ...]:
    """Return the ids, two at most, of nodes that were not ended and whose id begins so."""
    if not begins.isalnum():
        return ()
    found = select(nodes.c.id).where(nodes.c.id.startswith(begins), nodes.c.ended_at.is_(None))
    return tuple(connection.execute(found.limit(2)).scalars())


def end_node(connection: Connection, node: str, now_ms: int) -> NodeRow:
    """Take nothing from a node any more; what it sent is kept. EnrolmentError: no such node."""
    known = find_node(connection, node)
    if known is None or known.ended_at is not None:
        raise EnrolmentError(f"there is no node {node!r} to end; `filterd hub nodes` lists them")
    connection.execute(update(nodes).where(nodes.c.id == node).values(ended_at=now_ms))
    return known


def note_skew(connection: Connection, node: str, skew: int, now_ms: int) -> None:
    """Keep when a node was seen, and by how many seconds its clock was ahead then."""
    skew = max(-(2**31), min(skew, 2**31 - 1))
    stale = (nodes.c.seen_at < now_ms - SEEN_EVERY) | (nodes.c.skew != skew)
    changed = update(nodes).where(nodes.c.id == node, stale).values(skew=skew, seen_at=now_ms)
    connection.execute(changed)


def node_row(row: RowMapping) -> NodeRow:
    """Return a row of the table as a value."""
    return NodeRow(**row)


def _check_key(key: PublicKey) -> None:
    """The id must be that of the key: receipts are found by it."""
    try:
        public = Ed25519PublicKey.from_public_bytes(bytes.fromhex(key.public))
    except ValueError as error:
        raise EnrolmentError("a node's key is Ed25519, 32 octets in hexadecimal") from error
    expected = SSlibKey.from_crypto(public)
    said = (key.id, key.keytype, key.scheme, key.public)
    if said != (expected.keyid, "ed25519", "ed25519", expected.keyval["public"]):
        raise EnrolmentError("the id is not that of this key, or it is no Ed25519 key")


def _is_text(words: str, most: int) -> bool:
    return 0 < len(words) <= most and words.isprintable()
