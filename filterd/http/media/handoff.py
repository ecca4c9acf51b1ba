"""Writing hand-offs: one line of a spool per hit, on disk when `write` returns.

The spool is one file of at most `MOST` bytes, mode 0600, in a folder of its own, mode 0700; several
workers append to it under a lock, and the daemon's side (filterd/report/handoffs.py) reads it. When
there is no room the hit is still blocked and counted, and that its record was lost is counted too.
The same entry on the same host within the same five minutes is one record.
"""

import fcntl
import logging
import os
from collections import Counter, OrderedDict
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from threading import Lock

from filterd.http.media.sets import Hit
from filterd.model.durable import make_directory, sync_directory
from filterd.model.handoff import FILE, SLOT, HandOff, handoff_line, host_name, is_word

logger = logging.getLogger(__name__)
MOST = 4 * 2**20  # bytes of the spool: some 15,000 hits
REMEMBERED = 1024  # hits that are not written twice
_LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"


class HandOffs:
    """Records of hits in `folder`. `chance` gives as many random bytes as asked for. Thread-safe.

    Counts, in `counts`: "hit" (each), "written", "lost".

    Raises:
        OSError: the folder cannot be made.
        ValueError: `node` may not stand in a hand-off.
    """

    def __init__(
        self, folder: Path, node: str, chance: Callable[[int], bytes], most: int = MOST
    ) -> None:
        if not is_word(node):
            raise ValueError("a node's name is a word of letters, digits, - and _, 64 at most")
        make_directory(folder)
        folder.chmod(0o700)
        self._path = folder / FILE
        self._node, self._chance, self._most = node, chance, most
        self._lock = Lock()
        self._recent: OrderedDict[tuple[str, str, str, int], str] = OrderedDict()
        self.counts: Counter[str] = Counter()

    def write(self, hit: Hit, host: str, now: float) -> str:
        """Record a hit on `host` (a name or an address, without a port) at `now`, unix seconds, and
        return its reference number. Never raises.
        """
        at, name = int(now) // SLOT * SLOT, host_name(host)
        key = (hit.set, hit.entry, name, at)
        with self._lock:
            self.counts["hit"] += 1
            if key in self._recent:
                return self._recent[key]
            one = HandOff(
                reference=self._reference(at),
                at=at,
                node=self._node,
                host=name,
                set=hit.set,
                entry=hit.entry,
                epoch=hit.epoch,
                distance=hit.distance,
            )
            self._recent[key] = one.reference
            if len(self._recent) > REMEMBERED:
                self._recent.popitem(last=False)
            try:
                self._append(handoff_line(one))
            except OSError as error:
                del self._recent[key]  # the next one tries again
                self.counts["lost"] += 1
                logger.error(  # noqa: TRY400 - what is on disk has no traceback
                    "media: hand-off %s could not be written: %s; the hit itself was dealt with",
                    one.reference,
                    error.strerror or error,
                )
            else:
                self.counts["written"] += 1
            return one.reference

    def _reference(self, at: int) -> str:
        day = datetime.fromtimestamp(at, UTC)
        return f"HO-{day:%Y%m%d}-" + "".join(_LETTERS[b % 32] for b in self._chance(10))

    def _append(self, line: bytes) -> None:
        """Append `line` as a whole, or nothing. OSError."""
        folder = os.open(self._path.parent, os.O_RDONLY | os.O_DIRECTORY)
        try:
            fcntl.flock(folder, fcntl.LOCK_EX)  # the daemon replaces the file under the same lock
            new = not self._path.exists()
            flags = os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
            spool = os.open(self._path, flags, 0o600)
            try:
                self._append_to(spool, line)
            finally:
                os.close(spool)
            if new:
                sync_directory(self._path.parent)
        finally:
            os.close(folder)

    def _append_to(self, spool: int, line: bytes) -> None:
        size = os.fstat(spool).st_size
        if size and os.pread(spool, 1, size - 1) != b"\n":
            line = b"\n" + line  # a power cut left half a line: it stays alone
        if size + len(line) > self._most:
            raise OSError(0, "the spool is full; export and expire what it holds")
        if os.write(spool, line) != len(line):
            os.ftruncate(spool, size)
            raise OSError(0, "no room on the disk")
        os.fsync(spool)
