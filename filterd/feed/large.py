"""Large files of a feed: onto the disk in pieces, taken up again where they broke off.

Nothing of one is believed before all of it is there and has the digest that was signed.
"""

import asyncio
import hashlib
import os
from collections.abc import AsyncGenerator, Callable
from pathlib import Path

from filterd.feed.refusal import Fault, Refused

# (path in the feed, from which byte on) -> (at which byte, a piece), in a row. A server that knows
# of no ranges begins with byte 0 whatever was asked for. Raises Refused, or OSError.
Pieces = Callable[[str, int], AsyncGenerator[tuple[int, bytes], None]]

MODE = 0o600


async def fetch_large(pieces: Pieces, path: str, length: int, sha256: str, part: Path) -> None:
    """Fetch the file at `path`, of `length` bytes, into `part`, which may have the beginning of it
    from an earlier try.

    Raises:
        Refused: TOO_LARGE, TAMPERED or MIXED; `part` is gone.
        OSError: it broke off, and is taken up the next time; or it cannot be kept.
    """
    try:
        await _fill(pieces, path, length, part)
        await asyncio.to_thread(_check, part, path, sha256)
    except Refused:
        await asyncio.to_thread(part.unlink, missing_ok=True)
        raise


def digest_of(path: Path) -> str:
    """Return the SHA-256 of a file in hexadecimal digits. OSError."""
    with path.open("rb") as source:
        return hashlib.file_digest(source, "sha256").hexdigest()


def _check(part: Path, path: str, sha256: str) -> None:
    if digest_of(part) != sha256:
        raise Refused(Fault.TAMPERED, f"{path}: not the file that was signed")


async def _fill(pieces: Pieces, path: str, length: int, part: Path) -> None:
    descriptor = os.open(part, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, MODE)
    try:
        end = os.fstat(descriptor).st_size
        if end == length:
            return
        async for at, piece in pieces(path, end if end < length else 0):
            end = at + len(piece)
            if end > length:
                raise Refused(Fault.TOO_LARGE, f"{path}: longer than the {length} bytes signed")
            await asyncio.to_thread(_write, descriptor, piece, at)
        if end != length:
            raise OSError(f"{path}: it broke off after {end} of {length} bytes")
        os.ftruncate(descriptor, length)
        await asyncio.to_thread(os.fsync, descriptor)
    finally:
        os.close(descriptor)


def _write(descriptor: int, piece: bytes, at: int) -> None:
    while piece:
        done = os.pwrite(descriptor, piece, at)
        piece, at = piece[done:], at + done
