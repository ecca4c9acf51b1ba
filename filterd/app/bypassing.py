"""Signs of going round the filter, put together: counters of the firewall, blocked names, and what
workers of the HTTP filter tell, by group. No client is known in here.
"""

import logging
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from threading import Lock
from typing import Any

from filterd.app.observing import NamesOf
from filterd.app.tallying import counted
from filterd.bypass.book import FILE, Book, BookError
from filterd.bypass.counters import Look, Tried, look_at
from filterd.bypass.names import signal_of_rule
from filterd.bypass.signals import Signal
from filterd.config.schema import Config
from filterd.gateway import live, nft
from filterd.gateway.build import build_plan
from filterd.gateway.nft import GatewayError
from filterd.model.verdict import Kind
from filterd.report.privacy import Level

logger = logging.getLogger(__name__)
SECONDS = 5.0
LATER = 60.0  # seconds until the firewall is tried again that may not be looked at
BOOT = Path("/proc/sys/kernel/random/boot_id")
_SIGNALS = frozenset(each.value for each in Signal)


def wanted(config: Config) -> bool:
    """Say whether anything may be kept at all."""
    return Level(config.privacy.level) is not Level.NONE


def guarded(config: Config) -> frozenset[str]:
    """Return the groups whose signals are counted: those that are kept from going round."""
    return frozenset(name for name, group in config.groups.items() if group.bypass_protection)


def chains_of(config: Config) -> Mapping[str, str]:
    """Return chain -> group of the gateway's table, for groups that are counted."""
    if not config.gateway.on:
        return {}
    of = guarded(config)
    return {each.name: each.group for each in build_plan(config).chains if each.group in of}


def see() -> Look | None:
    """Look at the counters of the gateway's table; None: there is none. GatewayError."""
    items = nft.listed(elements=False)
    if items is None:
        return None
    return look_at(items, live.counts(items), BOOT.read_text(encoding="ascii").strip())


class Bypassing:
    """What a node counts, from its threads. It writes to the book every few seconds.

    Args:
        state: the node's folder.
        config: returns the configuration in force.
        names_of: (generation, class) -> (list, category), see `Node.names_of`.
        look: looks at the counters of the firewall.
        clock: Unix time.
    """

    def __init__(
        self,
        state: Path,
        config: Callable[[], Config],
        names_of: NamesOf,
        look: Callable[[], Look | None] = see,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._config = config
        self._names_of = names_of
        self._see = look
        self._clock = clock
        self._book = Book(state / FILE)
        self._lock = Lock()
        self._tried: Tried = Tried()
        self._totals: Mapping[str, Mapping[str, int]] = {}
        self._next_look = 0.0
        self._problem = ""

    def take_counts(self, rows: Iterable[Sequence[Any]]) -> None:
        """Count blocks of names that say what was tried, from rows of `Engine.counts`."""
        found: Tried = Tried()
        of = guarded(self._config())
        for _slot, kind, _step, class_id, group, pattern, n, generation, _clients in rows:
            if kind != Kind.BLOCK.value or class_id < 0 or group not in of:
                continue
            names = self._names_of(generation, class_id)
            signal = None if names is None else signal_of_rule(pattern or "", *names)
            if signal is not None:
                found[group, signal] += n
        with self._lock:
            self._tried += found

    def take_events(self, rows: Iterable[Sequence[Any]]) -> None:
        """Count rows of `Engine.events`, at levels that keep single queries."""
        self.take_counts(counted(rows, lambda _client, _slot: 0))

    def take_told(self, tried: Mapping[tuple[str, str], int]) -> None:
        """Count what workers of the HTTP filter told; words that mean nothing are left out."""
        of = guarded(self._config())
        with self._lock:
            for (group, signal), number in tried.items():
                if group in of and signal in _SIGNALS:
                    self._tried[group, Signal(signal)] += number

    def numbers(self) -> dict[str, Any]:
        """Return what metrics tell."""
        return {"signals": self._totals}

    def keep(self) -> bool:
        """Write what was counted; whether it could be."""
        with self._lock:
            tried, self._tried = self._tried, Tried()
        try:
            self._book.add(tried, self._clock())
        except BookError as error:
            with self._lock:
                self._tried += tried  # a few numbers; they are written with the next
            self._complain(str(error))
            return False
        return True

    def look(self) -> None:
        """Write what was counted, and what the firewall's counters gained."""
        if not self.keep():
            return
        now = self._clock()
        try:
            self._totals = self._announced()
            if self._config().gateway.on and now >= self._next_look:
                self._book.look(self._see, chains_of(self._config()), now)
                self._totals = self._announced()
                self._problem = ""
        except (BookError, GatewayError, OSError) as error:
            self._next_look = now + LATER
            self._complain(f"{error}; a timer with `filterd bypass look` does it too")

    def _announced(self) -> Mapping[str, Mapping[str, int]]:
        """Return the totals, 0 too: what rises needs a beginning. BookError."""
        totals = self._book.totals()
        nothing = dict.fromkeys(_SIGNALS, 0)
        groups = guarded(self._config()) | totals.keys()
        return {group: nothing | totals.get(group, {}) for group in groups}

    def _complain(self, problem: str) -> None:
        if problem != self._problem:
            logger.warning("bypass: %s", problem)
        self._problem = problem
