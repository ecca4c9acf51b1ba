"""The newest of the feed, as this process has seen it, and what a subscriber is told of it.

Whoever publishes, this process or another, replaces the checkpoint last; so looking at that one
file is enough, and hub processes need not know of each other. Nothing is verified here: the folder
is our own, and every node verifies for itself.
"""

import base64
import json
import logging
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from filterd.feed import checkpoint as checkpoints
from filterd.feed.checkpoint import read_text, split_note
from filterd.feed.refusal import Refused
from filterd.feed.segment import path_of

logger = logging.getLogger(__name__)

MOST_SEGMENTS = 64  # in one event
MOST_BYTES = 64 * 2**10  # of their files together
Stamp = tuple[int, int, int]


@dataclass(frozen=True, slots=True)
class Newest:
    """A checkpoint and the files of the segments before it, as far as events may carry them."""

    size: int = 0
    note: bytes = b""
    segments: Mapping[int, bytes] = field(default_factory=dict)

    def event(self, since: int | None) -> bytes:
        """Return the event for who has `since` segments; None: who has not said."""
        files: list[bytes] = []
        if since is not None and 0 <= self.size - since <= MOST_SEGMENTS:
            found = [self.segments.get(number) for number in range(since, self.size)]
            files = [each for each in found if each is not None]
            if len(files) < len(found) or sum(map(len, files)) > MOST_BYTES:
                files = []
        data = {
            "checkpoint": self.note.decode(),
            "segments": [base64.b64encode(each).decode() for each in files],
        }
        line = json.dumps(data, separators=(",", ":"), ensure_ascii=False)
        return f"id: {self.size}\nevent: checkpoint\ndata: {line}\n\n".encode()


def stamp_of(folder: Path) -> Stamp | None:
    """Return what changes with the checkpoint in `folder`; None: there is none yet."""
    try:
        found = (folder / checkpoints.PATH).stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_ino, found.st_size


def read_newest(folder: Path, before: Newest) -> Newest:
    """Return what is in `folder` now; `before` where that cannot be read, which is logged."""
    try:
        note = (folder / checkpoints.PATH).read_bytes()
        size = read_text(split_note(note)[0]).size
        return Newest(size, note, _recent(folder, size, before))
    except (OSError, Refused) as error:
        logger.warning("%s: the checkpoint cannot be read, the one before stays: %s", folder, error)
        return before


def _recent(folder: Path, size: int, before: Newest) -> dict[int, bytes]:
    """Return the newest segments, from the end back until no event could carry more."""
    found: dict[int, bytes] = {}
    room = MOST_BYTES
    for number in range(size - 1, max(0, size - MOST_SEGMENTS) - 1, -1):
        file = before.segments.get(number) if size >= before.size else None
        if file is None:
            path = folder / path_of(number)
            if path.stat().st_size > room:
                break
            file = path.read_bytes()
        room -= len(file)
        if room < 0:
            break
        found[number] = file
    return found
