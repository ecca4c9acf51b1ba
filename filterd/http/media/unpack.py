"""Undoing a body's Content-Encoding while it streams, within bounds (RFC 9110 section 8.4.1)."""

import zlib
from collections.abc import Iterator
from typing import Protocol

PIECE = 65_536  # bytes that come out at once
# What comes out of a body is so much, and so many times what came in: pictures are packed already,
# and a worker that unpacks bombs serves nobody else meanwhile. The rest is not looked at.
FREE, TIMES = 65_536, 20


class Undo(Protocol):
    """One coding of one body."""

    spoiled: bool  # it could not be undone to its end

    def feed(self, chunk: bytes) -> Iterator[bytes]:
        """Yield what comes out, piece by piece."""
        ...


class Plain:
    """No coding."""

    spoiled = False

    def feed(self, chunk: bytes) -> Iterator[bytes]:
        """Yield the chunk."""
        yield chunk


class Unknown:
    """A coding that the standard library cannot undo (br, zstd), or several: nothing comes out."""

    spoiled = True

    def feed(self, chunk: bytes) -> Iterator[bytes]:  # noqa: ARG002 - what cannot be read
        """Yield nothing."""
        yield from ()


class Inflate:
    """gzip and deflate, RFC 1950 and 1952; a "deflate" without its header as well."""

    def __init__(self) -> None:
        self.spoiled = False
        self._left = FREE
        self._made: zlib._Decompress | None = None

    def feed(self, chunk: bytes) -> Iterator[bytes]:
        """Yield at most `PIECE` bytes at a time."""
        self._left += TIMES * len(chunk)
        if self._made is None and chunk:
            zipped = chunk[:1] in {b"\x1f", b"\x78"}
            self._made = zlib.decompressobj(32 + zlib.MAX_WBITS if zipped else -zlib.MAX_WBITS)
        while chunk and self._made is not None and not (self.spoiled or self._made.eof):
            try:
                piece = self._made.decompress(chunk, PIECE)
            except zlib.error:
                self.spoiled = True
                return
            self._left -= len(piece)
            if self._left < 0:
                self.spoiled = True
                return
            chunk = self._made.unconsumed_tail
            if piece:
                yield piece


def undo(content_encoding: str) -> Undo:
    """Return what undoes this Content-Encoding."""
    match content_encoding.strip().lower():
        case "" | "identity":
            return Plain()
        case "gzip" | "x-gzip" | "deflate":
            return Inflate()
        case _:
            return Unknown()
