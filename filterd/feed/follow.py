"""Following the log: what a node takes of a feed, and what it refuses. Sans-io.

Whoever fetches hands in a checkpoint and the segments after the node's position; what comes back is
the next position, or a refusal and the old one. Every check is made before anything is believed, in
the order of what it costs.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

from filterd.feed.checkpoint import Checkpoint, key_hash, read_text, split_note
from filterd.feed.keys import verifies
from filterd.feed.ledger import Ledger
from filterd.feed.merkle import Edge, leaf_hash
from filterd.feed.refusal import Fault, Refused
from filterd.feed.segment import Segment, unpack
from filterd.feed.witness import Witness, check_cosigned
from filterd.model.order import PublicKey, Signature

AHEAD = 300  # seconds that a checkpoint may seem to be from the future
BACK = 300  # seconds that a segment may be older than the checkpoint before it


@dataclass(frozen=True, slots=True)
class LogKey:
    """Who keeps the log, and with which Ed25519 key; `cosigned` of its witnesses at least must have
    signed a checkpoint too.
    """

    origin: str
    key: PublicKey
    witnesses: tuple[Witness, ...] = ()
    cosigned: int = 0


@dataclass(frozen=True, slots=True)
class Position:
    """How far a node is: the tree it has seen, the newest checkpoint's time, what it comes to."""

    edge: Edge = field(default_factory=Edge)
    time: int = 0
    ledger: Ledger = field(default_factory=Ledger)


@dataclass(frozen=True, slots=True)
class Taken:
    """The next position and the segments that led there."""

    position: Position
    segments: tuple[Segment, ...]


def read_checkpoint(note: bytes, log: LogKey) -> Checkpoint:
    """Return a checkpoint that the log has signed.

    Raises:
        Refused: MALFORMED, TOO_LARGE, UNSIGNED, or UNWITNESSED.
    """
    text, signatures = split_note(note)
    own = key_hash(log.origin, bytes.fromhex(log.key.public))
    for name, hint, value in signatures:
        signature = Signature(log.key.id, value.hex())
        if (name, hint) == (log.origin, own) and verifies(log.key, signature, text.encode()):
            checkpoint = read_text(text)
            if checkpoint.origin == log.origin:
                check_cosigned(note, log.witnesses, log.cosigned)
                return checkpoint
    raise Refused(Fault.UNSIGNED, f"checkpoint: not signed by {log.origin}")


def weigh(position: Position, checkpoint: Checkpoint, now: int) -> int:
    """Return how many segments are new.

    Raises:
        Refused: ROLLBACK, SPLIT_VIEW, or MIXED for one that is from the future.
    """
    size = position.edge.size
    if checkpoint.size < size or checkpoint.time < position.time:
        why = f"checkpoint: {checkpoint.size} segments at {checkpoint.time}, here are {size} at"
        raise Refused(Fault.ROLLBACK, f"{why} {position.time}")
    if checkpoint.size == size and checkpoint.root != position.edge.root:
        raise Refused(Fault.SPLIT_VIEW, f"checkpoint: another history of the same {size} segments")
    if checkpoint.time > now + AHEAD:
        why = f"checkpoint: {checkpoint.time - now} s ahead of this clock; look at the clock first"
        raise Refused(Fault.MIXED, why)
    return checkpoint.size - size


def check_fresh(position: Position, now: int, longest: int) -> None:
    """Refused (FROZEN) if the newest checkpoint is older than `longest` seconds."""
    if position.time + longest < now:
        raise Refused(Fault.FROZEN, f"nothing new was signed for {now - position.time} s")


def take(position: Position, checkpoint: Checkpoint, files: Sequence[bytes], now: int) -> Taken:
    """Return what the files of all new segments lead to.

    Raises:
        Refused: as `weigh`; TAMPERED, REORDERED, SPLIT_VIEW, MALFORMED, TOO_LARGE, DIVERGED.
    """
    count = weigh(position, checkpoint, now)
    if len(files) != count:
        raise Refused(Fault.MIXED, f"{len(files)} segments, but the checkpoint wants {count}")
    edge = position.edge
    for file in files:
        edge = edge.add(leaf_hash(file))
    if edge.root != checkpoint.root:
        _blame(position, files)
    segments = tuple(unpack(file) for file in files)
    ledger = position.ledger
    for number, segment in enumerate(segments, position.edge.size):
        if segment.number != number:
            raise Refused(Fault.REORDERED, f"segment {segment.number} stands where {number} should")
        # Keys that have ended must not come to life by a date in the past.
        if not position.time - BACK <= segment.at <= checkpoint.time:
            raise Refused(Fault.REORDERED, f"segment {number} says it is of another time")
        ledger = ledger.take(segment.acts, segment.at, segment.number)
    ledger = ledger.at(checkpoint.time)
    if ledger.root != checkpoint.state:
        raise Refused(Fault.DIVERGED, "the rules that follow are not those that were signed")
    return Taken(Position(edge, checkpoint.time, ledger), segments)


def _blame(position: Position, files: Sequence[bytes]) -> None:
    """Say what is wrong with files that do not lead to the signed root."""
    edge = position.edge
    for place, file in enumerate(files, edge.size):
        segment = unpack(file)
        if segment.number != place:
            raise Refused(Fault.REORDERED, f"segment {segment.number} stands where {place} should")
        if segment.before != edge.root:
            raise Refused(Fault.SPLIT_VIEW, f"segment {place} continues another history")
        edge = edge.add(leaf_hash(file))
    raise Refused(Fault.TAMPERED, "the segments are not those that were signed")
