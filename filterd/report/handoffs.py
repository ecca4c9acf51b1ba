"""Hand-offs, the daemon's side: list, count, expire. Who may is said by the spool's mode."""

import fcntl
import os
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from filterd.model.durable import write_atomically
from filterd.model.handoff import FILE, HandOff, handoff_line, read_handoff

FOLDER = Path("http") / "handoffs"  # in the state directory
LARGEST = 64 * 2**20  # bytes of a spool that is read
KEPT = 365 * 86_400  # seconds that hand-offs are kept, unless said otherwise


@dataclass(frozen=True, slots=True)
class Told:
    """What a spool holds, oldest first, and how many of its lines do not read."""

    handoffs: tuple[HandOff, ...]
    damaged: int


def list_handoffs(folder: Path) -> Told:
    """Return all hand-offs in `folder`; none where nothing was ever handed off.

    Raises:
        OSError: it may not or cannot be read.
    """
    with _locked(folder) as there:
        return _read(folder / FILE) if there else Told((), 0)


def count_handoffs(folder: Path) -> Counter[str]:
    """Return how many hand-offs each set has. OSError, as above."""
    return Counter(each.set for each in list_handoffs(folder).handoffs)


def expire_handoffs(folder: Path, before: int) -> int:
    """Remove hand-offs from before `before` (unix seconds), and return how many went. Lines that do
    not read go too. OSError: nothing has changed.
    """
    with _locked(folder) as there:
        if not there:
            return 0
        told = _read(folder / FILE)
        kept = [each for each in told.handoffs if each.at >= before]
        if len(kept) == len(told.handoffs) and not told.damaged:
            return 0
        (folder / f"{FILE}.new").touch(mode=0o600)
        write_atomically(folder / FILE, b"".join(map(handoff_line, kept)))
        return len(told.handoffs) - len(kept)


@contextmanager
def _locked(folder: Path) -> Iterator[bool]:
    """Keep writers out; False: there is no spool."""
    try:
        held = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    except FileNotFoundError:
        yield False
        return
    try:
        fcntl.flock(held, fcntl.LOCK_EX)
        yield (folder / FILE).exists()
    finally:
        os.close(held)


def _read(path: Path) -> Told:
    found: list[HandOff] = []
    damaged = 0
    with path.open("rb") as source:
        for line in source.read(LARGEST).split(b"\n"):
            if not line:
                continue
            try:
                found.append(read_handoff(line))
            except ValueError:
                damaged += 1
    return Told(tuple(sorted(found, key=lambda each: (each.at, each.reference))), damaged)
