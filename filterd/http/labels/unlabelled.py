"""How many .vn sites without an age label were used on a day: a number, never a list.

A site here is a registrable domain, as people count sites. What is in memory are hashes with a
salt that is thrown away with the day; only the counts leave. Pure. One process counts, or a site
that two have seen would be two.
"""

from collections.abc import Callable
from dataclasses import dataclass
from hashlib import blake2b

DAY = 86_400
MOST_SITES = 100_000


@dataclass(frozen=True, slots=True)
class DayCount:
    """The .vn sites of one day (UTC). `full`: there were more than could be told apart."""

    day: int  # seconds since 1970, at midnight
    labelled: int
    unlabelled: int
    full: bool = False


class UnlabelledCount:
    """Collects one day.

    `registrable` returns the registrable domain of a name, or None; `random_bytes(n)` salts.
    """

    def __init__(
        self,
        registrable: Callable[[str], str | None],
        random_bytes: Callable[[int], bytes],
        now: float,
        most: int = MOST_SITES,
    ) -> None:
        self._registrable = registrable
        self._random_bytes = random_bytes
        self._most = most
        self._begin(now)

    def note(self, host: str, *, labelled: bool) -> None:
        """Count the site of `host`, where a page of it or the host had a label (`labelled`) or
        both are known to have none. One label makes the whole site a labelled one for the day.
        """
        if not host.endswith(".vn"):
            return
        domain = self._registrable(host)
        if domain is None:
            return
        key = blake2b(domain.encode(), digest_size=8, key=self._salt).digest()
        if key not in self._sites and len(self._sites) >= self._most:
            self._full = True
            return
        self._sites[key] = labelled or self._sites.get(key, False)

    def turn(self, now: float) -> DayCount | None:
        """Return the count of the day that has ended, and begin the next; None while it lasts."""
        if int(now) // DAY * DAY == self._day:
            return None
        count = self.count()
        self._begin(now)
        return count

    def count(self) -> DayCount:
        """Return the count so far."""
        labelled = sum(self._sites.values())
        return DayCount(self._day, labelled, len(self._sites) - labelled, self._full)

    def _begin(self, now: float) -> None:
        self._day = int(now) // DAY * DAY
        self._salt = self._random_bytes(16)
        self._sites: dict[bytes, bool] = {}
        self._full = False
