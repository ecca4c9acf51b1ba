"""Who is who, as it is known now: the sources and what they say together. All of it is in memory,
and what is told of anybody goes to the control socket alone (ADR 23).
"""

import logging
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from filterd.app.accounting import Doors
from filterd.config.who import WhoConfig
from filterd.model.client_id import IdKind, kind_of
from filterd.model.group import Client
from filterd.who.sessions import Sessions
from filterd.who.sighting import Source
from filterd.who.whereabouts import Place, Whereabouts, whereabouts

logger = logging.getLogger(__name__)


@dataclass(slots=True)
class WhoIsWho:
    """What is known now. `wanted` are the ids that clients are known by and that are looked up."""

    config: WhoConfig
    wanted: frozenset[str]
    sessions: Sessions
    sources: tuple[Source, ...] = ()
    doors: Doors = field(default_factory=Doors)
    now: Whereabouts = field(default_factory=Whereabouts)
    entries: Counter[str] = field(default_factory=Counter)
    stale: bool = True
    worked: float = 0.0  # seconds of a processor that the last look took

    def look(self, now: float) -> bool:
        """Look at every source; whether `self.now` is another one. Waits for files."""
        began = time.thread_time()
        try:
            return self._look(now)
        finally:
            self.worked = time.thread_time() - began

    def _look(self, now: float) -> bool:
        changed = self.stale or now >= self.now.until
        for source in self.sources:
            before = source.problem
            changed = source.look(now) or changed
            if source.problem is not None and source.problem != before:
                logger.warning("who: %s: %s", source.name, source.problem)
        if not changed:
            return False
        told = [(each.rank, each.name, tuple(each.sightings())) for each in self.sources]
        self.entries = Counter()
        for _, name, sightings in told:
            self.entries[name] += sum(each.until > now for each in sightings)
        self.now, self.stale = whereabouts(told, self.wanted, now), False
        return True

    @property
    def problems(self) -> dict[str, str]:
        """Source -> what is wrong with it."""
        return {each.name: each.problem for each in self.sources if each.problem is not None}

    def numbers(self) -> Mapping[str, object]:
        """Return what metrics tell: counts."""
        names = {each.name for each in self.sources}
        return {
            "entries": {name: self.entries[name] for name in names},
            "problem": {name: int(name in self.problems) for name in names},
            "devices": self.now.devices,
            "randomised": self.now.randomised,
        }

    def told(self, clients: tuple[Client, ...]) -> dict[str, Any]:
        """Return what `filterd who` shows, of every client that is known by name."""
        return {
            **self.numbers(),
            "problems": self.problems,
            "clients": [
                {
                    "name": each.name,
                    "group": each.group,
                    "ids": [
                        {"id": known, "places": list(self._places(known))} for known in each.ids
                    ],
                }
                for each in clients
            ],
        }

    def close(self) -> None:
        """Look at nothing more."""
        self.doors.close()
        for each in self.sources:
            if (close := getattr(each, "close", None)) is not None:
                close()

    def _places(self, known: str) -> Iterator[dict[str, Any]]:
        if kind_of(known) is IdKind.NETWORK:
            yield {"address": known, "source": "configuration", "until": None}
        for place in self.now.places.get(known, ()):
            yield _shown(place)


def _shown(place: Place) -> dict[str, Any]:
    until = None if place.until == float("inf") else place.until
    return {"address": place.address, "source": place.source, "until": until}
