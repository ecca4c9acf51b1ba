"""The guard's memory on a node: its traffic, what was weighed, and where both are kept."""

import logging
import os
import secrets
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from threading import Lock

from filterd.feed.body import Body, patterns_of, unpack_patterns
from filterd.feed.guard import LEAST_SAMPLED, Scales, Weighed, read_weighed, weigh, write_weighed
from filterd.feed.judge import Judgement, is_confirmed
from filterd.feed.ledger import Name
from filterd.feed.refusal import Refused
from filterd.feed.traffic import FOLDER, KEY, KEY_FILE, Day, Hits, Sample, Traffic, read_day
from filterd.feed.trust import Trust
from filterd.feed.warrant import Breadth
from filterd.model.durable import make_directory, write_atomically
from filterd.model.order import Effect, Order

logger = logging.getLogger(__name__)
WEIGHED = "guard.json"
SAVE_SECONDS = 600.0


@dataclass(slots=True)
class Guard:
    """The guard of a node. `most`: the share of queries that orders of a day may newly block; 0:
    nothing is held back, and nothing counted.
    """

    folder: Path
    most: float
    weighed: Weighed = field(default_factory=Weighed)
    traffic: Traffic | None = None
    saved_at: float = 0.0
    _one: Lock = field(default_factory=Lock)

    def open(self) -> None:
        """Read what was kept; what is damaged is left behind. OSError: the folder is not usable."""
        make_directory(self.folder / FOLDER)
        (self.folder / FOLDER).chmod(0o700)
        self.weighed = self._weighed()
        days = (self._day(path) for path in sorted((self.folder / FOLDER).glob("*.day")))
        self.traffic = Traffic(self._key(), (day for day in days if day is not None))

    def take(self, samples: Iterable[Sample]) -> None:
        """Count sampled queries, and keep them now and then. For a thread that may wait."""
        self.count(samples, time.time())
        if time.monotonic() - self.saved_at > SAVE_SECONDS:
            self.saved_at = time.monotonic()
            try:
                self.save(time.time())
            except OSError as error:
                logger.warning("feed: the traffic of today is not kept: %s", error)

    def count(self, samples: Iterable[Sample], now: float) -> None:
        """Count sampled queries."""
        with self._one:
            if self.traffic is not None and self.most > 0:
                self.traffic.count(samples, now)

    def save(self, now: float) -> None:
        """Keep today's traffic, and remove what is too old. OSError: it is not kept."""
        with self._one:
            if self.traffic is None:
                return
            day, packed = self.traffic.today(now), self.traffic.today(now).packed()
            known = {f"{number}.day" for number in self.traffic.numbers}
        write_atomically(self.folder / FOLDER / f"{day.number}.day", packed)
        for path in (self.folder / FOLDER).glob("*.day"):
            if path.name not in known:
                path.unlink(missing_ok=True)

    @property
    def sampled(self) -> int:
        """How many sampled queries of the last days are known."""
        with self._one:
            return 0 if self.traffic is None else self.traffic.sampled

    def weigh(
        self, judged: Judgement, size: int, trust: Trust, breadth: Breadth, body: Sequence[str] = ()
    ) -> Weighed:
        """Return what of the log up to `size` is held back; it counts once it is `keep`-t. `body`
        are the files, below the folder, with the patterns of what is held.
        """
        held = self._held(judged, body)
        scales = Scales(
            most=self.most,
            count=lambda order: held.get((order.authority, order.id)) or self._hits(order),
            is_confirmed=lambda entry: is_confirmed(entry, trust.registry, breadth),
        )
        return weigh(judged, self.weighed, size, scales)

    def _held(self, judged: Judgement, body: Sequence[str]) -> dict[Name, Hits]:
        """Try orders that are new and came with a snapshot: their patterns are on disk only."""
        new = {
            key: each.entry
            for key, each in judged.items()
            if each.enforced and each.entry.held and each.entry.order.effect is Effect.BLOCK
            if each.entry.segment >= self.weighed.size or key in self.weighed.refused
        }
        if not new or not body or self.most <= 0 or self.sampled < LEAST_SAMPLED:
            return {}
        found: dict[Name, Hits] = {}
        try:
            source = Body.open([self.folder / each for each in body])
            for entry, block in source.blocks():
                if entry.digest in new:
                    patterns = unpack_patterns(patterns_of(entry, block))
                    found[entry.name] = self._hits(replace(entry.order, patterns=patterns))
        except (Refused, OSError) as error:
            logger.warning("feed: orders of the snapshot cannot be tried on the traffic: %s", error)
        return found

    def keep(self) -> None:
        """Write what was weighed. OSError: it is weighed again after a restart."""
        write_atomically(self.folder / WEIGHED, write_weighed(self.weighed))

    def _hits(self, order: Order) -> Hits:
        with self._one:
            return Hits(0, 0) if self.traffic is None else self.traffic.hits(order, time.time())

    def _weighed(self) -> Weighed:
        try:
            return read_weighed((self.folder / WEIGHED).read_bytes())
        except FileNotFoundError:
            return Weighed()
        except Refused as refused:
            logger.warning("feed: %s; all orders are weighed again", refused)
            return Weighed()

    def _day(self, path: Path) -> Day | None:
        try:
            return read_day(path.read_bytes())
        except ValueError as error:
            logger.warning("feed: %s: %s; that day's traffic is not known", path.name, error)
            return None

    def _key(self) -> bytes:
        path = self.folder / FOLDER / KEY_FILE
        try:
            key = path.read_bytes()
        except FileNotFoundError:
            key = b""
        if len(key) != KEY:
            key = secrets.token_bytes(KEY)
            handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
            with os.fdopen(handle, "wb") as file:
                file.write(key)
        return key
