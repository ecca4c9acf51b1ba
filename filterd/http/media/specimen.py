"""The test image: a harmless picture that every set of hashes contains, so that anybody can prove
that scanning works without any real list. It is made here, byte for byte the same everywhere:
a PNG of grey squares, its data not compressed (RFC 2083, RFC 1951 section 3.2.4).
"""

import hashlib
import struct
import zlib

ENTRY = "filterd-test"  # its name in every set
SIDE = 256  # pixels
CELLS = 8  # squares on a side
SHA256 = "7071b2344198581de4c7506aae6e26bf3db7bcb58fa39196e0ec125b7208505d"
MD5 = "53b77baa49b54c573f74c9e45c3cc1fa"
PDQ = "7708c70e0cef25293ad3f70824ede64c19f319b3db9200fdc52cdad2f31828f5"
_STORED = 65_535  # bytes of one stored block, at most


def specimen() -> bytes:
    """Return the PNG."""
    greys = hashlib.sha512(b"filterd media test image").digest()
    size = SIDE // CELLS
    rows = bytearray()
    for y in range(SIDE):
        rows.append(0)  # filter: none
        rows += b"".join(bytes([greys[y // size * CELLS + x]]) * size for x in range(CELLS))
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
