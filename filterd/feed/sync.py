"""One round of following: fetch, verify, keep. What fetches is handed in."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from filterd.feed.checkpoint import MOST
from filterd.feed.checkpoint import PATH as CHECKPOINT
from filterd.feed.events import Pushed
from filterd.feed.follow import Taken, read_checkpoint, take, weigh
from filterd.feed.mirror import Mirror
from filterd.feed.refusal import Refused
from filterd.feed.segment import MOST_PACKED, path_of
from filterd.feed.sources import SegmentFiles
from filterd.model.durable import make_directory, write_atomically

# (path in the feed, most bytes) -> the file. Raises Refused (TOO_LARGE), or OSError.
Fetch = Callable[[str, int], Awaitable[bytes]]

MOST_AT_ONCE = 64  # segments that are held in memory


@dataclass(frozen=True, slots=True)
class Round:
    """What a round brought; `files` and `note` are what to keep, files that are on disk already
    left out. `taken` None: nothing is new.
    """

    taken: Taken | None
    note: bytes = b""
    files: tuple[bytes, ...] = ()


async def fetch_new(mirror: Mirror, fetch: Fetch, now: int, pushed: Pushed | None = None) -> Round:
    """Fetch and verify what is new. Nothing is kept yet. Of what was `pushed` only what is missing
    is fetched; it is verified like what is fetched.

    Raises:
        Refused: something is wrong with it.
        OSError: it cannot be had now.
    """
    note = await fetch(CHECKPOINT, MOST) if pushed is None else pushed.note
    checkpoint = read_checkpoint(note, mirror.log)
    count = weigh(mirror.position, checkpoint, now)
    if count == 0 and checkpoint.time == mirror.position.time:
        return Round(None)
    first = mirror.position.edge.size
    if pushed is not None and 0 < count <= len(pushed.files):
        files: Sequence[bytes] = pushed.files[-count:]
    elif count <= MOST_AT_ONCE:
        files = [await fetch(path_of(n), MOST_PACKED) for n in range(first, first + count)]
    else:
        files = await _backlog(mirror.folder, fetch, range(first, first + count))
    try:
        # A long backlog takes a while to verify, and queries may be answered on this loop.
        taken = await asyncio.to_thread(take, mirror.position, checkpoint, files, now)
    except Refused:
        if isinstance(files, SegmentFiles):
            await asyncio.to_thread(_forget, mirror.folder, range(first, first + count))
        raise
    return Round(taken, note, () if isinstance(files, SegmentFiles) else tuple(files))


async def _backlog(folder: Path, fetch: Fetch, numbers: range) -> SegmentFiles:
    """Fetch many segments onto the disk, one in memory at a time. No checkpoint names them yet, so
    they count for nothing until they are verified; those that an earlier try has left are not
    fetched again.
    """
    for number in numbers:
        path = folder / path_of(number)
        if not path.exists():
            file = await fetch(path_of(number), MOST_PACKED)
            await asyncio.to_thread(_lay, path, file)
    return SegmentFiles(folder, numbers.start, numbers.stop)


def _lay(path: Path, file: bytes) -> None:
    make_directory(path.parent)
    write_atomically(path, file)


def _forget(folder: Path, numbers: range) -> None:
    for number in numbers:
        (folder / path_of(number)).unlink(missing_ok=True)
