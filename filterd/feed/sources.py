"""Where the patterns of held entries lie: a body, and the segments after it."""

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import overload

from filterd.core import Patterns
from filterd.feed.body import Body, pack_patterns, patterns_of
from filterd.feed.ledger import Entry, Ledger, digest
from filterd.feed.segment import Segment, path_of, unpack
from filterd.model.order import Order


class SegmentFiles(Sequence[bytes]):
    """The files of segments `first` to `end` of the log in `folder`, read when they are asked for.
    OSError.
    """

    def __init__(self, folder: Path, first: int, end: int) -> None:
        self._folder = folder
        self._numbers = range(first, end)

    def __len__(self) -> int:
        return len(self._numbers)

    @overload
    def __getitem__(self, at: int) -> bytes: ...

    @overload
    def __getitem__(self, at: slice) -> Sequence[bytes]: ...

    def __getitem__(self, at: int | slice) -> bytes | Sequence[bytes]:
        if isinstance(at, slice):
            return [self._read(number) for number in self._numbers[at]]
        return self._read(self._numbers[at])

    def segments(self) -> Iterator[Segment]:
        """Yield what they say. Refused, OSError."""
        return (unpack(file) for file in self)

    def _read(self, number: int) -> bytes:
        return (self._folder / path_of(number)).read_bytes()


def each_order(
    ledger: Ledger, body: Body | None, segments: Iterable[Segment]
) -> Iterator[tuple[Entry, Patterns]]:
    """Yield every entry of `ledger` with its patterns, as they were logged; one at a time is in
    memory.

    Raises:
        Refused: a body or a segment does not read.
        OSError: it cannot be read.
    """
    for known, block in () if body is None else body.blocks():
        entry = ledger.entries.get(known.digest)
        if entry is not None:
            yield entry, patterns_of(entry, block)
    for segment in segments:
        for signed in segment.acts:
            if not isinstance(signed.act, Order):
                continue
            entry = ledger.entries.get(digest(signed))
            # The same order may have been logged again: the first counts.
            if entry is not None and entry.segment == segment.number:
                yield entry, pack_patterns(signed.act.patterns)
