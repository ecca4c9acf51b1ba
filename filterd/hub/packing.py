"""Bodies that were packed on their way, by zstd alone."""

import zstandard

from filterd.feed.refusal import Fault, Refused
from filterd.hub.limits import too_long
from filterd.hub.problems import Problem

_WINDOW = 8 * 2**20  # bytes of memory that unpacking may take
_UNKNOWN = 2**63


def unpacked(content: bytes, encoding: str, most: int) -> bytes:
    """Return what was packed. Problem 413, 415 (another encoding than zstd); Refused: MALFORMED."""
    if encoding in {"", "identity"}:
        return content
    if encoding != "zstd":
        raise Problem(415, "a body is plain, or its Content-Encoding is zstd")
    try:
        if plain_size(content, encoding) <= most:  # then no more than that comes of it
            return zstandard.ZstdDecompressor(max_window_size=_WINDOW).decompress(content)
        with zstandard.ZstdDecompressor(max_window_size=_WINDOW).stream_reader(content) as source:
            found = source.read(most + 1)
    except zstandard.ZstdError as error:
        raise Refused(Fault.MALFORMED, f"the body does not unpack: {error}") from error
    if len(found) > most:
        raise too_long(most)
    return found


def plain_size(content: bytes, encoding: str) -> int:
    """Return the bytes that this unpacks to, or more than there can be: nobody knows before."""
    if encoding in {"", "identity"}:
        return len(content)
    try:
        said = zstandard.frame_content_size(content)
    except zstandard.ZstdError:
        said = -1
    return _UNKNOWN if said < 0 else said
