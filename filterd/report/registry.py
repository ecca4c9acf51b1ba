"""The report sinks there are. Configuration names one by `name`."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from filterd.report.base import Sink
from filterd.report.jsonl import JsonLinesSink
from filterd.report.store import Retention, SqliteSink


@dataclass(frozen=True, slots=True)
class SinkKind:
    """A kind of sink; `make` opens nothing yet."""

    name: str
    title: str
    make: Callable[[Path, Retention], Sink]


SINKS: tuple[SinkKind, ...] = (
    SinkKind("sqlite", "a local database, read by `filterd log`", SqliteSink),
    SinkKind(
        "jsonl", "JSON lines in a file or on standard output", lambda path, _: JsonLinesSink(path)
    ),
)
