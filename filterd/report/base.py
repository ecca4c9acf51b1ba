"""What a report sink is. A new one is a file here, its test, and a line in `registry.py`.

A sink writes rows somewhere and may fail; `writer.py` gives every sink its buffer, its thread,
retries and the alarm, so a sink is straight code that raises `SinkError`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from filterd.model.errors import FilterdError
from filterd.report.privacy import Row


class SinkError(FilterdError):
    """Rows could not be written; the text says why and what to do. They may be offered again."""


class Sink(Protocol):
    """Called from one thread only."""

    def write(self, rows: Sequence[Row], now: float) -> None:
        """Write all rows or none. `now` is Unix time. Raises SinkError."""
        ...

    def tidy(self, now: float) -> None:
        """Do what is due from time to time, such as retention. Raises SinkError."""
        ...

    def close(self) -> None:
        """Let go of files; the sink opens them again if written to. Never raises."""
        ...


@dataclass(frozen=True, slots=True)
class ReportStatus:
    """How a sink is doing; `problem` is None or words for an operator."""

    written: int
    dropped: int
    waiting: int
    problem: str | None
