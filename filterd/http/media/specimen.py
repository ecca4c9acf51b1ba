"""The test image: a harmless picture that every set of hashes contains, so that anybody can prove
that scanning works without any real list. It is made here, byte for byte the same everywhere:
a PNG of grey clouds, its data not compressed (RFC 2083, RFC 1951 section 3.2.4).
"""

import hashlib
import struct
import zlib

ENTRY = "filterd-test"  # its name in every set
SIDE = 256  # pixels
CELLS = 16  # on a side; between their corners greys go over into each other
SHA256 = "9d50ec75fc9e1bfdf61d6397a2f515ca36c75c95fcaf9f2af37a727f45afabda"
MD5 = "b44f9cc906dfb4befc36b0a75586102f"
PDQ = "dcd40a93eac872da92fcd4262f627b19d361e910766c315690cca77370f7a329"
_STORED = 65_535  # bytes of one stored block, at most


def specimen() -> bytes:
    """Return the PNG."""
    size, points = SIDE // CELLS, CELLS + 1
    grey = hashlib.shake_256(b"filterd media test image").digest(points * points)
    rows = bytearray()
    for y in range(SIDE):
        rows.append(0)  # filter: none
        top, down = divmod(y, size)
        for x in range(SIDE):
            left, right = divmod(x, size)
            at = top * points + left
            above = grey[at] * (size - right) + grey[at + 1] * right
            below = grey[at + points] * (size - right) + grey[at + points + 1] * right
            rows.append((above * (size - down) + below * down) // (size * size))
    head = struct.pack(">IIBBBBB", SIDE, SIDE, 8, 0, 0, 0, 0)
    return b"".join(
        (
            b"\x89PNG\r\n\x1a\n",
            _chunk(b"IHDR", head),
            _chunk(b"IDAT", _stored(bytes(rows))),
            _chunk(b"IEND", b""),
        )
    )


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def _stored(data: bytes) -> bytes:
    """Return `data` as a zlib stream that does not depend on the library that makes it."""
    out = bytearray(b"\x78\x01")
    for at in range(0, len(data), _STORED):
        block = data[at : at + _STORED]
        last = at + len(block) == len(data)
        out += struct.pack("<BHH", last, len(block), 0xFFFF ^ len(block)) + block
    return bytes(out + struct.pack(">I", zlib.adler32(data)))
