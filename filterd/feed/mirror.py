"""A feed on a node's own disk: the files as they were taken, so that a node is a mirror for others.

What is kept was verified before; what is read back is verified again (`stored.py`).
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from filterd.feed.follow import LogKey, Position, Taken
from filterd.feed.stored import read_stored, write_stored


@dataclass(slots=True)
class Mirror:
    """What this node has of a log, in `folder`."""

    folder: Path
    log: LogKey
    position: Position = field(default_factory=Position)

    def load(self, start: Position | None = None) -> Taken | None:
        """Take what is on disk, after `start` if that is given; None: there is nothing.

        Raises:
            Refused: it is damaged, or another log's.
            OSError: it cannot be read.
        """
        self.position = start or Position()
        taken = read_stored(self.folder, self.log, start)
        if taken is not None:
            self.position = taken.position
        return taken

    def keep(self, taken: Taken, note: bytes, files: Sequence[bytes]) -> None:
        """Write what was taken. OSError: the position stays where it was."""
        write_stored(self.folder, self.position.edge.size, files, note)
        self.position = taken.position
