"""A progress bar on stderr for long work; nothing at all where stderr is no terminal."""

import sys
import time
from collections.abc import Callable
from types import TracebackType
from typing import Self, TextIO

WIDTH = 28
EVERY = 0.1  # seconds between redraws


class Progress:
    """Use as a context: `with Progress("compiling", total) as bar: bar.advance(n)`."""

    def __init__(
        self,
        title: str,
        total: int | None = None,
        stream: TextIO | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.title = title
        self.total = total
        self.done = 0
        self._stream = stream or sys.stderr
        self._clock = clock
        self._drawn = float("-inf")
        self._on = self._stream.isatty()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._on:
            self._stream.write("\r\x1b[K")
            self._stream.flush()

    def advance(self, amount: int = 1) -> None:
        """Count `amount` more units done."""
        self.at(self.done + amount, self.total)

    def at(self, done: int, total: int | None = None, title: str | None = None) -> None:
        """Say where the work stands."""
        self.done = done
        self.total = total if total is not None else self.total
        self.title = title or self.title
        now = self._clock()
        if self._on and now - self._drawn >= EVERY:
            self._drawn = now
            self._stream.write(f"\r\x1b[K{self._line()}")
            self._stream.flush()

    def _line(self) -> str:
        if not self.total:
            return f"{self.title} {self.done:,}"
        share = min(1.0, self.done / self.total)
        full = round(share * WIDTH)
        return f"{self.title} [{'#' * full}{'.' * (WIDTH - full)}] {share:4.0%}"
