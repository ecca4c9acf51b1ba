"""Moving files so that they are whole wherever they are, and the one right to change them."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filterd.model.durable import sync_directory
from filterd.model.errors import RulesError


def move_durably(source: Path, target: Path) -> None:
    """Move a finished file on the same file system; it is on disk before it has its name."""
    descriptor = os.open(source, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    source.replace(target)
    sync_directory(target.parent)


@contextmanager
def locked(state_dir: Path) -> Iterator[None]:
    """Hold the one right to change lists and indexes under `state_dir`; a kill frees it.

    Raises:
        RulesError: another process has it.
    """
    state_dir.mkdir(parents=True, exist_ok=True)
    with (state_dir / "rules.lock").open("wb") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise RulesError(
                "the lists are being changed by another filterd; try again in a moment"
            ) from None
        yield
