"""A log on disk, whoever keeps it: the ministry's own, a mirror, a node.

    checkpoint               the newest signed checkpoint, replaced last
    log/000/000/000.zst      segments, never changed
    snapshot.json, snapshot/ what stands for the segments before it, which may be missing

A segment is on disk, with its folders, before the checkpoint names it, so whoever is cut off at any
byte has a log that holds together: a segment that no checkpoint names is written again.
"""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from filterd.feed import checkpoint as checkpoints
from filterd.feed import snapshot as snapshots
from filterd.feed.body import Body
from filterd.feed.follow import LogKey, Position, Taken, read_checkpoint, take
from filterd.feed.segment import path_of
from filterd.feed.snapshot import Statement, read_statement
from filterd.feed.sources import SegmentFiles
from filterd.model.durable import make_directory, write_atomically


def read_stored(
    folder: Path, log: LogKey, start: Position | None = None, *, hold: bool = False
) -> Taken | None:
    """Return what the log in `folder` comes to from `start` on; None: there is nothing after it.

    It is verified as if it came by the network: a disk is not to be trusted more. Only witnesses
    are not asked for: the keeper's own comes before theirs, and a node asked when it took it. With
    `hold`, patterns do not stay in memory.

    Raises:
        Refused: it is damaged, or another log's.
        OSError: it cannot be read.
    """
    before = start or Position()
    try:
        note = (folder / checkpoints.PATH).read_bytes()
    except FileNotFoundError:
        return None
    checkpoint = read_checkpoint(note, replace(log, cosigned=0))
    if start is not None and checkpoint.size < start.edge.size:
        return None
    files = SegmentFiles(folder, before.edge.size, checkpoint.size)
    return take(before, checkpoint, files, checkpoint.time, hold=hold)


def read_snapshot(folder: Path, log: LogKey) -> tuple[Statement, Position] | None:
    """Return the snapshot in `folder` and where it leads to; None: there is none.

    Heads only: what patterns they have is for whoever judges them.

    Raises:
        Refused: it is damaged, or another log's.
        OSError: it cannot be read.
    """
    try:
        statement = read_statement((folder / snapshots.PATH).read_bytes(), log)
    except FileNotFoundError:
        return None
    body = Body.open([folder / path for path in statement.paths])
    body.close()
    return statement, statement.position(body.ledger)


def write_stored(folder: Path, first: int, files: Sequence[bytes], note: bytes) -> None:
    """Write segments from number `first` on, then the checkpoint that names them. OSError."""
    for number, file in enumerate(files, first):
        path = folder / path_of(number)
        make_directory(path.parent)
        write_atomically(path, file)
    make_directory(folder)
    write_atomically(folder / checkpoints.PATH, note)
