"""The lines of a list by their number, to show where a verdict comes from."""

from array import array
from functools import cached_property
from pathlib import Path


class ListText:
    """One list on disk; read at the first use. OSError when it cannot be."""

    def __init__(self, path: Path) -> None:
        self.path = path

    @cached_property
    def data(self) -> bytes:
        """The whole text."""
        return self.path.read_bytes()

    @cached_property
    def _offsets(self) -> "array[int]":
        data = self.data
        offsets = array("Q", [0])
        at = data.find(b"\n") + 1
        while at:
            offsets.append(at)
            at = data.find(b"\n", at) + 1
        return offsets

    def line(self, number: int) -> str | None:
        """Return the text of a line, counted from 1, without blanks around it."""
        if not 0 < number <= len(self._offsets):
            return None
        start = self._offsets[number - 1]
        end = self.data.find(b"\n", start)
        raw = self.data[start : end if end >= 0 else len(self.data)]
        return raw.decode("utf-8", "replace").strip()
