"""Decompressing what others sent, as a stream that cannot grow without bound.

A list may be compressed twice: by HTTP (`Content-Encoding`) and because it is a .gz or .zst file,
which its first bytes tell. Every reader here gives at most what it was asked for, or a fixed few
megabytes, so a small bomb costs no memory; the caller counts what comes out and stops.
"""

import gzip
import io
import zlib
from collections.abc import Iterator, Sequence
from typing import BinaryIO, Protocol

import zstandard

from filterd.model.errors import RulesError

PIECE = 64 * 1024
MAX_LAYERS = 3  # Content-Encoding twice and a compressed file inside
_ZSTD_INPUT = 512  # bytes fed at once: 4 bytes can mean 128 KiB, so at most 16 MiB come back
_ZSTD_WINDOW = 1 << 27  # what `zstd --long` needs
_GZIP_MAGIC = b"\x1f\x8b\x08"
_ZSTD_MAGIC = b"\x28\xb5\x2f\xfd"


class _Readable(Protocol):
    def read(self, size: int = ..., /) -> bytes: ...


def unpacked(source: BinaryIO, encodings: Sequence[str] = ()) -> Iterator[bytes]:
    """Yield the plain bytes of `source`, piece by piece.

    `encodings` are the HTTP content codings in the order they were applied (RFC 9110 section
    8.4); the first bytes then say whether the content itself is gzip or zstd.

    Raises:
        RulesError: an unknown coding, a damaged or cut stream, too many layers.
    """
    stream: _Readable = source
    layers = 0
    for coding in reversed(encodings):
        stream = _decoded(stream, coding)
        layers += 1
    while True:
        head = _read(stream, len(_ZSTD_MAGIC))
        stream = _Rejoined(head, stream)
        found = _magic(head)
        if found is None:
            break
        layers += 1
        if layers > MAX_LAYERS:
            raise RulesError(f"compressed more than {MAX_LAYERS} times; publish the list plain")
        stream = _decoded(stream, found)
    while piece := _read(stream, PIECE):
        yield piece


def codings(header: str) -> tuple[str, ...]:
    """Return the codings of a Content-Encoding header, without `identity`."""
    words = (word.strip().lower() for word in header.split(","))
    return tuple(word for word in words if word and word != "identity")


def _magic(head: bytes) -> str | None:
    if head.startswith(_GZIP_MAGIC):
        return "gzip"
    return "zstd" if head.startswith(_ZSTD_MAGIC) else None


def _decoded(stream: _Readable, coding: str) -> _Readable:
    if coding in {"gzip", "x-gzip"}:
        # GzipFile reads members one after the other and never more than it is asked for.
        return gzip.GzipFile(fileobj=_Seekless(stream))
    if coding == "zstd":
        return _Zstd(stream)
    raise RulesError(f"content coding {coding[:40]!r} is not known here; gzip and zstd are")


def _read(stream: _Readable, size: int) -> bytes:
    """Read up to `size` bytes, short only at the end."""
    parts: list[bytes] = []
    missing = size
    try:
        while missing > 0 and (part := stream.read(missing)):
            parts.append(part)
            missing -= len(part)
    except EOFError:
        raise RulesError("the compressed data is cut off; fetch it again") from None
    except (zlib.error, gzip.BadGzipFile, zstandard.ZstdError) as error:
        raise RulesError(f"the compressed data is damaged: {error}") from error
    return b"".join(parts)


class _Rejoined:
    """`head`, then the rest of `stream`."""

    def __init__(self, head: bytes, stream: _Readable) -> None:
        self._head = head
        self._stream = stream

    def read(self, size: int = -1, /) -> bytes:
        if self._head:
            part, self._head = self._head[:size], self._head[size:]
            return part
        return self._stream.read(size)


class _Seekless(io.RawIOBase):
    """A reader as GzipFile wants one."""

    def __init__(self, stream: _Readable) -> None:
        self._stream = stream

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1, /) -> bytes:
        return self._stream.read(size)


class _Zstd:
    """Frames one after the other. zstandard's own stream reader does not tell a cut stream from
    a whole one, so frames are followed here.
    """

    def __init__(self, stream: _Readable) -> None:
        self._stream = stream
        self._frames = zstandard.ZstdDecompressor(max_window_size=_ZSTD_WINDOW)
        self._frame: zstandard.ZstdDecompressionObj | None = None
        self._input = b""
        self._output = b""

    def read(self, size: int = -1, /) -> bytes:
        while not self._output:
            self._input = self._input or self._stream.read(_ZSTD_INPUT)
            if not self._input:
                if self._frame is not None:
                    raise EOFError
                return b""
            if self._frame is None:
                self._frame = self._frames.decompressobj()
            self._output = self._frame.decompress(self._input)
            self._input = b""
            if self._frame.eof:
                self._input = self._frame.unused_data
                self._frame = None
        part, self._output = self._output[:size], self._output[size:]
        return part
