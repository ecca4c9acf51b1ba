"""A feed on a node's own disk: the files as they were taken, so that a node is a mirror for others.

What is kept was verified before; what is read back is verified again, since a disk is not to be
trusted more than a network. A segment is on disk before the checkpoint that names it: whoever is
cut off at any byte goes on from the checkpoint before.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from filterd.feed.durable import write_durably
from filterd.feed.follow import LogKey, Position, Taken, read_checkpoint, take
from filterd.feed.publish import CHECKPOINT
from filterd.feed.segment import path_of


@dataclass(slots=True)
class Mirror:
    """What this node has of a log, in `folder`."""

    folder: Path
    log: LogKey
    position: Position = field(default_factory=Position)

    def load(self) -> Taken | None:
        """Take what is on disk; None: there is nothing yet.

        Raises:
            Refused: it is damaged, or another log's.
            OSError: it cannot be read.
        """
        try:
            note = (self.folder / CHECKPOINT).read_bytes()
        except FileNotFoundError:
            return None
        checkpoint = read_checkpoint(note, self.log)
        files = [(self.folder / path_of(number)).read_bytes() for number in range(checkpoint.size)]
        taken = take(Position(), checkpoint, files, checkpoint.time)
        self.position = taken.position
        return taken

    def keep(self, taken: Taken, note: bytes, files: Sequence[bytes]) -> None:
        """Write what was taken. OSError: the position stays where it was."""
        first = self.position.edge.size
        for number, file in enumerate(files, first):
            write_durably(self.folder / path_of(number), file)
        write_durably(self.folder / CHECKPOINT, note)
        self.position = taken.position
