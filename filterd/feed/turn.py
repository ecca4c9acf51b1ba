"""Whose turn it is to write to a feed: one process at a time, whoever it is.

The system gives the turn back when a process ends, however it ends.
"""

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

LOCK = "publishing.lock"  # in a feed; never served


@contextmanager
def turn(feed: Path) -> Iterator[None]:
    """Wait until nobody else writes to `feed`; nobody else will until the end. OSError."""
    with (feed / LOCK).open("ab") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
