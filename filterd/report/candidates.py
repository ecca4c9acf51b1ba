"""Candidates: registrable domains that no rule knows and many ask for. Off unless asked for.

Made of a sample of one day, in memory only and within a bound: what is not asked for by many is
forgotten at midnight (UTC) and was never on a disk. Pure.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from filterd.report.bands import band_of, estimate
from filterd.report.batch import MOST_CANDIDATES, Candidate

DAY = 86_400
LEAST_CLIENTS = 10  # a day
DOMAINS = 20_000  # in memory
# Last labels of names that are no public ones (RFC 6761, 6762, 7686, 8375, 9476 and what routers
# and offices use): they would tell how a school calls itself and its machines.
OWN = frozenset(
    {"alt", "arpa", "corp", "home", "internal", "intranet", "invalid", "lan", "local",
     "localdomain", "localhost", "onion", "private", "workgroup"}
)  # fmt: skip


@dataclass(slots=True)
class _Seen:
    count: int
    clients: int  # bitmap of the day


class Candidates:
    """Collects one day. `registrable` returns the registrable domain of a name, or None;
    `rate`: one in so many queries is in the sample.
    """

    def __init__(self, registrable: Callable[[str], str | None], rate: int, now: float) -> None:
        self._registrable = registrable
        self._rate = rate
        self._day = int(now) // DAY * DAY
        self._seen: dict[str, _Seen] = {}

    def take(self, sample: Iterable[tuple[str, int, bool]]) -> None:
        """Take (name, bit of the client, blocked) of sampled queries."""
        for name, client, blocked in sample:
            own = name.rpartition(".")[2] in OWN
            domain = None if blocked or own else self._registrable(name)
            if domain is None:
                continue
            seen = self._seen.get(domain)
            if seen is not None:
                seen.count += 1
                seen.clients |= client
            elif len(self._seen) < DOMAINS or self._thin():
                self._seen[domain] = _Seen(1, client)

    def turn(self, now: float, known: Callable[[str], bool]) -> list[Candidate]:
        """Return the candidates of the day that has ended, most clients first, and forget it;
        nothing while it lasts. `known` says whether a rule knows a name.
        """
        day = int(now) // DAY * DAY
        if day == self._day:
            return []
        ended, seen = self._day, self._seen
        self._day, self._seen = day, {}
        many = [(name, each) for name, each in seen.items() if _is_asked_for(each)]
        many.sort(key=lambda each: (-estimate(each[1].clients), each[0]))
        return [
            Candidate(ended, name, each.count * self._rate, band_of(each.clients))
            for name, each in many
            if not known(name)
        ][:MOST_CANDIDATES]

    def _thin(self) -> bool:
        """Forget what was asked for once, and say whether that made room."""
        self._seen = {name: each for name, each in self._seen.items() if each.count > 1}
        return len(self._seen) < DOMAINS


def _is_asked_for(seen: _Seen) -> bool:
    return estimate(seen.clients) >= LEAST_CLIENTS
