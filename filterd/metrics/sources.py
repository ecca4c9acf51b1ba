"""What the collector asks for, as the collector wants it: callables and the shapes they return.

The application wires them to engine, upstream, lists and report; this floor imports none of them.
All are called at a scrape, on the event loop, and must only read numbers.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol


class ListState(Protocol):
    """One configured list."""

    @property
    def name(self) -> str:
        """Its configured name."""
        ...

    @property
    def entries(self) -> int:
        """Rules in use."""
        ...

    @property
    def refused(self) -> Sequence[tuple[str, int]]:
        """Lines refused, by code."""
        ...

    @property
    def age(self) -> float | None:
        """Seconds since it was known to be the newest; None: there is none in use."""
        ...

    @property
    def state(self) -> str:
        """The word "ok", or one for what is wrong."""
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
class NodeState:
    """The daemon itself. Times are Unix times."""

    version: str
    started: float
    ready: bool
    rules_since: float | None
    filtering: Mapping[str, bool]  # group -> is it filtered now
    disk: tuple[int, int] | None = None  # bytes free and in all, where the state is kept


@dataclass(frozen=True, slots=True)
class Sources:
    """Whom to ask.

    `engine` returns what `Engine.stats()` says, parsed, and `doors` what `Engine.doors()` does,
    as a mapping, with the `connections` of the TCP doors and how many were `refused`; `hits`
    yields (list, category, decisions), see `hits.HitTotals`; `groups` (group, verdict, decisions),
    see `groups.GroupTotals`; `upstream` returns what
    `Resolver.stats()` does; `now` is Unix time; `feed` returns what `app/feed_state.py` says,
    nothing without a feed; `who` what `app/who_is_who.py` says; `hub` what `app/reporting.py` says,
    nothing without a hub; `http` what `app/http_told.py` says, None where there is no HTTP filter;
    `bypass` what `app/bypassing.py` says; `gateway` what `app/gating.py` saw of the firewall,
    nothing where this is no gateway, which a reload may change.
    """

    engine: Callable[[], Mapping[str, object]]
    doors: Callable[[], Mapping[str, object]]
    hits: Callable[[], Iterable[tuple[str | None, str | None, int]]]
    upstream: Callable[[], Mapping[str, object]]
    lists: Callable[[], Iterable[ListState]]
    report: Callable[[], ReportState]
    node: Callable[[], NodeState]
    now: Callable[[], float]
    feed: Callable[[], Mapping[str, object]] = dict
    hub: Callable[[], Mapping[str, object]] = dict
    who: Callable[[], Mapping[str, object]] = dict
    groups: Callable[[], Iterable[tuple[str, str, int]]] = tuple
    http: Callable[[], Mapping[str, object]] | None = None
    bypass: Callable[[], Mapping[str, object]] = dict
    gateway: Callable[[], Mapping[str, object]] = dict
