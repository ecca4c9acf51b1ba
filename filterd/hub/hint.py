"""Which trust root the feed's folder gives out, as a word that changes when nodes should look.

What it is made of is said by `filterd/feed/hint.py`. Nothing is verified here: a hint is not
believed by anybody.
"""

import json
import logging
from dataclasses import dataclass, replace
from pathlib import Path

from tuf.api.metadata import Metadata, Snapshot, Timestamp
from tuf.api.serialization import DeserializationError

from filterd.feed.events import TRUST
from filterd.feed.hint import word
from filterd.feed.trust import METADATA

logger = logging.getLogger(__name__)
Stamp = tuple[int, int, int]
# The last two: one kind of metadata under the name of another.
_DAMAGE = (OSError, DeserializationError, KeyError, AttributeError)


@dataclass(frozen=True, slots=True)
class Hint:
    """The versions that the folder gives out, 0: none; `stamp` changes with its timestamp."""

    root: int = 0
    targets: int = 0
    stamp: Stamp | None = None

    @property
    def text(self) -> str:
        """What nodes are told; empty: there is no trust root yet."""
        return word(self.root, self.targets) if self.targets else ""

    def event(self) -> bytes:
        """Return the event. It has no id: that of the stream is the size of the log."""
        line = json.dumps({"trust": self.text}, separators=(",", ":"))
        return f"event: {TRUST}\ndata: {line}\n\n".encode()


def read_hint(folder: Path, before: Hint) -> Hint:
    """Return what is in `folder` now; what cannot be read stays as `before`, which is logged.

    A new root counts at once, as it does for nodes; all else once the timestamp leads to it, which
    is replaced last.
    """
    found, timestamp = before, folder / METADATA / "timestamp.json"
    try:
        while (folder / METADATA / f"{found.root + 1}.root.json").exists():
            found = replace(found, root=found.root + 1)
        stamp = _stamp_of(timestamp)
        if stamp in {None, before.stamp}:
            return found
        found = replace(found, stamp=stamp)  # what is damaged is said once
        version = (
            Metadata[Timestamp].from_bytes(timestamp.read_bytes()).signed.snapshot_meta.version
        )
        snapshot = folder / METADATA / f"{version}.snapshot.json"
        said = Metadata[Snapshot].from_bytes(snapshot.read_bytes()).signed.meta
        return replace(found, targets=said["targets.json"].version)
    except _DAMAGE as error:
        logger.warning("%s: the trust root cannot be read, nodes are not told: %s", folder, error)
        return found


def _stamp_of(path: Path) -> Stamp | None:
    try:
        found = path.stat()
    except FileNotFoundError:
        return None
    return found.st_mtime_ns, found.st_ino, found.st_size
