"""Scanning a body while it streams. Sans-io: chunks go in, at the end a hit comes out or none.

Nothing is kept but the state of the hashes, and of a picture its bytes, in memory and bounded,
until its perceptual hash is made; then they are zeroed. Which bytes were seen is in no error, no
log and no hit.
"""

import hashlib
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import StrEnum
from threading import Lock
from typing import Protocol

from filterd.http.media.hashset import Kind
from filterd.http.media.multipart import Begin, End, Parts, boundary_of
from filterd.http.media.sets import Hit, Perceived, Sets
from filterd.http.media.sniff import FIRST, Sort, sort_of
from filterd.http.media.unpack import undo

PICTURE = 8 * 2**20  # bytes of a picture that is perceived
UNTOLD = 4 * 2**20  # the same where nobody said how long, or of a part of a longer body
ROOM = 64 * 2**20  # bytes of pictures in memory, of all scans of a worker together
DEPTH = 3  # multipart in multipart
_ZEROS = bytes(65_536)


class Note(StrEnum):
    """What is counted of scans, beside hits."""

    SCANNED = "scanned"  # files whose exact hashes were compared
    PERCEIVED = "perceived"
    LARGE = "too-large"  # pictures that were not perceived: too many bytes or pixels
    SMALL = "too-small"  # fewer pixels than tell a picture
    FULL = "no-room"  # too many pictures in memory at once
    BROKEN = "broken"  # it does not decode
    LATE = "late"  # it did not decode in time
    CODED = "coded"  # a Content-Encoding that could not be undone


@dataclass(frozen=True, slots=True)
class Seen:
    """What a perceiver says of a picture: its frames, or why it has none."""

    frames: tuple[Perceived, ...]
    note: Note = Note.PERCEIVED


class Perceive(Protocol):
    """Makes the perceptual hashes of a picture. May wait (for other processes); never raises."""

    def __call__(self, picture: bytearray) -> Seen:
        """Hash it."""
        ...


class Notes(Counter[str]):
    """Counts of scans, by `Note`. `add` is safe in any thread."""

    def __init__(self) -> None:
        super().__init__()
        self._lock = Lock()

    def add(self, note: Note) -> None:
        """Count one more."""
        with self._lock:
            self[note] += 1


class Room:
    """How many bytes of pictures all scans of a process hold. Thread-safe."""

    def __init__(self, most: int = ROOM) -> None:
        self._left = most
        self._lock = Lock()

    def take(self, size: int) -> bool:
        """Take room, all of it or none. A negative size gives it back."""
        with self._lock:
            if size > self._left:
                return False
            self._left -= size
            return True


@dataclass(slots=True)
class Desk:
    """What the scans of a worker share. `perceive` None: perceptual hashes are off."""

    sets: Sets
    perceive: Perceive | None
    room: Room
    counts: Notes
    clock: Callable[[], float]  # unix seconds


class Scanner:
    """One body. `length`: its Content-Length; None: not said."""

    def __init__(
        self, desk: Desk, content_type: str, content_encoding: str = "", length: int | None = None
    ) -> None:
        limit = UNTOLD if length is None or length > PICTURE else PICTURE
        if length is not None and length > PICTURE and boundary_of(content_type) is None:
            limit = 0  # it would be dropped half way
        self._body = _Body(desk, content_type, content_encoding, limit, DEPTH)
        self._hit: Hit | None = None

    @property
    def whole(self) -> bool:
        """Whether all of it is wanted in memory: what is, or may yet be, a picture to perceive."""
        return self._hit is None and self._body.whole

    @property
    def silent(self) -> bool:
        """Whether nothing will come of it: what is neither a picture nor another file."""
        return self._hit is None and self._body.silent

    def feed(self, chunk: bytes) -> None:
        """Look at more of the body. Never waits but for pictures inside of multipart bodies."""
        if self._hit is None:
            self._hit = self._body.feed(chunk)

    def end(self) -> Hit | None:
        """Return the hit; the first, of a body of several parts. May wait for a perceiver."""
        if self._hit is None:
            self._hit = self._body.end()
        self.drop()
        return self._hit

    def drop(self) -> None:
        """Forget what is held; for a body that broke off. May be called again."""
        self._body.drop()


class _Body:
    """A body, or a part of one: its coding undone, then a file or further parts."""

    def __init__(self, desk: Desk, content_type: str, coding: str, limit: int, depth: int) -> None:
        self._desk = desk
        self._undo = undo(coding)
        self._limit, self._depth = limit, depth
        boundary = boundary_of(content_type) if depth else None
        self._parts = Parts(boundary) if boundary else None
        self._part: _Body | None = None
        self._file = None if boundary else _File(desk, content_type, limit)

    @property
    def whole(self) -> bool:
        return self._file is not None and self._file.whole and not self._undo.spoiled

    @property
    def silent(self) -> bool:
        return self._file is not None and self._file.silent

    def feed(self, chunk: bytes) -> Hit | None:
        for piece in self._undo.feed(chunk):
            if self._file is not None:
                self._file.feed(piece)
            elif self._parts is not None and (hit := self._take(self._parts.feed(piece))):
                return hit
        return None

    def end(self) -> Hit | None:
        if self._undo.spoiled:
            self._desk.counts.add(Note.CODED)
        if self._file is not None:
            return self._file.end()
        return self._take(self._parts.end()) if self._parts else None

    def drop(self) -> None:
        if self._file is not None:
            self._file.drop()
        if self._part is not None:
            self._part.drop()

    def _take(self, found: Iterable[Begin | bytes | End]) -> Hit | None:
        for each in found:
            hit = None
            if isinstance(each, Begin):
                self._part = _Body(
                    self._desk,
                    each.content_type,
                    each.content_encoding,
                    self._limit,
                    self._depth - 1,
                )
            elif self._part is None:
                continue
            elif isinstance(each, End):
                hit = self._part.end()
                self._part.drop()
                self._part = None
            else:
                hit = self._part.feed(each)
            if hit is not None:
                return hit
        return None


class _File:
    """One file: its exact hashes and, of a picture, its bytes."""

    def __init__(self, desk: Desk, content_type: str, limit: int) -> None:
        self._desk, self._type, self._limit = desk, content_type, limit
        self._sort: Sort | None = None
        self._first = bytearray()
        self._hashes = [(k, hashlib.new(k.value, usedforsecurity=False)) for k in _exact(desk)]
        self._picture: bytearray | None = None
        self._held = 0

    @property
    def whole(self) -> bool:
        return self._sort is None or self._picture is not None

    @property
    def silent(self) -> bool:
        return self._sort is Sort.OTHER

    def feed(self, piece: bytes) -> None:
        if self._sort is None:
            self._first += piece
            if len(self._first) < FIRST:
                return
            piece = self._begin()
        if self._sort is Sort.OTHER:
            return
        for _, made in self._hashes:
            made.update(piece)
        if self._picture is not None:
            self._hold(piece)

    def end(self) -> Hit | None:
        if self._sort is None and self._first:
            rest = self._begin()
            for _, made in self._hashes:
                made.update(rest)
        if self._sort in {None, Sort.OTHER}:
            return None
        desk = self._desk
        desk.counts.add(Note.SCANNED)
        now = desk.clock()
        hit = desk.sets.find(((kind, made.digest()) for kind, made in self._hashes), now)
        if hit is None and self._picture and desk.perceive is not None:
            seen = desk.perceive(self._picture)
            desk.counts.add(seen.note)
            hit = desk.sets.near(seen.frames, now)
        self.drop()
        return hit

    def drop(self) -> None:
        """Zero and forget the picture."""
        if self._picture is not None:
            zero(self._picture)
        self._picture = None
        zero(self._first)
        self._desk.room.take(-self._held)
        self._held = 0

    def _begin(self) -> bytes:
        """Decide what this is; return what came so far."""
        first = bytes(self._first)
        self._first.clear()
        known = bool(self._desk.sets.kinds)
        self._sort = sort_of(first[:FIRST], self._type) if known else Sort.OTHER
        if self._sort is Sort.PICTURE and self._desk.perceive and Kind.PDQ in self._desk.sets.kinds:
            self._picture = bytearray()
        return first

    def _hold(self, piece: bytes) -> None:
        assert self._picture is not None
        size = len(self._picture) + len(piece)
        if size > self._limit:
            note = Note.LARGE
        elif self._desk.room.take(len(piece)):
            self._held += len(piece)
            self._picture += piece
            return
        else:
            note = Note.FULL
        self._desk.counts.add(note)
        self.drop()


def zero(held: bytearray) -> None:
    """Overwrite what is held, in place."""
    with memoryview(held) as view:
        for at in range(0, len(held), len(_ZEROS)):
            part = view[at : at + len(_ZEROS)]
            part[:] = _ZEROS[: len(part)]
            part.release()


def _exact(desk: Desk) -> list[Kind]:
    return [kind for kind in (Kind.SHA256, Kind.MD5) if kind in desk.sets.kinds]
