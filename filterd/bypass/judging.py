"""Facts of a capture to signals: counts by hour, group and signal. Pure, bounded.

One connection is one signal at most, the one that says most. What depends on what was resolved
before is not judged in the first minutes of a capture, nor where it has no DNS answers at all: a
device may know an address from before.
"""

import math
from collections import Counter, OrderedDict
from collections.abc import Collection, Hashable, Iterable
from dataclasses import dataclass
from typing import TypeVar

from filterd.bypass.capture import Answered, Asked, Began, Fact, Flow, Greeted, Spoke
from filterd.bypass.names import signal_of_hello, signal_of_name, signal_of_unresolved
from filterd.bypass.pcap import BadCapture
from filterd.bypass.places import Places
from filterd.bypass.shapes import TOR_PORTS, signal_of_shape
from filterd.bypass.signals import LEAST, Signal, hour_of
from filterd.bypass.wire import TCP, UDP
from filterd.model.name import parents

SETTLE = 300.0  # seconds
MOST_KNOWN = 200_000  # names, and as many addresses
MOST_WAITING = 16_384  # connections to unknown addresses that have not shown a name yet
MOST_CELLS = 100_000  # hours of groups and signals: many years of a school
T = TypeVar("T", bound=Hashable)


@dataclass(frozen=True, slots=True)
class Finding:
    """Attempts of a group, in hours that had enough of them."""

    group: str
    signal: Signal
    attempts: int


class Judge:
    """Takes facts. `resolvers`: names of public encrypted resolvers, with all under them."""

    def __init__(self, places: Places, resolvers: Collection[str]) -> None:
        self._places = places
        self._resolvers = frozenset(resolvers)
        self._names: OrderedDict[str, None] = OrderedDict()
        self._addresses: OrderedDict[bytes, None] = OrderedDict()
        self._waiting: OrderedDict[Flow, tuple[float, str]] = OrderedDict()  # when, group
        self._tried: Counter[tuple[int, str, Signal]] = Counter()
        self._first = math.inf
        self.last = -math.inf
        self.answers = 0
        self.full = False  # something known was forgotten

    @property
    def seconds(self) -> float:
        """How long the capture is so far."""
        return max(0.0, self.last - self._first) if self.last >= self._first else 0.0

    def passed(self, at: float) -> None:
        """Take the time of a packet."""
        self._first, self.last = min(self._first, at), max(self.last, at)

    def take(self, fact: Fact) -> None:
        """Take a fact. BadCapture: its times reach over more than any capture does."""
        match fact:
            case Answered():
                self.answers += 1
                self._know(self._names, fact.names)
                self._know(self._addresses, fact.addresses)
            case Asked():
                self._asked(fact)
            case Began():
                self._began(fact)
            case Spoke():
                found = signal_of_shape(fact.first)
                if found is not None and (group := self._whose(fact.device, fact.flow)):
                    self._settle(fact.at, fact.flow, group, found)
            case Greeted():
                self._greeted(fact)

    def findings(self) -> list[Finding]:
        """Return what was found, by group, the most frequent first."""
        tried = self._tried.copy()
        for at, group in self._waiting.values():
            tried[hour_of(at), group, Signal.ADDRESS] += 1
        sums: Counter[tuple[str, Signal]] = Counter()
        for (_, group, signal), number in tried.items():
            if number >= LEAST[signal]:
                sums[group, signal] += number
        found = [Finding(group, signal, number) for (group, signal), number in sums.items()]
        return sorted(found, key=lambda each: (each.group, -each.attempts, each.signal))

    def _asked(self, fact: Asked) -> None:
        found = signal_of_name(fact.name)
        if found is None and self._is_resolver(fact.name):
            found = Signal.DOH
        if found is not None and (group := self._places.group_of(fact.device, fact.flow[0])):
            self._count(fact.at, group, found)

    def _began(self, fact: Began) -> None:
        group = self._whose(fact.device, fact.flow)
        if group is None:
            return
        found = self._by_port(fact.flow) or signal_of_shape(fact.first)
        if found is not None:
            self._count(fact.at, group, found)
        elif fact.flow[4] in (TCP, UDP) and self._unknown(fact.at, fact.flow[2]):
            if fact.flow[4] == UDP:
                self._count(fact.at, group, Signal.ADDRESS)
                return
            self._waiting[fact.flow] = (fact.at, group)
            if len(self._waiting) > MOST_WAITING:
                at, group = self._waiting.popitem(last=False)[1]
                self._count(at, group, Signal.ADDRESS)

    def _by_port(self, flow: Flow) -> Signal | None:
        _, _, target, port, protocol = flow
        if protocol not in (TCP, UDP):
            return None
        if port == 53:
            return Signal.RESOLVER
        if port == 853:
            return Signal.DOT
        if port == 443 and self._places.doh(target):
            return Signal.DOH
        return Signal.TOR if protocol == TCP and port in TOR_PORTS else None

    def _greeted(self, fact: Greeted) -> None:
        group, name = self._whose(fact.device, fact.flow), fact.hello.sni
        if group is None or name is None or self._by_port(fact.flow) is not None:
            return
        found = signal_of_hello(name, ech=fact.hello.ech)
        if found is None and self._is_resolver(name):
            found = Signal.DOH
        if found is None and self._judges(fact.at) and name not in self._names:
            found = signal_of_unresolved(name)
        if found is not None:
            self._settle(fact.at, fact.flow, group, found)

    def _settle(self, at: float, flow: Flow, group: str, found: Signal) -> None:
        """Count a connection by what it says itself, and no more by its address."""
        self._waiting.pop(flow, None)
        self._count(at, group, found)

    def _whose(self, device: bytes, flow: Flow) -> str | None:
        group = self._places.group_of(device, flow[0])
        return group if group is not None and self._places.outside(flow[2]) else None

    def _is_resolver(self, name: str) -> bool:
        return not self._resolvers.isdisjoint(parents(name))

    def _judges(self, at: float) -> bool:
        return bool(self.answers) and at >= self._first + SETTLE

    def _unknown(self, at: float, address: bytes) -> bool:
        return self._judges(at) and address not in self._addresses

    def _know(self, known: OrderedDict[T, None], new: Iterable[T]) -> None:
        for each in new:
            known[each] = None
            known.move_to_end(each)
            if len(known) > MOST_KNOWN:
                known.popitem(last=False)
                self.full = True

    def _count(self, at: float, group: str, found: Signal) -> None:
        self._tried[hour_of(at), group, found] += 1
        if len(self._tried) > MOST_CELLS:
            raise BadCapture("its times reach over centuries; the capture is damaged")
