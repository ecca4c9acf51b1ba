"""Telling a person who waits what is being measured, and taking turns with others who measure."""

import contextlib
import fcntl
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

QUIET_SECONDS = 60.0


def how(target: str, module: str, arguments: Sequence[str]) -> str:
    """Return the command that measures again: `make` with `target`, or `module` with what was
    asked of it.
    """
    words = list(arguments)
    if "--lock" in words:  # where it lies is nobody's business
        at = words.index("--lock")
        del words[at : at + 2]
    return f"python -m {module} {' '.join(words)}" if words else f"make {target}"


def say(what: str) -> None:
    """Say what is done now, on a line of its own."""
    print(f"bench: {what}", file=sys.stderr, flush=True)


@dataclass(slots=True)
class Progress:
    """Steps of a known number: a line that renews itself on a terminal, one a minute elsewhere."""

    what: str
    total: int
    done: int = 0
    started: float = field(default_factory=time.monotonic)
    told: float = field(default_factory=time.monotonic)

    def step(self, now: str) -> None:
        """Tell that `now` is begun."""
        if sys.stderr.isatty():
            passed = time.monotonic() - self.started
            left = passed / self.done * (self.total - self.done) if self.done else 0.0
            filled = 24 * self.done // max(self.total, 1)
            bar = "█" * filled + "░" * (24 - filled)
            time_left = f" {left // 60:.0f}:{left % 60:02.0f} left" if self.done else ""
            print(
                f"\r\x1b[K{self.what} {bar} {now}{time_left}", end="", file=sys.stderr, flush=True
            )
        elif time.monotonic() - self.told > QUIET_SECONDS:
            self.told = time.monotonic()
            say(f"{self.what}, {self.done} of {self.total}: {now}")
        self.done += 1

    def end(self) -> None:
        """Leave the line empty."""
        if sys.stderr.isatty():
            print("\r\x1b[K", end="", file=sys.stderr, flush=True)


@contextlib.contextmanager
def turn(lock: Path | None) -> Iterator[None]:
    """Measure while nobody else does who takes this lock file; None: without asking."""
    if lock is None:
        yield
        return
    with lock.open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        yield
