"""What the collector asks for, as the collector wants it: callables and the shapes they return.

The application wires them to engine, upstream, lists and report; this floor imports none of them.
All are called at a scrape, on the event loop, and must only read numbers.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Protocol


class ListState(Protocol):
    """One configured list."""

    @property
    def name(self) -> str:
        """Its configured name."""
        ...

    @property
    def rules(self) -> int:
        """Rules in force."""
        ...

    @property
    def refused(self) -> Mapping[str, int]:
        """Lines refused by code."""
        ...

    @property
    def fetched_at(self) -> float | None:
        """Unix time; None: never."""
        ...

    @property
    def problem(self) -> str | None:
        """Why the last update was held or failed."""
        ...


class ReportState(Protocol):
    """The report's writers together."""

    @property
    def written(self) -> int:
        """Rows written."""
        ...

    @property
    def dropped(self) -> int:
        """Rows lost."""
        ...

    @property
    def waiting(self) -> int:
        """Rows in memory."""
        ...

    @property
    def problem(self) -> str | None:
        """Why nothing can be written."""
        ...


@dataclass(frozen=True, slots=True)
class ServerState:
    """One upstream server. `latency` holds (upper bound in seconds, answers at or below it),
    bounds ascending; `answers` counts all of them and took `seconds` together.
    """

    name: str
    queries: int
    failures: Mapping[str, int]
    spoofed: int
    latency: tuple[tuple[float, int], ...]
    answers: int
    seconds: float


@dataclass(frozen=True, slots=True)
class NodeState:
    """The daemon itself. Times are Unix times."""

    version: str
    started: float
    ready: bool
    rules_since: float | None
    filtering: Mapping[str, bool]  # group -> is it filtered now


@dataclass(frozen=True, slots=True)
class Sources:
    """Whom to ask.

    `engine` returns what `Engine.stats()` says, as parsed JSON; `hits` yields (list, category,
    decisions) for every class of rule.
    """

    engine: Callable[[], Mapping[str, object]]
    hits: Callable[[], Iterable[tuple[str | None, str | None, int]]]
    upstream: Callable[[], Iterable[ServerState]]
    lists: Callable[[], Iterable[ListState]]
    report: Callable[[], ReportState]
    node: Callable[[], NodeState]
    now: Callable[[], float]
