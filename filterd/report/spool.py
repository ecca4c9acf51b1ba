"""The spool: counts on disk until the hub has them, within bounds.

What was added is on disk when `add` returns, and leaves it when the hub has taken it; a kill or a
power cut at any moment loses none of it and doubles none. A batch is made when it can be sent;
until then counts may still be merged, and are when the room gets short: five minutes to hours,
hours to days. Only then are the oldest dropped, and how many is told. A full disk costs counts,
never an answer: they wait in memory, within a bound.

Thread-safe; every method may wait for the disk, `status` is an attribute that never does.
"""

import logging
from collections import deque
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from threading import Lock

from filterd.model.durable import make_directory
from filterd.report.batch import MOST_CANDIDATES, MOST_ROWS, SPANS, Batch, Candidate, Lane, Tallied
from filterd.report.outgoing import Made, Outgoing, Seal
from filterd.report.rowfiles import RowFile, RowFiles
from filterd.report.tally import Clients, Tally, merge, told

logger = logging.getLogger(__name__)
SLOT, HOUR, DAY = SPANS
WAITING = 50_000  # tallies in memory that the disk did not take
_FULL = 0.9  # of the bound, where merging begins


@dataclass(frozen=True, slots=True)
class SpoolStatus:
    """How the spool does. Sizes in bytes; `oldest` in unix seconds, None: nothing waits."""

    size: int
    most: int
    files: int
    batches: int
    unwritten: int  # rows that the disk does not take
    oldest: int | None
    epoch: int
    sequence: int
    merged: int  # times that buckets were made coarser
    dropped: int  # rows, since the start
    damaged: int
    refused: int  # batches that the hub will never take, since the start
    problem: str | None


class Spool:
    """The spool in `folder`, of at most about `most` bytes. `token` returns a new word each time.

    Raises:
        OSError: it cannot be used.
    """

    def __init__(self, folder: Path, most: int, token: Callable[[], str], now: int) -> None:
        self._most = most
        self._token = token
        self._lock = Lock()
        self._clients = Clients()
        make_directory(folder)
        folder.chmod(0o700)
        self._rows = RowFiles(folder / "rows", token)
        self._out = Outgoing(folder)
        self._unwritten: deque[tuple[int, int, str, Sequence[Tally]]] = deque()
        self._merged = self._dropped = self._lost = self._refused = 0
        self._problem: str | None = None
        self._rows.load()
        self._out.load(now, self._rows.remove)
        self.status = self._look()

    def add(self, tallies: Iterable[Tally]) -> None:
        """Keep tallies of five minutes. Never raises for a disk that takes nothing."""
        buckets: dict[tuple[int, int], list[Tally]] = {}
        for each in self._clients.banded(merge(tallies)):
            buckets.setdefault((each.span, each.bucket), []).append(each)
        with self._working():
            self._unwritten += [(*key, self._token(), rows) for key, rows in buckets.items()]
            try:
                while self._unwritten:
                    self._rows.append(*self._unwritten[0])
                    self._unwritten.popleft()
                self._shrink()
                self._said(None)
            except OSError as error:
                self._said(f"counts cannot be written: {error.strerror or error}; free some space")
            while sum(len(rows) for *_, rows in self._unwritten) > WAITING:
                self._count_lost(len(self._unwritten.popleft()[3]))

    def next(self, lane: Lane) -> Made | None:
        """Return the oldest batch of `lane` that waits."""
        mark = f'"lane":"{lane.value}"'.encode()
        with self._working():
            return next((made for made in self._out.waiting() if mark in made.sealed), None)

    def make(self, until: int, node: str, seal: Seal, now: int) -> bool:
        """Make a batch, or as many as it takes, of the oldest counts whose bucket ends by `until`,
        and say whether there was anything. OSError: nothing has changed.
        """
        with self._working():
            files = self._oldest(until)
            rows = [told(each) for each in self._rows.read(files)]
            if not rows:
                self._rows.remove([each.name for each in files])
                return False
            parts = [rows[at : at + MOST_ROWS] for at in range(0, len(rows), MOST_ROWS)]
            empty = Batch(node, 0, 0, b"", now, Lane.COUNTS)
            self._rows.finish(files)
            self._make([replace(empty, rows=tuple(part)) for part in parts], seal, files)
            return True

    def make_candidates(
        self, candidates: Sequence[Candidate], node: str, seal: Seal, now: int
    ) -> None:
        """Make a batch of candidates. OSError: nothing has changed."""
        with self._working():
            batch = Batch(node, 0, 0, b"", now, Lane.CANDIDATES)
            most = tuple(candidates[:MOST_CANDIDATES])
            self._make([replace(batch, candidates=most)], seal, ())

    def make_signals(self, rows: Sequence[Tallied], node: str, seal: Seal, now: int) -> None:
        """Make a batch of a day's signs of going round the filter. OSError: nothing has changed."""
        with self._working():
            self._rows.remove(())  # or it would fail of that once the batch is made
            batch = Batch(node, 0, 0, b"", now, Lane.SIGNALS)
            self._make([replace(batch, rows=tuple(rows[:MOST_ROWS]))], seal, ())

    def done(self, made: Made) -> None:
        """The hub has it. OSError."""
        with self._working():
            self._rows.remove(())  # what could not be, before the batch that it is in is gone
            self._out.done(made)

    def refuse(self, made: Made, why: str) -> None:
        """The hub will never take it; it is set aside with the reason. OSError."""
        with self._working():
            self._rows.remove(())
            self._out.refuse(made, why)
            self._refused += 1

    @contextmanager
    def _working(self) -> Iterator[None]:
        """Hold the spool; how it does then is told without waiting for the disk."""
        with self._lock:
            try:
                yield
            finally:
                self.status = self._look()

    def _look(self) -> SpoolStatus:
        files, chain = self._rows.files, self._out.chain
        return SpoolStatus(
            size=self._rows.size + self._out.size,
            most=self._most,
            files=len(files),
            batches=self._out.batches,
            unwritten=sum(len(rows) for *_, rows in self._unwritten),
            oldest=files[0].bucket if files else None,
            epoch=chain.epoch,
            sequence=chain.sequence,
            merged=self._merged,
            dropped=self._dropped,
            damaged=self._rows.damaged + self._out.damaged,
            refused=self._refused,
            problem=self._problem,
        )

    def _make(self, batches: Sequence[Batch], seal: Seal, files: Collection[RowFile]) -> None:
        if self._lost:
            self._out.drop((), self._lost)
            self._lost = 0
        names = [each.name for each in files]
        self._out.make(batches, seal, names)
        self._rows.remove(names)

    def _oldest(self, until: int) -> list[RowFile]:
        """Return the oldest files, as many as are worth one batch."""
        found: list[RowFile] = []
        size = 0
        for file in self._rows.files:
            if file.ends > until:
                continue
            found.append(file)
            size += self._rows.rows_in(file)
            if size >= MOST_ROWS:
                break
        return found

    def _shrink(self) -> None:
        """Make room: coarser while that can be, then drop the oldest. OSError."""
        while self._rows.size + self._out.size > self._most * _FULL:
            if self._coarsened(SLOT, HOUR) or self._coarsened(HOUR, DAY):
                continue
            files = self._rows.files
            if self._rows.size + self._out.size <= self._most or not files:
                return
            rows = len(self._rows.read(files[:1]))
            if not self._dropped:
                logger.warning("report: no room, the oldest counts are dropped; see the metrics")
            self._dropped += rows
            self._out.drop([files[0].name], rows)
            self._rows.remove([files[0].name])

    def _coarsened(self, span: int, into: int) -> bool:
        """Merge the oldest files of `span` seconds that make a whole bucket of `into` seconds."""
        files = self._rows.files
        if not files:
            return False
        newest = max(each.bucket for each in files) // into * into
        fine = [each for each in files if each.span == span and each.bucket < newest]
        if not fine:
            return False
        first = fine[0].bucket // into * into
        self._rows.merge([each for each in fine if each.bucket < first + into], into)
        self._merged += 1
        return True

    def _count_lost(self, rows: int) -> None:
        self._lost += rows
        self._dropped += rows

    def _said(self, problem: str | None) -> None:
        if problem is not None and problem != self._problem:
            logger.error("report: %s", problem)
        self._problem = problem
