"""Counts on disk that are in no batch yet: a file for each bucket, written on frame by frame.

Names are never used twice (each has a token), so a file that was merged into another, or went into
a batch, can be removed again after a power cut without a second thought: whoever took it in names
it. A frame has an id, so one that was written twice, because nobody knew whether it was, is read
once. A file is written on only by the process that began it.
"""

import json
import os
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from filterd.model.durable import make_directory, sync_directory, write_atomically
from filterd.report.frames import frame, read_frames
from filterd.report.tally import Tally, coarser, merge, read_tally, tally_json

BLOCK = 4096  # bytes that a file takes at least


@dataclass(frozen=True, slots=True)
class RowFile:
    """One file: tallies of `span` seconds from `bucket` (unix seconds) on."""

    span: int
    bucket: int
    token: str

    @property
    def name(self) -> str:
        """Its name in the folder."""
        return f"{self.span}-{self.bucket}-{self.token}.rows"

    @property
    def ends(self) -> int:
        """When its bucket ends, in unix seconds."""
        return self.bucket + self.span


class RowFiles:
    """The files in `folder`. `token` returns a new word for a name each time."""

    def __init__(self, folder: Path, token: Callable[[], str]) -> None:
        self._folder = folder
        self._token = token
        self._sizes: dict[RowFile, int] = {}
        self._growing: dict[tuple[int, int], RowFile] = {}
        self._leaving: set[str] = set()
        self.damaged = 0

    @property
    def size(self) -> int:
        """Bytes on disk."""
        return sum(max(BLOCK, size) for size in self._sizes.values())

    @property
    def files(self) -> list[RowFile]:
        """All of them, oldest first."""
        return sorted(self._sizes, key=lambda each: (each.bucket, each.span, each.token))

    def load(self) -> None:
        """Look at what is on disk, and end what a power cut left half done. OSError."""
        make_directory(self._folder)
        for path in self._folder.iterdir():
            file = _file_of(path.name)
            if file is None:
                path.unlink()  # a temporary file
            else:
                self._sizes[file] = path.stat().st_size
        for file in [each for each in self._sizes if each.span > 300]:
            self.remove(self._read(file)[0])

    def append(self, span: int, bucket: int, ident: str, tallies: Sequence[Tally]) -> None:
        """Add tallies of one bucket, and have them on disk. `ident` is the same when this is tried
        again.

        Raises:
            OSError: they are not, or nobody knows; try again.
        """
        file = self._growing.get((span, bucket))
        if file is None:
            file = RowFile(span, bucket, self._token())
            self._growing[span, bucket] = file
        path = self._folder / file.name
        written = self._sizes.get(file, 0)
        content = frame(_written({"id": ident, "rows": [tally_json(each) for each in tallies]}))
        new = written == 0
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        try:
            os.ftruncate(handle, written)  # what an attempt before this one left
            _write_all(handle, content)
            os.fsync(handle)
        finally:
            os.close(handle)
        if new:
            sync_directory(self._folder)
        self._sizes[file] = written + len(content)

    def read(self, files: Iterable[RowFile]) -> list[Tally]:
        """Return what stands in `files`, merged."""
        seen: set[str] = set()
        tallies: list[Tally] = []
        for file in files:
            for ident, rows in self._read(file)[1]:
                if ident not in seen:
                    seen.add(ident)
                    tallies += rows
        return merge(tallies)

    def rows_in(self, file: RowFile) -> int:
        """Return about how many rows `file` has, by its size: one is 60 bytes or more."""
        return self._sizes[file] // 60

    def finish(self, files: Iterable[RowFile]) -> None:
        """Write on none of these any more; what comes for their buckets begins another file."""
        for file in files:
            self._growing.pop((file.span, file.bucket), None)

    def merge(self, files: Collection[RowFile], span: int) -> None:
        """Put one file of `span` seconds in the place of `files`, all of one such bucket. OSError:
        nothing has changed.
        """
        self.finish(files)
        tallies = coarser(self.read(files), span)
        bucket = min(each.bucket for each in files) // span * span
        file = RowFile(span, bucket, self._token())
        names = [each.name for each in files]
        rows = {"id": file.token, "rows": [tally_json(each) for each in tallies]}
        content = frame(_written({"from": names})) + frame(_written(rows))
        write_atomically(self._folder / file.name, content)
        self._sizes[file] = len(content)
        self.remove(names)

    def remove(self, names: Collection[str]) -> None:
        """Remove files for good, and those that could not be removed before; they are read no more
        in any case. OSError: some are still there.
        """
        self._leaving.update(names)
        for name in self._leaving:
            file = _file_of(name)
            if file is not None:
                self._sizes.pop(file, None)
                self.finish([file])
        if self._leaving:
            for name in self._leaving:
                (self._folder / name).unlink(missing_ok=True)
            sync_directory(self._folder)
            self._leaving.clear()

    def _read(self, file: RowFile) -> tuple[list[str], list[tuple[str, list[Tally]]]]:
        """Return the names that `file` took in, and its frames. Half a frame is nothing."""
        frames, _ = read_frames((self._folder / file.name).read_bytes())
        taken: list[str] = []
        rows: list[tuple[str, list[Tally]]] = []
        for content in frames:
            try:
                value = json.loads(content)
                if "from" in value:
                    taken = list(value["from"])
                else:
                    rows.append((value["id"], [read_tally(each) for each in value["rows"]]))
            except (ValueError, KeyError, TypeError):  # whole, but not of this version
                self.damaged += 1
        return taken, rows


def _file_of(name: str) -> RowFile | None:
    parts = name.removesuffix(".rows").split("-")
    if not name.endswith(".rows") or len(parts) != 3 or not (parts[0] + parts[1]).isdigit():
        return None
    return RowFile(int(parts[0]), int(parts[1]), parts[2])


def _written(value: object) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode()


def _write_all(handle: int, content: bytes) -> None:
    rest = memoryview(content)
    while rest:
        rest = rest[os.write(handle, rest) :]
