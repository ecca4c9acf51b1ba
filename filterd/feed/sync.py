"""One round of following: fetch, verify, keep. What fetches is handed in."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from filterd.feed.checkpoint import MOST
from filterd.feed.checkpoint import PATH as CHECKPOINT
from filterd.feed.events import Pushed
from filterd.feed.follow import Taken, read_checkpoint, take, weigh
from filterd.feed.mirror import Mirror
from filterd.feed.segment import MOST_PACKED, path_of

# (path in the feed, most bytes) -> the file. Raises Refused (TOO_LARGE), or OSError.
Fetch = Callable[[str, int], Awaitable[bytes]]


@dataclass(frozen=True, slots=True)
class Round:
    """What a round brought; `files` and `note` are what to keep. `taken` None: nothing is new."""

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
        files = list(pushed.files[-count:])
    else:
        files = [await fetch(path_of(n), MOST_PACKED) for n in range(first, first + count)]
    # A long backlog takes a while to verify, and queries may be answered on this loop.
    taken = await asyncio.to_thread(take, mirror.position, checkpoint, files, now)
    return Round(taken, note, tuple(files))
