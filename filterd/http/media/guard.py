"""All of it together, as a worker uses it: sets in force, decoders, hand-offs, counts.

media = Media(settings, environ, time.time, os.urandom)
scanner = media.scanner(content_type, content_encoding, content_length)
scanner.feed(chunk) ...                 # hold back the last chunk of the body until the end
hit = await asyncio.to_thread(scanner.end)
if hit is not None:
    reference = media.record(hit, host) # then block, if hit.block
media.refresh()                         # now and then: sets that were replaced
"""

import logging
import resource
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from filterd.http.media.decoding import Decoders
from filterd.http.media.handoff import HandOffs
from filterd.http.media.hashset import Kind
from filterd.http.media.near import missing
from filterd.http.media.scan import Desk, Notes, Perceive, Room, Scanner
from filterd.http.media.sets import Hit, Sets

logger = logging.getLogger(__name__)
_Stamp = tuple[tuple[Path, int, int, int], ...]


@dataclass(frozen=True, slots=True)
class MediaSettings:
    """`sets`: folder of files called *.set; `further`: another one, or none. `handoffs`: folder of
    the spool. `node`: this node's name in hand-offs. `decoders`: processes for perceptual hashes;
    0: none.
    """

    sets: Path
    handoffs: Path
    node: str
    decoders: int = 1
    further: Path | None = None


class Media:
    """Scanning, of one worker. Thread-safe but for `refresh` and `close`, which one thread calls.

    Raises:
        OSError: the folder of hand-offs cannot be made.
        ValueError: the node's name may not stand in a hand-off.
    """

    def __init__(
        self,
        settings: MediaSettings,
        environ: Mapping[str, str],
        clock: Callable[[], float],
        chance: Callable[[int], bytes],
    ) -> None:
        # What is in memory stays there, also when the process dies of a fault.
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        self._settings, self._clock = settings, clock
        self._handoffs = HandOffs(settings.handoffs, settings.node, chance)
        self._environ = environ
        self._decoders: Decoders | None = None
        self._room = Room()
        self._stale: list[str] = []
        self.counts = Notes()
        self._stamp = self._look()
        self._desk = self._made(Sets.open(self._files()))

    @property
    def on(self) -> bool:
        """Whether there is any hash to compare with; else bodies need not be looked at."""
        return bool(self._desk.sets.kinds)

    def scanner(
        self,
        content_type: str,
        content_encoding: str = "",
        length: int | None = None,
        *,
        exact: bool = False,
    ) -> Scanner:
        """Return the scanner of one body. `exact`: no perceptual hashes, so that it never waits."""
        desk = replace(self._desk, perceive=None) if exact else self._desk
        return Scanner(desk, content_type, content_encoding, length)

    def hold(self, size: int) -> bool:
        """Take room for a body of `size` bytes that is held elsewhere; False: there is none."""
        return self._room.take(size)

    def release(self, size: int) -> None:
        """Give back what `hold` took."""
        self._room.take(-size)

    def record(self, hit: Hit, host: str) -> str:
        """Count a hit and hand it off; return its reference number. Never raises."""
        return self._handoffs.write(hit, host, self._clock())

    def refresh(self) -> bool:
        """Open the sets anew if their files have changed, and say whether they had."""
        stale = self._desk.sets.stale(self._clock())
        if stale != self._stale and stale:
            logger.warning("media: past their expiry: %s; fetch newer ones", ", ".join(stale))
        self._stale = stale
        stamp = self._look()
        if stamp == self._stamp:
            return False
        self._stamp = stamp
        self._desk = self._made(Sets.open(self._files(), self._desk.sets))
        return True

    def told(self) -> dict[str, int]:
        """Return all counts: of scans by their note, of hits ("hit", "written", "lost")."""
        return {**self.counts, **self._handoffs.counts}

    def close(self) -> None:
        """End the decoders."""
        if self._decoders is not None:
            self._decoders.close()
            self._decoders = None

    def _made(self, sets: Sets) -> Desk:
        return Desk(sets, self._perceiver(sets), self._room, self.counts, self._clock)

    def _perceiver(self, sets: Sets) -> Perceive | None:
        """Return the decoders, started when a set first needs them."""
        if not (self._settings.decoders and Kind.PDQ in sets.kinds):
            return None
        if (off := missing()) is not None:
            logger.warning("media: %s", off)
            return None
        if self._decoders is None:
            self._decoders = Decoders(self._settings.decoders, self._environ)
        return self._decoders

    def _files(self) -> list[Path]:
        folders = [self._settings.sets, self._settings.further]
        return [path for each in folders if each is not None for path in sorted(each.glob("*.set"))]

    def _look(self) -> _Stamp:
        found = []
        for path in self._files():
            try:
                status = path.stat()
            except OSError:
                continue  # replaced or removed just now: the next look sees what became of it
            found.append((path, status.st_ino, status.st_size, status.st_mtime_ns))
        return tuple(found)
