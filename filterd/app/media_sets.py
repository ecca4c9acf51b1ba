"""Sets of hashes from the feed, kept in `http/media` of the state directory as the trust root says.

A set is put there when its digest is the signed one and all of it reads; until then, and if that
fails, the one before stays. Each set by itself: one that cannot be had stops no other, and none of
them stops an order. Files called *.feed.set are the feed's; all others are nobody's business here.
"""

import asyncio
import logging
from collections.abc import Iterable, Mapping
from pathlib import Path

from filterd.app.feed_state import Feed
from filterd.app.node import Node
from filterd.feed.canonical import canonical, read_object
from filterd.feed.large import Pieces, digest_of, fetch_large
from filterd.feed.media import MediaSet
from filterd.feed.refusal import Fault, Refused
from filterd.http.media.hashset import HashSet
from filterd.model.durable import make_directory, sync_directory, write_atomically
from filterd.model.errors import RulesError

logger = logging.getLogger(__name__)
FOLDER = "http/media"  # of the state directory
OURS = ".feed.set"
EPOCHS = "media-epochs.json"  # beside the trust root, since sets may be deleted
MOST = 1 << 20  # bytes of that
PATIENCE = 900.0  # seconds that one set may take at once; another one waits meanwhile
LONGEST = 3600.0  # seconds between two tries


class MediaSets:
    """Keeps the sets of a node."""

    def __init__(self, node: Node, feed: Feed) -> None:
        self._node = node
        self._feed = feed
        self._woken = asyncio.Event()
        self._here: dict[str, MediaSet] = {}  # whose digest was seen to be right

    def wake(self) -> None:
        """Look at once: the trust root may be another."""
        self._woken.set()

    async def run(self, pieces: Pieces) -> None:
        """Keep them until cancelled: looked at with each poll, less often after failures."""
        failures = 0
        while True:
            self._woken.clear()
            good = await self.step(pieces)
            failures = 0 if good else min(failures + 1, 10)
            wait = min(LONGEST, self._feed.config.poll * 2**failures)
            try:
                async with asyncio.timeout(wait):
                    await self._woken.wait()
                failures = 0
            except TimeoutError:
                continue

    async def step(self, pieces: Pieces) -> bool:
        """Fetch what is missing and delete what is not wanted; say whether all is as it should be.
        What went wrong is in `Feed.media`.
        """
        trust, http = self._feed.trust, self._node.config.http
        if trust is None:
            return True
        wanted = trust.media if http.on and http.media.on else ()
        folder = self._node.paths.state / FOLDER
        try:
            self._tidy(folder, wanted)
        except OSError as error:
            self._complain({each.id: f"{folder}: {error}" for each in wanted})
            return False
        problems = {}
        for each in wanted:
            try:
                await self._keep(folder, each, pieces)
            except Refused as refused:
                self._count(refused.fault, each)
                problems[each.id] = f"refused ({refused.fault.value}): {refused}"
            except TimeoutError:
                problems[each.id] = f"cannot be had: not in {PATIENCE:.0f} s; it is taken up again"
            except OSError as error:
                problems[each.id] = f"cannot be had: {error}"
        self._complain(problems)
        return not problems

    def _tidy(self, folder: Path, wanted: Iterable[MediaSet]) -> None:
        """Delete sets that the feed has no more, and what was begun of others. OSError."""
        keep = {f"{each.id}{OURS}" for each in wanted} | {_part(each) for each in wanted}
        for path in (*folder.glob(f"*{OURS}"), *folder.glob("*.part")):
            if path.name not in keep:
                path.unlink(missing_ok=True)
                logger.info("media: %s is deleted", path.name)
        if keep:
            make_directory(folder)
            folder.chmod(0o700)

    async def _keep(self, folder: Path, wanted: MediaSet, pieces: Pieces) -> None:
        path = folder / f"{wanted.id}{OURS}"
        if path.is_file():
            if self._here.get(wanted.id) == wanted:
                return
            if await asyncio.to_thread(digest_of, path) == wanted.sha256:
                self._here[wanted.id] = wanted
                return
        file = self._feed.folder / EPOCHS
        epochs = await asyncio.to_thread(_recall, file)
        if wanted.epoch < epochs.get(wanted.id, 0):
            raise Refused(
                Fault.ROLLBACK,
                f"media: set {wanted.id}: epoch {wanted.epoch} after {epochs[wanted.id]}",
            )
        part = folder / _part(wanted)
        async with asyncio.timeout(PATIENCE):
            await fetch_large(pieces, wanted.path, wanted.length, wanted.sha256, part)
        known = {**epochs, wanted.id: wanted.epoch}
        await asyncio.to_thread(_put, part, path, wanted, file, known)
        self._here[wanted.id] = wanted
        logger.info("media: set %s of epoch %d is in force", wanted.id, wanted.epoch)

    def _count(self, fault: Fault, wanted: MediaSet) -> None:
        self._here.pop(wanted.id, None)
        self._feed.faults[fault] += 1

    def _complain(self, problems: Mapping[str, str]) -> None:
        for name, why in problems.items():
            if self._feed.media.get(name) != why:
                logger.warning("media: set %s: %s; what was there stays", name, why)
        self._feed.media = dict(problems)


def _part(wanted: MediaSet) -> str:
    return f"{wanted.sha256}.part"


def _put(part: Path, path: Path, wanted: MediaSet, file: Path, epochs: Mapping[str, int]) -> None:
    """Put a set in its place that is as it was signed, if it reads, and its epoch into `file`.
    Refused, OSError.
    """
    try:
        head = HashSet(part).head
    except RulesError as error:
        part.unlink()
        raise Refused(Fault.MALFORMED, str(error)) from error
    if (head.id, head.epoch) != (wanted.id, wanted.epoch):
        part.unlink()
        why = f"it says to be {head.id}, epoch {head.epoch}, not {wanted.id}, {wanted.epoch}"
        raise Refused(Fault.MIXED, why)
    write_atomically(file, canonical(epochs))  # first, so that it is never behind what is there
    part.replace(path)
    sync_directory(path.parent)


def _recall(file: Path) -> dict[str, int]:
    """Return the highest epoch of each set that was ever in force here. OSError."""
    try:
        found = read_object(file.read_bytes(), MOST)
    except FileNotFoundError:
        return {}
    except Refused as refused:  # what is signed does not go back either
        logger.warning("media: %s is damaged and begun anew: %s", file.name, refused)
        return {}
    return {name: epoch for name, epoch in found.items() if type(epoch) is int}
