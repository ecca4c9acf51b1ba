"""The sets in force, and what they say of one file together.

An entry blocks when its set asks for no second source, when the set itself has two for it, or when
sets of two sources have it. Else the hit is handed off, and the file passes.
"""

import logging
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from filterd.http.media.hashset import HashSet, Kind, Match
from filterd.http.media.head import Afterwards, Severity
from filterd.http.media.near import Nearest
from filterd.model.errors import RulesError
from filterd.model.handoff import Distance

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Hit:
    """What is said of a file: nothing of the file itself."""

    set: str
    entry: str
    epoch: int
    severity: Severity
    kind: Kind
    distance: Distance
    block: bool  # False: one source alone; count it, hand it off, let it pass


@dataclass(frozen=True, slots=True)
class Perceived:
    """A perceptual hash of a picture or of one frame: 32 bytes, and its quality, 0 to 100."""

    pdq: bytes
    quality: int


class Sets:
    """Sets in force. Immutable: new files make a new one (`replaced`)."""

    def __init__(self, sets: Iterable[HashSet]) -> None:
        self._sets = tuple(sets)
        self.kinds = frozenset(k for k in Kind for each in self._sets if each.count(k))
        self._near = [
            (each, Nearest(each.column(Kind.PDQ)))
            for each in self._sets
            if Nearest.ON and each.count(Kind.PDQ)
        ]

    @classmethod
    def open(cls, paths: Iterable[Path], before: "Sets | None" = None) -> "Sets":
        """Return the sets of these files. A file that cannot be used, or is older than what is in
        force, is told; then what `before` had in its place stays.
        """
        held = before._sets if before else ()  # noqa: SLF001 - its own kind
        opened: dict[str, HashSet] = {}
        for path in paths:
            found = _opened(path, held)
            if found is None:
                continue
            other = opened.setdefault(found.head.id, found)
            if found.head.epoch > other.head.epoch:
                opened[found.head.id] = found
        return cls(opened.values())

    def find(self, digests: Iterable[tuple[Kind, bytes]], now: float) -> Hit | None:
        """Return what exact hashes of one file say at `now` (unix seconds)."""
        pairs = list(digests)
        found = [
            (each, match)
            for each in self._standing(now)
            for kind, digest in pairs
            if (match := each.find(kind, digest)) is not None
        ]
        return _verdict(found)

    def near(self, frames: Sequence[Perceived], now: float) -> Hit | None:
        """Return what perceptual hashes of one picture's frames say."""
        standing = set(self._standing(now))
        found = [
            (each, match)
            for each, nearest in self._near
            if each in standing
            for frame in frames
            if frame.quality >= each.head.quality
            for row, distance in nearest.within(frame.pdq, each.head.threshold)
            if (match := each.match(Kind.PDQ, row, distance)) is not None
        ]
        return _verdict(found)

    def stale(self, now: float) -> list[str]:
        """Return the names of sets past their expiry."""
        return [each.head.id for each in self._sets if now >= each.head.expires]

    def _standing(self, now: float) -> list[HashSet]:
        return [
            each
            for each in self._sets
            if now < each.head.expires or each.head.after_expiry is Afterwards.KEEP
        ]


def _opened(path: Path, held: Sequence[HashSet]) -> HashSet | None:
    try:
        found = HashSet(path)
    except (OSError, RulesError) as error:
        logger.error("media: a set cannot be used: %s", error)  # noqa: TRY400 - it says all
        return next((each for each in held if each.path == path), None)
    old = next((each for each in held if each.head.id == found.head.id), found)
    if found.head.epoch >= old.head.epoch:
        return found
    said = "media: set %s: epoch %d is older than %d, which stays in force"
    logger.error(said, found.head.id, found.head.epoch, old.head.epoch)
    return old


def bucket(kind: Kind, distance: int) -> Distance:
    """Return a distance as it may be told."""
    if kind is not Kind.PDQ:
        return Distance.EXACT
    bounds = ((10, Distance.CLOSE), (20, Distance.NEAR), (31, Distance.FAR))
    return next((word for most, word in bounds if distance <= most), Distance.BEYOND)


def _verdict(found: Sequence[tuple[HashSet, Match]]) -> Hit | None:
    """Say what matches mean together; what is named is the gravest, then the nearest."""
    if not found:
        return None
    two = len({each.head.source for each, _ in found}) >= 2
    ranked = [
        (not (two or match.confirmed or not each.head.two_sources), each, match)
        for each, match in found
    ]
    passes, each, match = min(
        ranked, key=lambda r: (r[0], r[1].head.severity is not Severity.ILLEGAL, r[2].distance)
    )
    return Hit(
        set=each.head.id,
        entry=match.entry,
        epoch=each.head.epoch,
        severity=each.head.severity,
        kind=match.kind,
        distance=bucket(match.kind, match.distance),
        block=not passes,
    )
