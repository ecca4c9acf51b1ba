"""How many cases are taken: a few an hour from one client, some from all together.

What is counted by is a word that means nothing elsewhere (a keyed hash of the client), held in
memory for an hour at most.
"""

from collections import OrderedDict
from dataclasses import dataclass, field

HOUR = 3600.0
CLIENTS = 4096  # counted at once


@dataclass(slots=True)
class Pace:
    """`each` from one client and `all` from everyone, in any clock hour of this worker."""

    each: int = 5
    all: int = 60
    _hour: int = -1
    _total: int = 0
    _seen: OrderedDict[bytes, int] = field(default_factory=OrderedDict)

    def take(self, client: bytes, now: float) -> bool:
        """Count one; False: it is too many."""
        hour = int(now // HOUR)
        if hour != self._hour:
            self._hour, self._total = hour, 0
            self._seen.clear()
        had = self._seen.pop(client, 0)
        self._seen[client] = had + 1
        if len(self._seen) > CLIENTS:
            self._seen.popitem(last=False)
        if had >= self.each or self._total >= self.all:
            return False
        self._total += 1
        return True
