"""A node: what answers, and what is in force. Opening and closing it is `life.py`."""

import logging
import time
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Any, Protocol

from filterd.app.gatehouse import Gatehouse
from filterd.app.observing import counts_of, events_of
from filterd.app.paths import Paths
from filterd.app.ruling import Ruling
from filterd.app.spoken import Spoken
from filterd.config.schema import Config
from filterd.engine.engine import Engine
from filterd.metrics.groups import SLOT, GroupTotals
from filterd.model.group import RuleBook
from filterd.policy.classes import ClassTable, RuleClass, source_of
from filterd.report.recorder import Recorder
from filterd.upstream.resolver import Resolver

if TYPE_CHECKING:
    from filterd.app.bypassing import Bypassing
    from filterd.app.feed_state import Feed
    from filterd.app.http_told import HttpTold
    from filterd.app.who_is_who import WhoIsWho
    from filterd.core import Proxies
    from filterd.lists.status import ListStatus

logger = logging.getLogger(__name__)
EARLIER = 64  # generations whose counts the core may still tell
EVENTS = 5000  # taken from the core at once
DRAINING = "stopping: clients are still answered, and should go elsewhere"
SAMPLE = 64  # one answer in so many says what an order would hit, and what no rule knows
Sampled = tuple[str, int, bool]
Meaning = tuple[int, tuple[ClassTable, ...]]  # a generation, and what its numbers mean


class Reports(Protocol):
    """What goes to the ministry's hub; see `reporting.py`. All of it may wait for the disk."""

    def take_counts(self, rows: Iterable[Sequence[Any]]) -> None:
        """Keep rows of `Engine.counts`."""
        ...

    def take_events(self, rows: Iterable[Sequence[Any]]) -> None:
        """Count rows of `Engine.events`."""
        ...

    def leaving(self, now: float) -> list[dict[str, str]]:
        """Return what leaves next."""
        ...

    def status(self) -> dict[str, Any]:
        """Return what `filterd report status` tells."""
        ...

    def numbers(self, now: float) -> dict[str, Any]:
        """Return what metrics tell of it."""
        ...


@dataclass(slots=True)
class Node:
    """One filterd process. Everything in it runs on one event loop."""

    config: Config
    book: RuleBook
    paths: Paths
    config_path: Path | None
    ruling: Ruling
    resolver: Resolver
    engine: Engine
    recorder: Recorder
    started: float
    problems: dict[str, str] = field(default_factory=dict)  # what -> why, for /readyz and status
    lists: "tuple[ListStatus, ...]" = ()  # as last looked at; see tasks.py
    feed: "Feed | None" = None  # see feed_state.py
    reporting: "Reports | None" = None  # see reporting.py
    reports_soon: bool = False  # it is being opened, so what is counted waits in the core
    # Who is told what the core sampled: name, bit of the client today, whether it was blocked.
    sampled: list[Callable[[Sequence[Sampled]], None]] = field(default_factory=list)
    http_told: "HttpTold | None" = None  # see http_told.py
    who: "WhoIsWho | None" = None  # see who_is_who.py
    bypass: "Bypassing | None" = None  # see bypassing.py
    http_events: int = 0  # what the HTTP filter told, and what it had no room for
    http_dropped: int = 0
    groups: GroupTotals = field(default_factory=GroupTotals)  # decisions by group, for metrics
    draining: bool = False  # told to stop; whoever spreads clients is to send them elsewhere
    proxies: "Proxies | None" = None  # who says in front of messages whose they are
    gatehouse: Gatehouse = field(default_factory=Gatehouse)  # see gating.py
    flushing: Lock = field(default_factory=Lock)
    spoken: Spoken = field(init=False)
    # What the numbers of earlier generations meant; not their rulings, which hold a mapped index.
    earlier: deque[Meaning] = field(default_factory=lambda: deque(maxlen=EARLIER))

    def __post_init__(self) -> None:
        self.spoken = Spoken(self.paths.overrides, self.paths.rules)

    @property
    def generation(self) -> int:
        """The number of the ruling in force."""
        return self.ruling.snapshot.generation

    def put_in_force(self, ruling: Ruling) -> None:
        """Swap the ruling for every query from now on."""
        anew = ruling.snapshot.generation != self.generation
        if anew:
            self.earlier.append((self.generation, self.ruling.tables))
        before = self.ruling.inputs.lists
        self.engine.swap(ruling.snapshot)
        self.ruling = ruling
        if before is not None and before is not ruling.inputs.lists:
            # Counts that are not taken yet may hold it for a while; its pages need not wait.
            before.index.set_aside()
        if anew:
            logger.info("rules in force: generation %d", self.generation)

    def names_of(self, generation: int, class_id: int) -> tuple[str | None, str | None] | None:
        """Return list and category of a class of a recent generation."""
        rule = self.class_of(generation, class_id)
        return None if rule is None else (source_of(rule), rule.category)

    def class_of(self, generation: int, class_id: int) -> RuleClass | None:
        """Return a class of a recent generation."""
        for made, tables in ((self.generation, self.ruling.tables), *tuple(self.earlier)):
            if made == generation:
                return _class_at(tables, class_id)
        return None

    def flush_events(self, *, counts: bool = True) -> None:
        """Hand the core's events to the recorder, and its counts or none of them. Runs on a thread
        of its own, so that a second full of blocks makes no answer late; never on two at once.
        """
        with self.flushing:
            if self.reports_soon:
                return
            if counts:
                sample = self.engine.take_sample()
                for take in self.sampled:
                    take(sample)
                counted = self.engine.counts()
                kept = counts_of(counted, self.names_of)
                self.recorder.keep_counts(kept)
                self.groups.add((each.slot, each.group, each.kind.value, each.n) for each in kept)
                if self.reporting is not None:
                    self.reporting.take_counts(counted)
                if self.bypass is not None:
                    self.bypass.take_counts(counted)
            while rows := self.engine.events(EVENTS):
                events = events_of(rows, self.names_of)
                self.recorder.record(events, time.time())
                self.groups.add(
                    (int(each.at // SLOT) * SLOT, each.group, each.kind.value, 1) for each in events
                )
                if self.reporting is not None:
                    self.reporting.take_events(rows)
                if self.bypass is not None:
                    self.bypass.take_events(rows)
            self.recorder.record((), time.time())


def _class_at(tables: Sequence[ClassTable], number: int) -> RuleClass | None:
    """Return the class that the core knows by `number`: those of all tables in a row."""
    for table in tables:
        if number < len(table):
            return table.classes[number]
        number -= len(table)
    return None


def readiness(node: Node) -> list[str]:
    """Return why the node is not ready; nothing: it is."""
    reasons = [f"{what}: {why}" for what, why in sorted(node.problems.items())]
    if node.draining:
        reasons.append(DRAINING)
    if node.config.lists and node.ruling.inputs.lists is None:
        reasons.append("lists: none is compiled yet, only the school's own rules are in force")
    return reasons
