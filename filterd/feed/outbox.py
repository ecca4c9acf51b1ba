"""Receipts that the hub does not have yet, on disk and bounded: the newest are kept.

A newer receipt says all that an older one says of what is in force, but not when, so they wait.
"""

import json
import logging
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from threading import Lock
from typing import Any

from filterd.feed.canonical import canonical, read_object
from filterd.feed.refusal import Refused
from filterd.model.durable import make_directory, write_atomically

logger = logging.getLogger(__name__)
MOST = 1000
ASIDE = 20  # kept of those that the hub will never take
LONGEST = 65_536  # bytes of one
Json = Any


class Outbox:
    """Sealed receipts in `folder`. Thread-safe. `arrived` is called, on the thread of whoever
    puts one in, when there is something to send.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.arrived: Callable[[], None] | None = None
        self._lock = Lock()
        self._waiting: dict[str, bytes] = {}
        self.is_urgent = True  # what waits; of an earlier run nobody knows
        self.dropped = 0
        self.refused = 0
        self.problem: str | None = None

    def load(self) -> None:
        """Take what is on disk. OSError."""
        make_directory(self._folder / "aside")
        with self._lock:
            for path in sorted(self._folder.iterdir()):
                if path.suffix == ".json":
                    self._read(path)
                elif path.suffix == ".new":
                    path.unlink()

    def put(self, sealed: Mapping[str, Json], *, urgent: bool = True) -> None:
        """Keep a sealed receipt until it is sent; one for a position that has another takes its
        place. One that is not `urgent` may wait for others. A disk that takes nothing is told of,
        and it is sent all the same.
        """
        content = canonical(dict(sealed))
        name = f"{int(sealed['receipt']['size']):012}.json"
        with self._lock:
            self._waiting[name] = content
            try:
                write_atomically(self._folder / name, content)
                for old in sorted(self._waiting)[:-MOST]:
                    self._remove(old)
                    self.dropped += 1
                self.problem = None
            except OSError as error:
                self.problem = f"receipts cannot be written: {error.strerror or error}"
                logger.error("feed: %s; free some space", self.problem)  # noqa: TRY400
        self.is_urgent = self.is_urgent or urgent
        if urgent and self.arrived is not None:
            self.arrived()

    def take(self, most: int) -> dict[str, Json]:
        """Return the newest that wait, at most `most`, by their names."""
        with self._lock:
            names = sorted(self._waiting)[-most:]
            return {name: json.loads(self._waiting[name]) for name in names}

    def done(self, taken: Mapping[str, Json]) -> None:
        """The hub has these. One that was put in meanwhile in the place of another stays. OSError:
        some will be sent again, which changes nothing.
        """
        with self._lock:
            for name, value in taken.items():
                if self._waiting.get(name) == canonical(value):
                    self._remove(name)
            self.is_urgent = self.is_urgent and bool(self._waiting)

    def refuse(self, taken: Mapping[str, Json], why: str) -> None:
        """The hub will never take these: they are set aside with the reason. OSError."""
        aside = self._folder / "aside"
        for name, value in taken.items():
            write_atomically(aside / name, canonical({"why": why, "sealed": value}))
        for path in sorted(aside.iterdir())[:-ASIDE]:
            path.unlink()
        self.refused += len(taken)
        self.done(taken)

    @property
    def sizes(self) -> Sequence[int]:
        """The positions that wait, oldest first."""
        return [int(name.removesuffix(".json")) for name in sorted(self._waiting)]

    def _read(self, path: Path) -> None:
        content = path.read_bytes()
        try:
            read_object(content, LONGEST)
        except Refused as refused:
            logger.error("feed: the receipt %s is damaged: %s", path.name, refused)  # noqa: TRY400
            path.replace(self._folder / "aside" / path.name)
            return
        self._waiting[path.name] = content

    def _remove(self, name: str) -> None:
        self._waiting.pop(name, None)
        (self._folder / name).unlink(missing_ok=True)
