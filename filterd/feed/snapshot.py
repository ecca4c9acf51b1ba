"""Snapshots: all orders that have not ended, for nodes that begin, instead of the whole log.

    snapshot.json                 the statement, sealed with the log's key, replaced last
    snapshot/<size>/0000 …        the body (`body.py`) in pieces, never changed
    snapshot/<size>/leaves        the hashes of all segments

The statement says how many segments it stands for, the tree's right edge there, the ledger's root
and the hash of each piece, so a node goes on with the segments after it as if it had read those
before, and a download that broke off goes on where it was. A node that knows some segments already
sees by the leaves that it is the same history. Whoever signs it is believed about the
order of things only: each node verifies every order in it.
"""

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from securesystemslib.signer import Signer

from filterd.feed.canonical import canonical, read_object
from filterd.feed.envelope import seal, unseal
from filterd.feed.follow import LogKey, Position
from filterd.feed.ledger import Ledger
from filterd.feed.merkle import HASH, Edge
from filterd.feed.refusal import Fault, Refused

Json = Any
PATH = "snapshot.json"  # in a feed
FOLDER = "snapshot"
MOST = 512 * 1024  # bytes of a statement
PIECE = 4 * 2**20  # bytes
MOST_PIECES = 1024
KIND = "snapshot"
_FIELDS = {
    "origin": str,
    "size": int,
    "time": int,
    "edge": list,
    "state": str,
    "orders": int,
    "patterns": int,
    "length": int,
    "log_length": int,
    "pieces": list,
}


@dataclass(frozen=True, slots=True)
class Statement:
    """What the log says of a snapshot of its first `size` segments at `time` (unix seconds).

    `length` are the bytes of its `pieces`, `log_length` those of the segments it stands for.
    """

    origin: str
    edge: Edge
    time: int
    state: bytes
    orders: int
    patterns: int
    length: int
    log_length: int
    pieces: tuple[bytes, ...]

    @property
    def size(self) -> int:
        """Segments."""
        return self.edge.size

    @property
    def paths(self) -> tuple[str, ...]:
        """Where its pieces lie in the feed."""
        return tuple(f"{FOLDER}/{self.size}/{number:04d}" for number in range(len(self.pieces)))

    def position(self, ledger: Ledger) -> Position:
        """Return where a node is that has taken it.

        Raises:
            Refused: DIVERGED, the heads are not those that were signed.
        """
        if ledger.root != self.state:
            raise Refused(Fault.DIVERGED, "snapshot: the orders in it are not those signed")
        return Position(self.edge, self.time, ledger)


def sign_statement(statement: Statement, signer: Signer) -> bytes:
    """Return the file of a statement, signed with the log's key."""
    plain = {
        "origin": statement.origin,
        "size": statement.size,
        "time": statement.time,
        "edge": [each.hex() for each in statement.edge.roots],
        "state": statement.state.hex(),
        "orders": statement.orders,
        "patterns": statement.patterns,
        "length": statement.length,
        "log_length": statement.log_length,
        "pieces": [each.hex() for each in statement.pieces],
    }
    return canonical(seal(KIND, plain, signer))


def read_statement(data: bytes, log: LogKey) -> Statement:
    """Read what `sign_statement` wrote.

    Raises:
        Refused: MALFORMED, TOO_LARGE or UNSIGNED.
    """
    parts = unseal(KIND, read_object(data, MOST), log.key, _FIELDS)
    if parts["origin"] != log.origin:
        raise Refused(Fault.UNSIGNED, "snapshot: of another log")
    if len(parts["pieces"]) > MOST_PIECES:
        raise Refused(Fault.TOO_LARGE, f"snapshot: more than {MOST_PIECES} pieces")
    try:
        edge = Edge(parts["size"], tuple(map(_hash, parts["edge"])))
        pieces = tuple(map(_hash, parts["pieces"]))
        state = _hash(parts["state"])
    except ValueError as error:
        raise Refused(Fault.MALFORMED, f"snapshot: {error}") from error
    if not 0 < parts["length"] <= PIECE * len(pieces):
        raise Refused(Fault.MALFORMED, "snapshot: its pieces are not as long as it says")
    return Statement(
        origin=parts["origin"],
        edge=edge,
        time=parts["time"],
        state=state,
        orders=parts["orders"],
        patterns=parts["patterns"],
        length=parts["length"],
        log_length=parts["log_length"],
        pieces=pieces,
    )


def is_worth(statement: Statement, size: int) -> bool:
    """Say whether taking it costs less than twice the segments that a node at `size` has not seen:
    most of them are of orders that have ended.
    """
    unseen = statement.size - size
    return unseen > 0 and statement.log_length * unseen > statement.length * statement.size / 2


def leaves_path(size: int) -> str:
    """Return where the hashes of the segments lie that a snapshot stands for."""
    return f"{FOLDER}/{size}/leaves"


def check_leaves(statement: Statement, leaves: bytes, known: Edge) -> None:
    """Refused (SPLIT_VIEW) unless the history of `known` is the beginning of the snapshot's."""
    edge = Edge()
    same = known.size == 0
    for at in range(0, len(leaves), HASH):
        edge = edge.add(leaves[at : at + HASH])
        same = same or edge == known
    if not same or edge != statement.edge:
        raise Refused(Fault.SPLIT_VIEW, "snapshot: of another history than the one seen here")


def is_piece(path: Path, digest: bytes) -> bool:
    """Say whether the file there is that piece. OSError."""
    try:
        return hashlib.sha256(path.read_bytes()).digest() == digest
    except FileNotFoundError:
        return False


def _hash(text: Json) -> bytes:
    value = bytes.fromhex(text) if isinstance(text, str) else b""
    if len(value) != HASH:
        raise ValueError("a hash that is none")
    return value
