"""What workers of the HTTP filter told the daemon: what was learned, for the others; hosts, for age
labels; counts, for metrics. In memory alone, and bounded, whatever a worker says.

A worker reads hostile input all day, so a row that is not what it should be is left out, and words
that count are of a shape. The worst that one can do here is to have other workers splice what
they would inspect.
"""

import ipaddress
import logging
import math
import re
from collections import Counter, OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from typing import Any

from filterd.app.site_labels import SiteLabels
from filterd.http.exchange import AT_ONCE, TRIED
from filterd.http.never import LEARNED_SECONDS, MOST_LEARNED
from filterd.model.errors import ControlError, InvalidName
from filterd.model.name import ascii_name

logger = logging.getLogger(__name__)
MOST_WORKERS = 256  # whose last number is known
MOST_WORDS = 1_000
AWAY = 10.0  # seconds after which a worker that says nothing is none
SAME = 5.0  # seconds by which two ends of the same learned name may differ
_WORKER = re.compile(r"[0-9a-f]{8,64}")
_PART = r"[a-z][a-z_-]{0,39}"
_WORD = re.compile(
    rf"(?:connections|requests|tunnels|pages)\.{_PART}\.{_PART}|(?:exchange|media)\.{_PART}"
)
Pin = tuple[str, str]  # client, host


@dataclass(slots=True)
class Heard:
    """The last call of a worker. `steady`: when."""

    number: int
    steady: float
    generation: int


@dataclass(slots=True)
class Pinnings:
    """What workers learned. Each change has a number, by which a worker asks for what is new."""

    sequence: int = 0
    _rows: OrderedDict[Pin, tuple[int, float, str]] = field(default_factory=OrderedDict)

    def __len__(self) -> int:
        return len(self._rows)

    def add(self, pin: Pin, until: float, worker: str) -> bool:
        """Keep what `worker` learned; whether it was news."""
        known = self._rows.get(pin)
        if known is not None and known[1] >= until - SAME:
            return False
        self._rows.pop(pin, None)
        self.sequence += 1
        self._rows[pin] = (self.sequence, until, worker)
        if len(self._rows) > MOST_LEARNED:
            self._rows.popitem(last=False)
        return True

    def since(self, known: int, worker: str, steady: float) -> tuple[list[list[Any]], int]:
        """Return [client, host, seconds left] of what came after `known` and not from `worker`, the
        oldest first, and the number up to which that is all.
        """
        newer: list[tuple[int, float, str, Pin]] = []
        for pin, (number, until, by) in reversed(self._rows.items()):
            if number <= known:
                break
            newer.append((number, until, by, pin))
        newer = newer[::-1][:AT_ONCE]
        rows = [
            [*pin, until - steady] for _, until, by, pin in newer if by != worker and until > steady
        ]
        return rows, newer[-1][0] if newer else self.sequence

    def forget(self, steady: float) -> None:
        """Forget what has ended."""
        for pin in [pin for pin, (_, until, _) in self._rows.items() if until <= steady]:
            del self._rows[pin]


@dataclass(frozen=True, slots=True)
class Call:
    """One call of a worker; see `exchange.Exchange.tell`. Rows are not looked at yet."""

    worker: str
    number: int
    counts: Mapping[Any, Any]
    pinned: list[Any]
    seen: list[Any]
    generation: int
    epoch: str
    known: int


class HttpTold:
    """Takes calls of workers. `epoch`: a word of this daemon's life; `steady`: seconds of a clock
    that nobody sets; `generation`: of the rules in force.
    """

    def __init__(
        self, epoch: str, steady: Callable[[], float], generation: Callable[[], int]
    ) -> None:
        self._epoch = epoch
        self._steady = steady
        self._generation = generation
        self._pinnings = Pinnings()
        self._workers: OrderedDict[str, Heard] = OrderedDict()
        self.counts: Counter[str] = Counter()
        self._tried: Counter[tuple[str, str]] = Counter()  # by group and signal
        self.sites: SiteLabels | None = None  # see http_labels.py

    def take(self, told: Mapping[str, Any]) -> dict[str, Any]:
        """Take one call and return its answer.

        Raises:
            ControlError: it is not what a worker tells; nothing of it was taken.
        """
        call = _read(told)
        steady = self._steady()
        heard = self._workers.pop(call.worker, None)
        if heard is None or call.number > heard.number:
            self._count(call.counts)
        self._workers[call.worker] = Heard(call.number, steady, call.generation)
        while len(self._workers) > MOST_WORKERS:
            self._workers.popitem(last=False)
        self._learn(call.pinned, call.worker, steady)
        self._see(call.seen)
        # One who knows another daemon's numbers knows none of ours.
        known = call.known if call.epoch == self._epoch else 0
        rows, sequence = self._pinnings.since(known, call.worker, steady)
        return {
            "epoch": self._epoch,
            "sequence": sequence,
            "pinned": rows,
            "more": sequence < self._pinnings.sequence,
            "labels": 0 if self.sites is None else self.sites.generation,
        }

    def numbers(self) -> dict[str, Any]:
        """Return what metrics tell: counts by their words, and how the workers stand."""
        steady = self._steady()
        self._pinnings.forget(steady)
        here = [each for each in self._workers.values() if steady - each.steady < AWAY]
        told: dict[str, Any] = {
            "workers": len(here),
            "behind": sum(each.generation != self._generation() for each in here),
            "learned": len(self._pinnings),
        }
        for word, number in self.counts.items():
            *path, last = word.split(".")
            at = told
            for step in path:
                at = at.setdefault(step, {})
            at[last] = number
        if self.sites is not None:
            told["sites"] = self.sites.numbers()
        return told

    def take_tried(self) -> Counter[tuple[str, str]]:
        """Return what workers saw of going round the filter since the last call, by group and
        signal; either may be a word that means nothing.
        """
        tried, self._tried = self._tried, Counter()
        return tried

    def _count(self, counts: Mapping[Any, Any]) -> None:
        for word, number in counts.items():
            what, _, rest = str(word).partition(".")
            if what == TRIED and type(number) is int and 0 < number < 2**31:
                signal, _, group = rest.partition(".")
                if (group, signal) in self._tried or len(self._tried) < MOST_WORDS:
                    self._tried[group, signal] += number
                continue
            if type(number) is not int or not 0 < number < 2**53 or not _WORD.fullmatch(word):
                self.counts["exchange.bad"] += 1
            elif word in self.counts or len(self.counts) < MOST_WORDS:
                self.counts[word] += number

    def _learn(self, rows: Any, worker: str, steady: float) -> None:
        for row in rows:
            try:
                client, host, left = str(ipaddress.ip_address(row[0])), ascii_name(row[1]), row[2]
                until = steady + min(float(left), LEARNED_SECONDS)
            except (InvalidName, ValueError, TypeError, LookupError, AttributeError) as error:
                self._bad(error)
                continue
            if host and math.isfinite(until) and until > steady:
                self.counts["exchange.pinned"] += self._pinnings.add((client, host), until, worker)

    def _see(self, rows: Any) -> None:
        if self.sites is None:
            return
        for row in rows:
            try:
                host, labelled = ascii_name(row[0]), row[1] is True
            except (InvalidName, TypeError, LookupError, AttributeError) as error:
                self._bad(error)
                continue
            self.sites.see(host, labelled=labelled)

    def _bad(self, error: Exception) -> None:
        logger.debug("a row of a worker is left out: %s", error)
        self.counts["exchange.bad"] += 1


def _read(told: Mapping[str, Any]) -> Call:
    try:
        call = Call(**told)
    except TypeError as error:
        raise ControlError(f"not what a worker tells: {error}") from error
    whole = all(
        type(getattr(call, each.name)) is each.type
        for each in fields(Call)
        if each.type in (str, int)
    ) and (isinstance(call.counts, dict) and isinstance(call.pinned, list))
    if not (whole and isinstance(call.seen, list) and _WORKER.fullmatch(call.worker)):
        raise ControlError("not what a worker tells: a field of another kind")
    if max(len(call.pinned), len(call.seen), len(call.counts)) > AT_ONCE:
        raise ControlError(f"more than {AT_ONCE} rows at once")
    return call
