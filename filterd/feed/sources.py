"""Where the patterns of held entries lie: a body, and the segments after it."""

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, overload

from filterd.core import Patterns
from filterd.feed.body import KINDS, Body, patterns_of, splice
from filterd.feed.canonical import canonical
from filterd.feed.ledger import Digest, Entry, Ledger
from filterd.feed.refusal import Fault, Refused
from filterd.feed.segment import path_of, plain_segment


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

    def _read(self, number: int) -> bytes:
        return (self._folder / path_of(number)).read_bytes()


def each_order(
    ledger: Ledger, body: Body | None, files: Iterable[bytes]
) -> Iterator[tuple[Entry, Patterns]]:
    """Yield every entry of `ledger` with its patterns, as they were logged: those of `body`, then
    those of segments, whose files are given. One at a time is in memory.

    Raises:
        Refused: a body or a segment does not read.
        OSError: it cannot be read.
    """
    for known, block in () if body is None else body.blocks():
        entry = ledger.entries.get(known.digest)
        if entry is not None:
            yield entry, patterns_of(entry, block)
    for file in files:
        plain = plain_segment(file)
        for value in plain["acts"]:
            if not isinstance(value, dict) or value.get("kind") != "order":
                continue
            patterns, mark = _packed(value)
            entry = ledger.entries.get(mark)
            # The same order may have been logged again: the first counts.
            if entry is not None and entry.segment == plain["number"]:
                yield entry, patterns


def _packed(value: dict[str, Any]) -> tuple[Patterns, Digest]:
    """Return the patterns of a signed order as it stands in a segment, and its digest."""
    try:
        act = value["act"]
        patterns = Patterns([(_KINDS[match], text) for match, text in act["patterns"]])
        head = canonical({**value, "act": {**act, "patterns": []}})
    except (KeyError, TypeError, ValueError) as error:
        raise Refused(Fault.MALFORMED, f"segment: an order that does not read: {error}") from error
    return patterns, hashlib.sha256(splice(head, patterns.canonical())).digest()


_KINDS = {kind.value: number for number, kind in enumerate(KINDS)}
