"""What the daemon knows of age labels of sites: what label files said, which hosts are due for a
look, and how many sites of .vn have none.
"""

import os
import random
from collections import Counter, OrderedDict
from collections.abc import Callable
from typing import Any

from filterd.formats.names import registrable
from filterd.http.labels.cache import SITE_SECONDS, LabelCache
from filterd.http.labels.looking import WEEK, Look, Looking
from filterd.http.labels.site import SiteLabel
from filterd.http.labels.unlabelled import DayCount, UnlabelledCount

MOST_UNSURE = 10_000  # hosts that are counted once their files were looked at


class SiteLabels:
    """What is known of sites' labels. `allowed`: whether a host's files may be fetched; `fetching`
    False: none is, and pages alone say which sites have a label.
    """

    def __init__(
        self,
        cache: LabelCache,
        allowed: Callable[[str], bool],
        clock: Callable[[], float],
        uniform: Callable[[float, float], float] = random.uniform,
    ) -> None:
        self.cache = cache
        self.generation = 0
        self.changed = False
        self.fetching = True
        self._allowed = allowed
        self._clock = clock
        self._looking = Looking(cache.key, uniform)
        self._unsure: OrderedDict[str, None] = OrderedDict()
        self._sites = UnlabelledCount(registrable, os.urandom, clock())
        self._looks: Counter[str] = Counter()
        for key, until, _ in cache.files.items(clock()):
            self._looking.rest(key, until - SITE_SECONDS + WEEK)

    def see(self, host: str, *, labelled: bool) -> None:
        """Note a page of `host` that was answered; `labelled`: it says an age, or its host does."""
        if not self._allowed(host):
            return
        now = self._clock()
        known = True if labelled else self.cache.labelled(host, now)
        if self.fetching:
            self._looking.see(host, now)
        elif known is None:
            known = False
        if known is not None:
            self._sites.note(host, labelled=known)
        elif host in self._unsure or len(self._unsure) < MOST_UNSURE:
            self._unsure[host] = None  # `done` says which

    def wanted(self) -> Look | None:
        """Return the next host to look at, if one is due."""
        return self._looking.wanted(self._clock())

    def done(self, host: str, found: tuple[SiteLabel, ...] | None) -> None:
        """Take what the files of a host say; None: they were not answered."""
        now = self._clock()
        self._looking.done(host, answered=found is not None, now=now)
        self._looks["failed" if found is None else "labelled" if found else "none"] += 1
        unsure = self._unsure.pop(host, 0) is None
        if found is None:
            return
        self.changed = self.changed or bool(found) or self.cache.labelled(host, now) is True
        self.cache.learn_files(host, found, now)
        if unsure:
            self._sites.note(host, labelled=bool(found))

    def turn(self) -> DayCount | None:
        """Return the count of the day that has ended, once."""
        return self._sites.turn(self._clock())

    def numbers(self) -> dict[str, Any]:
        """Return what metrics tell."""
        count = self._sites.count()
        return {
            "looks": dict(self._looks),
            "waiting": self._looking.waiting,
            "vn": {"yes": count.labelled, "no": count.unlabelled},
        }

    def frozen(self) -> LabelCache:
        """Return the labels as they are now, to be saved by a thread."""
        found = self.cache.beside()
        for key, until, sites in self.cache.files.items(self._clock()):
            if sites:
                found.files.put(key, sites, until)
        return found
