"""Making a snapshot: the log keeper's side. Streaming; no more than one order is in memory."""

import hashlib
import io
import shutil
from contextlib import suppress
from pathlib import Path
from typing import Any

from filterd.feed import snapshot as snapshots
from filterd.feed.body import Body, write_body
from filterd.feed.follow import Position
from filterd.feed.merkle import leaf_hash
from filterd.feed.publish import Log
from filterd.feed.refusal import Refused
from filterd.feed.segment import path_of
from filterd.feed.snapshot import PIECE, Statement, sign_statement
from filterd.feed.sources import SegmentFiles, each_order
from filterd.feed.stored import read_snapshot
from filterd.model.durable import make_directory, sync_directory, write_atomically

LEVEL = 12  # 19 saves a twentieth and takes ten times as long
KEPT = 2  # snapshots; a node may be fetching the one before


def publish_snapshot(log: Log, level: int = LEVEL) -> Statement:
    """Write a snapshot of all that `log` has, and then say so.

    Raises:
        Refused: the log on disk is damaged.
        OSError: the snapshot before stays the one that counts.
    """
    position, folder = log.position, log.folder
    body, first = _before(log)
    ledger = position.ledger
    files = SegmentFiles(folder, first, position.edge.size)
    target = folder / snapshots.FOLDER / str(position.edge.size)
    shutil.rmtree(target, ignore_errors=True)  # of a try that broke off
    make_directory(target)
    sink = Pieces(target)
    blocks = (patterns.pack() for _, patterns in each_order(ledger, body, files))
    stream = io.BufferedWriter(sink, PIECE)
    write_body(stream, tuple(ledger.entries.values()), blocks, level)
    stream.flush()
    sink.finish()
    leaves = (leaf_hash(file) for file in SegmentFiles(folder, 0, position.edge.size))
    write_atomically(folder / snapshots.leaves_path(position.edge.size), b"".join(leaves))
    sync_directory(target)
    statement = _statement(log, position, sink)
    write_atomically(folder / snapshots.PATH, sign_statement(statement, log.signer))
    _sweep(folder / snapshots.FOLDER)
    return statement


def _before(log: Log) -> tuple[Body | None, int]:
    """Return the body of the snapshot before, if it is one, and the segments it stands for."""
    try:
        found = read_snapshot(log.folder, log.key)
        if found is None or found[0].size >= log.position.edge.size:
            return None, 0
        statement, _ = found
        return Body.open([log.folder / path for path in statement.paths]), statement.size
    except (Refused, OSError):
        return None, 0  # the log has it all; a snapshot only saves reading it


def _statement(log: Log, position: Position, sink: "Pieces") -> Statement:
    entries = position.ledger.entries.values()
    sizes = ((log.folder / path_of(number)).stat().st_size for number in range(position.edge.size))
    return Statement(
        origin=log.key.origin,
        edge=position.edge,
        time=position.time,
        state=position.ledger.root,
        orders=len(entries),
        patterns=sum(each.count for each in entries),
        length=sink.length,
        log_length=sum(sizes),
        pieces=tuple(sink.digests),
    )


def _sweep(folder: Path) -> None:
    sizes = sorted(int(each.name) for each in folder.iterdir() if each.name.isdigit())
    for size in sizes[:-KEPT]:
        with suppress(OSError):
            shutil.rmtree(folder / str(size))


class Pieces(io.RawIOBase):
    """What is written, as files of `PIECE` bytes in `folder`, each with its hash. OSError."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._held = bytearray()
        self.digests: list[bytes] = []
        self.length = 0

    def writable(self) -> bool:
        """Say that it is."""
        return True

    def write(self, data: Any) -> int:
        """Take bytes."""
        self._held += data
        while len(self._held) >= PIECE:
            self._put(PIECE)
        return len(data)

    def finish(self) -> None:
        """Write the last piece."""
        if self._held:
            self._put(len(self._held))

    def _put(self, size: int) -> None:
        piece = bytes(self._held[:size])
        del self._held[:size]
        write_atomically(self._folder / f"{len(self.digests):04d}", piece)
        self.digests.append(hashlib.sha256(piece).digest())
        self.length += len(piece)
