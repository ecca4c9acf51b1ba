"""The parts of a multipart body while it streams (RFC 2046 section 5.1, RFC 7578). Sans-io.

Of a part's head only its type and coding are kept, and the head is bounded; a body that does not
keep to the rules yields what could be told of it, and never an error.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

HEAD = 16_384  # bytes of one part's head
PARTS = 1000  # of one body; the rest is not looked at
_BOUNDARY = re.compile(r';\s*boundary\s*=\s*(?:"([^"]{1,70})"|([^\s;"]{1,70}))', re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Begin:
    """A part begins."""

    content_type: str
    content_encoding: str


@dataclass(frozen=True, slots=True)
class End:
    """The part is over."""


def boundary_of(content_type: str) -> bytes | None:
    """Return the boundary that a multipart type names; None: it is no multipart, or names none."""
    if not content_type.strip().lower().startswith("multipart/"):
        return None
    found = _BOUNDARY.search(content_type)
    return (found[1] or found[2]).encode("latin-1", "replace") if found else None


class Parts:
    """One body. `feed` yields `Begin`, bytes and `End`; `end` closes what is still open."""

    def __init__(self, boundary: bytes) -> None:
        self._mark = b"\r\n--" + boundary
        self._held = bytearray(b"\r\n")  # the first boundary may stand at the very beginning
        self._where = "before"  # then: mark, head, data; over
        self._parts = 0

    def feed(self, chunk: bytes) -> Iterator[Begin | bytes | End]:
        """Take more of the body."""
        self._held += chunk
        while self._where != "over":
            step = self._mark_end if self._where == "mark" else self._head
            if self._where in {"before", "data"}:
                yield from self._data()
                if self._where in {"before", "data"}:
                    return
            elif (begin := step()) is not None:
                yield from begin
            else:
                return
        self._held.clear()

    def end(self) -> Iterator[Begin | bytes | End]:
        """The body is over, whether or not its last boundary came."""
        if self._where == "data":
            yield bytes(self._held)
            yield End()
        self._held.clear()
        self._where = "over"

    def _data(self) -> Iterator[bytes | End]:
        """Give out what cannot be the beginning of a boundary."""
        inside = self._where == "data"
        at = self._held.find(self._mark)
        safe = at if at >= 0 else max(0, len(self._held) - len(self._mark) + 1)
        if inside and safe:
            yield bytes(self._held[:safe])
        del self._held[:safe]
        if at >= 0:
            del self._held[: len(self._mark)]
            self._where = "mark"
            if inside:
                yield End()

    def _mark_end(self) -> tuple[()] | None:
        """Read what stands behind a boundary: two dashes for the last, else the end of a line."""
        if self._held.startswith(b"--"):
            self._where = "over"
            return ()
        line = self._held.find(b"\r\n")
        if line < 0:
            if len(self._held) > HEAD:
                self._where = "over"
                return ()
            return None
        self._parts += 1
        del self._held[:line]  # its line end stays: a head may be empty
        self._where = "head" if self._parts <= PARTS else "over"
        return ()

    def _head(self) -> tuple[Begin] | tuple[()] | None:
        end = self._held.find(b"\r\n\r\n")
        if end < 0:
            if len(self._held) > HEAD:
                self._where = "over"
                return ()
            return None
        fields: dict[str, str] = {}
        for line in self._held[:end].decode("latin-1").split("\r\n"):
            name, _, value = line.partition(":")
            fields.setdefault(name.strip().lower(), value.strip())
        del self._held[: end + 4]
        self._where = "data"
        return (Begin(fields.get("content-type", ""), fields.get("content-encoding", "")),)
