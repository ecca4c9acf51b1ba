"""Fetching a snapshot, for a node that has nothing yet or has been away for long."""

import asyncio
import hashlib
from pathlib import Path

from filterd.feed import snapshot as snapshots
from filterd.feed.follow import AHEAD
from filterd.feed.merkle import HASH
from filterd.feed.mirror import Mirror
from filterd.feed.refusal import Fault, Refused
from filterd.feed.snapshot import (
    PIECE,
    Statement,
    check_leaves,
    is_piece,
    is_worth,
    leaves_path,
    read_statement,
)
from filterd.feed.sync import Fetch
from filterd.model.durable import make_directory, write_atomically


async def fetch_snapshot(mirror: Mirror, fetch: Fetch, now: int) -> Statement | None:
    """Fetch the snapshot of a feed into its mirror; None: there is none that is worth it. What is
    there of it already is not fetched again.

    Raises:
        Refused: MALFORMED, UNSIGNED, TOO_LARGE, TAMPERED, SPLIT_VIEW, or MIXED for one from the
            future.
        OSError: a part of it cannot be had now, or cannot be kept.
    """
    try:
        data = await fetch(snapshots.PATH, snapshots.MOST)
    except OSError:
        return None  # a feed need not have one
    folder, edge = mirror.folder, mirror.position.edge
    statement = read_statement(data, mirror.log)
    if not is_worth(statement, edge.size):
        return None
    if statement.time > now + AHEAD:
        raise Refused(Fault.MIXED, "snapshot: from the future; look at the clock first")
    if edge.size:
        leaves = await fetch(leaves_path(statement.size), HASH * statement.size)
        await asyncio.to_thread(check_leaves, statement, leaves, edge)
    for path, digest in zip(statement.paths, statement.pieces, strict=True):
        if await asyncio.to_thread(is_piece, folder / path, digest):
            continue
        piece = await fetch(path, PIECE)
        if hashlib.sha256(piece).digest() != digest:
            raise Refused(Fault.TAMPERED, f"{path}: not the piece that was signed")
        await asyncio.to_thread(_write, folder / path, piece)
    await asyncio.to_thread(_write, folder / snapshots.PATH, data)
    return statement


def _write(path: Path, data: bytes) -> None:
    make_directory(path.parent)
    write_atomically(path, data)
