"""A log on disk, whoever keeps it: the ministry's own, a mirror, a node.

    checkpoint               the newest signed checkpoint, replaced last
    log/000/000/000.zst      segments, never changed

A segment is on disk, with its folders, before the checkpoint names it, so whoever is cut off at any
byte has a log that holds together: a segment that no checkpoint names is written again.
"""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from filterd.feed import checkpoint as checkpoints
from filterd.feed.follow import LogKey, Position, Taken, read_checkpoint, take
from filterd.feed.segment import path_of
from filterd.model.durable import make_directory, write_atomically


def read_stored(folder: Path, log: LogKey) -> Taken | None:
    """Return what the log in `folder` comes to; None: there is none yet.

    It is verified as if it came by the network: a disk is not to be trusted more. Only witnesses
    are not asked for: the keeper's own comes before theirs, and a node asked when it took it.

    Raises:
        Refused: it is damaged, or another log's.
        OSError: it cannot be read.
    """
    try:
        note = (folder / checkpoints.PATH).read_bytes()
    except FileNotFoundError:
        return None
    checkpoint = read_checkpoint(note, replace(log, cosigned=0))
    files = [(folder / path_of(number)).read_bytes() for number in range(checkpoint.size)]
    return take(Position(), checkpoint, files, checkpoint.time)


def write_stored(folder: Path, first: int, files: Sequence[bytes], note: bytes) -> None:
    """Write segments from number `first` on, then the checkpoint that names them. OSError."""
    for number, file in enumerate(files, first):
        path = folder / path_of(number)
        make_directory(path.parent)
        write_atomically(path, file)
    make_directory(folder)
    write_atomically(folder / checkpoints.PATH, note)
