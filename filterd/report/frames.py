"""Frames in a file: length, CRC-32, content. Whatever a power cut leaves behind a whole frame is
seen and left out, and what is before it is whole.
"""

import struct
import zlib

_HEAD = struct.Struct("<II")
MOST = 64 * 2**20  # bytes of one


def frame(content: bytes) -> bytes:
    """Return `content` as one frame."""
    return _HEAD.pack(len(content), zlib.crc32(content)) + content


def read_frames(data: bytes) -> tuple[list[bytes], int]:
    """Return the contents of the whole frames at the beginning of `data`, and where they end."""
    found: list[bytes] = []
    at = 0
    while at + _HEAD.size <= len(data):
        length, check = _HEAD.unpack_from(data, at)
        end = at + _HEAD.size + length
        if not 0 < length <= MOST or end > len(data):
            break
        content = data[at + _HEAD.size : end]
        if zlib.crc32(content) != check:
            break
        found.append(content)
        at = end
    return found, at
