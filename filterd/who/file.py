"""`LeaseFile`: a lease file that is followed. Looking costs a stat; what is new is read.

A file that is only added to is read on from where the last look ended, unless it is another file by
then; one that is written anew each time is read whole. A file that is away, cannot be read or is
too long leaves what was known until the leases' own end. So does a format that fails: anybody may
put anything into a file by the name of a device, and the file is tried again when it has changed.
"""

import os
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import BinaryIO, Protocol

from filterd.who.sighting import MOST, Rank, Sighting

MOST_BYTES = 256 * 2**20
_LINE = 8192  # longer ones are read as several, which no format takes for a lease
_SETTLED = 0.2  # seconds after which a rewritten file is taken to be whole
_PATIENCE = 4  # looks that are waited for it
Stamp = tuple[int, int, int, int]


class Format(Protocol):
    """How a server writes leases. Keeps what it needs between two pieces of one file."""

    name: str
    appended: bool  # lines are added; else the file is written anew
    bad: int  # lines or leases since `begin` that could not be read

    def begin(self) -> None:
        """The file begins anew."""
        ...

    def read(self, lines: Iterator[str]) -> Iterator[Sighting]:
        """Yield what the lines say; of one address the last counts, `until` 0: it is free."""
        ...


class LeaseFile:
    """The leases of one file. `before` names files that are read first whenever it is read from
    its beginning.
    """

    rank = Rank.LEASE

    def __init__(
        self,
        path: Path,
        form: Format,
        before: Callable[[Path], Iterable[Path]] = lambda _path: (),
    ) -> None:
        self.name = form.name
        self.problem: str | None = None
        self._path = path
        self._format = form
        self._before = before
        self._leases: dict[str, Sighting] = {}
        self._seen: Stamp | None = None
        self._failed: Stamp | None = None  # the format failed; not tried again until it changes
        self._offset = 0
        self._waited = 0

    def sightings(self) -> Iterable[Sighting]:
        """Return every lease of the file."""
        return self._leases.values()

    def look(self, now: float) -> bool:
        """Read what is new; see `Source`."""
        try:
            with self._path.open("rb") as file:
                return self._tried(file, now)
        except FileNotFoundError:
            # Kea and dhcpd move files about; away for a moment is not gone.
            self.problem = f"{self._path} is not there"
        except OSError as error:
            self.problem = f"{self._path}: {error.strerror}; let filterd's account read it"
        return False

    def _tried(self, file: BinaryIO, now: float) -> bool:
        """Look; a fault of a format, which is ours, may not end the looking at all sources."""
        try:
            return self._look(file, now)
        except OSError:
            raise
        except Exception as error:  # noqa: BLE001 - whatever a format stumbles over
            # Not the error's text: it has a piece of the file in it, which names a device.
            self.problem = f"{self._path}: the {self.name} format fails ({type(error).__name__})"
            self._failed, self._seen = _stamp(file), None  # then all of it again
            return True

    def _look(self, file: BinaryIO, now: float) -> bool:
        stamp = _stamp(file)
        if stamp == self._failed:
            return False
        if stamp == self._seen:
            self.problem = self._said()
            return False
        if stamp[1] > MOST_BYTES:
            self.problem = f"{self._path} is longer than {MOST_BYTES >> 20} MiB"
            return False
        # Written from the beginning, it is half there for a moment.
        fresh = not self._format.appended and now - stamp[2] / 1e9 < _SETTLED
        if fresh and self._waited < _PATIENCE:
            self._waited += 1
            return False
        same = self._seen is not None and self._seen[:1] == stamp[:1]
        goes_on = self._format.appended and same and stamp[1] >= self._offset
        leases = self._leases if goes_on else {}
        if not goes_on:
            self._seen, self._offset = None, 0  # a fault on the way: all of it again
            for earlier in self._before(self._path):
                self._begin_with(earlier, leases)
            self._format.begin()
        file.seek(self._offset)
        self._take(file, leases, stamp)
        self._offset = file.tell()
        self._leases, self._waited, self._failed = leases, 0, None
        # What came while it was read is looked at next time.
        self._seen = stamp if _stamp(file) == stamp else (*stamp[:1], -1, 0, 0)
        self.problem = self._said()
        return True

    def _begin_with(self, path: Path, leases: dict[str, Sighting]) -> None:
        self._format.begin()
        with path.open("rb") as file:
            stamp = _stamp(file)
            if stamp[1] <= MOST_BYTES:
                self._take(file, leases, stamp)

    def _take(self, file: BinaryIO, leases: dict[str, Sighting], stamp: Stamp) -> None:
        for each in self._format.read(_lines(file)):
            gone = leases.pop(each.address, None)
            if each.until <= 0 or len(leases) >= MOST:
                continue
            # Since the device has the address, and not since it renewed: any renewal would be newer
            # than the neighbour by whom somebody else is seen there. Where the format does not say
            # it, not later than the file was written.
            since = each.since or stamp[2] / 1e9
            known = gone or self._leases.get(each.address)
            if known is not None and known.mac == each.mac and known.until >= each.since:
                since = min(known.since, since)
            leases[each.address] = each if since == each.since else replace(each, since=since)

    def _said(self) -> str | None:
        if len(self._leases) >= MOST:
            return f"{self._path}: more than {MOST} leases, the rest is left out"
        if self._format.bad:
            return f"{self._path}: {self._format.bad} lines are no leases and were left out"
        return None


def _lines(file: BinaryIO) -> Iterator[str]:
    """Yield whole lines; one that is still being written stays for the next time."""
    while True:
        start = file.tell()
        line = file.readline(_LINE)
        if not line.endswith(b"\n") and len(line) < _LINE:
            file.seek(start)
            return
        yield line.decode("utf-8", "replace")


def _stamp(file: BinaryIO) -> Stamp:
    of = os.fstat(file.fileno())
    return of.st_ino, of.st_size, of.st_mtime_ns, of.st_dev
