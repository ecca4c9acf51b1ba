"""The log's own side: acts in, static files out. nginx or a USB stick serves them as they are."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from securesystemslib.signer import Signer

from filterd.feed.checkpoint import Checkpoint, sign_note
from filterd.feed.follow import LogKey, Position
from filterd.feed.keys import public_key, sign
from filterd.feed.merkle import leaf_hash
from filterd.feed.refusal import Fault, Refused
from filterd.feed.segment import Segment, pack
from filterd.feed.stored import read_stored, write_stored
from filterd.model.order import SignedAct


@dataclass(slots=True)
class Log:
    """A log in `folder`, kept by whoever has its `signer`."""

    folder: Path
    key: LogKey
    signer: Signer
    domain: str  # of the canaries; harmless, the log keeper's own
    position: Position = field(default_factory=Position)

    @classmethod
    def open(cls, folder: Path, key: LogKey, signer: Signer, domain: str) -> "Log":
        """Open a log, or begin one in an empty folder.

        Raises:
            Refused: what lies there does not hold together, or is signed with another key.
            OSError: it cannot be read.
        """
        if public_key(signer) != key.key:
            raise Refused(Fault.UNSIGNED, f"this is not the key of the log {key.origin}")
        log = cls(folder, key, signer, domain)
        taken = read_stored(folder, key)
        if taken is not None:
            log.position = taken.position
        return log

    def append(self, acts: Sequence[SignedAct], at: int, label: str) -> Checkpoint:
        """Log `acts` as one segment at unix time `at`, or that of the newest checkpoint, if a clock
        was set back since. `label` is random: it makes the canary.

        Raises:
            OSError: nothing was published.
        """
        before = self.position
        at = max(at, before.time)
        number = before.edge.size
        canary = f"{label}.{self.domain}"
        file = pack(Segment(number, at, before.edge.root, canary, tuple(acts)))
        edge = before.edge.add(leaf_hash(file))
        after = Position(edge, at, before.ledger.take(acts, at, number))
        return self._publish(after, at, [file])

    def renew(self, at: int) -> Checkpoint:
        """Sign anew what is there, so that everybody knows it is the newest. OSError."""
        return self._publish(self.position, at, [])

    def _publish(self, position: Position, at: int, files: Sequence[bytes]) -> Checkpoint:
        time = max(at, self.position.time)
        position = replace(position, time=time, ledger=position.ledger.at(time))
        edge = position.edge
        found = Checkpoint(self.key.origin, edge.size, edge.root, time, position.ledger.root)
        value = sign(self.signer, found.text.encode())
        public = bytes.fromhex(self.key.key.public)
        note = sign_note(found.text, self.key.origin, public, bytes.fromhex(value.value))
        write_stored(self.folder, edge.size - len(files), files, note)
        self.position = position
        return found
