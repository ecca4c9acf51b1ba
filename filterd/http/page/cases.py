"""Where a worker leaves cases for the daemon's side: lines at the end of one bounded file.

Whoever reads takes the file away under the same lock (`report/cases.py`), so no line is lost
between two processes and none is read twice. A full box refuses; it never drops what it has.
"""

import fcntl
import logging
import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from filterd.model.case import Case, to_line

logger = logging.getLogger(__name__)
BOX = "cases.jsonl"
LOCK = "cases.lock"
MOST = 262_144  # bytes
_TRIES = 20
_PAUSE = 0.002  # seconds; a worker has other pages to answer


@dataclass(frozen=True, slots=True)
class Box:
    """The box of cases in the hand-over folder."""

    folder: Path
    most: int = MOST
    wait: Callable[[float], None] = time.sleep

    def put(self, case: Case) -> bool:
        """Add a case; False: the box is full or cannot be written, and nothing was added."""
        line = to_line(case)
        try:
            with (self.folder / LOCK).open("ab") as lock:
                self._turn(lock.fileno())
                return self._append(line)
        except OSError as error:
            logger.warning("a case could not be kept: %s", error.strerror)
            return False

    def _turn(self, lock: int) -> None:
        """Wait for the lock, which everyone holds for microseconds; BlockingIOError: too long."""
        for _ in range(_TRIES):
            try:
                return fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                self.wait(_PAUSE)
        return fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)

    def _append(self, line: bytes) -> bool:
        flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW | os.O_CLOEXEC
        file = os.open(self.folder / BOX, flags, 0o640)
        try:
            before = os.fstat(file).st_size
            if before + len(line) > self.most:
                return False
            if os.write(file, line) < len(line):  # a full disk may take a part
                os.ftruncate(file, before)
                return False
            return True
        finally:
            os.close(file)
