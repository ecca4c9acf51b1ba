"""The beginning of a body with its Content-Encoding undone (RFC 9110 section 8.4.1), bounded.

Only what the standard library can undo: gzip and deflate. Of a page in another encoding (br, zstd)
the head is not read; its header fields are. A stream that grows a thousandfold is cut as all are.
"""

import zlib

_GZIP = 16 + zlib.MAX_WBITS


class Unpacked:
    """Undoes one encoding. `most`: bytes that come out altogether."""

    def __init__(self, encoding: str, most: int) -> None:
        self._encoding = encoding.strip().lower() or "identity"
        self._left = most
        self._stream: zlib._Decompress | None = None
        if self._encoding in ("gzip", "x-gzip"):
            self._stream = zlib.decompressobj(_GZIP)
        self.done = self._encoding not in ("identity", "gzip", "x-gzip", "deflate")

    def feed(self, data: bytes) -> bytes:
        """Return what comes of the next bytes; nothing once the stream is broken or `done`."""
        if self.done or not data:
            return b""
        if self._encoding == "deflate" and self._stream is None:
            self._stream = zlib.decompressobj(_window(data))
        if self._stream is None:
            plain = data[: self._left]
        else:
            try:
                plain = self._stream.decompress(data, self._left)
            except zlib.error:
                self.done = True
                return b""
        self._left -= len(plain)
        self.done = self._left <= 0 or (self._stream is not None and self._stream.eof)
        return plain


def _window(data: bytes) -> int:
    """Tell zlib streams (RFC 1950: method 8, window up to 7) from bare deflate, which some send."""
    return zlib.MAX_WBITS if data[0] & 0x8F == 8 else -zlib.MAX_WBITS
