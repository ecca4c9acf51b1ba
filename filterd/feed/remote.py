"""Fetching files of a feed: over HTTP, or from a folder; and its stream of events. The only place
that waits for a network.

A file is never read past what it may have, whatever the headers say.
"""

import asyncio
from collections.abc import AsyncGenerator, Callable, Iterator, Mapping
from email.utils import mktime_tz, parsedate_tz
from pathlib import Path
from urllib.parse import unquote, urlsplit

import httpx
import zstandard

from filterd.feed import events
from filterd.feed.large import Pieces
from filterd.feed.refusal import Fault, Refused
from filterd.feed.sync import Fetch

PATIENCE = httpx.Timeout(20.0, connect=10.0)  # seconds without a byte
SILENCE = 120.0  # seconds without a byte, not even a heartbeat: the stream is dead
WINDOW = 1 << 20  # bytes that unpacking may look back
SLICE = 64  # bytes that are unpacked at once: at most 16 blocks, of 128 KiB each
_STREAM = {
    "Accept": "text/event-stream",
    "Accept-Encoding": "zstd",
    "Cache-Control": "no-store",
}
SLICE_OF_FILE = 1 << 20  # bytes of a large file that are held in memory
HearTime = Callable[[int], None]
_NONE = frozenset({400, 403, 404, 405, 406, 410, 501})


class NoStreamError(OSError):
    """The feed is static files: it is looked at, it does not push."""


def unheard(theirs: int) -> None:
    """Take no notice of the time at a server."""


def unsigned(path: str) -> Mapping[str, str]:
    """Return no headers: whoever serves `path` need not know who asks."""
    del path
    return {}


def over_http(client: httpx.AsyncClient, url: str, hear_time: HearTime = unheard) -> Fetch:
    """Return what fetches from the feed at `url`. `hear_time` is told what time it is there, in
    unix seconds; nothing but a hint to a clock that is wrong.
    """

    async def fetch(path: str, most: int) -> bytes:
        try:
            async with client.stream("GET", f"{url}/{path}") as response:
                if response.status_code != httpx.codes.OK:
                    raise OSError(f"{url}/{path}: status {response.status_code}")
                _hear(response, hear_time)
                return await _bounded(response, path, most)
        except httpx.HTTPError as error:
            raise OSError(f"{url}/{path}: {str(error) or type(error).__name__}") from error

    return fetch


async def pieces(
    client: httpx.AsyncClient,
    url: str,
    size: int,
    silence: float = SILENCE,
    hear_time: HearTime = unheard,
) -> AsyncGenerator[bytes, None]:
    """Yield what the stream of the feed at `url` says after the node's log `size`: first nothing,
    once it is open, then bytes as they come. `hear_time`: as in `over_http`.

    Raises:
        NoStreamError: there is none.
        OSError: it broke off, or `silence` seconds went by without a byte.
    """
    where = f"{url}/{events.PATH}"
    headers = _STREAM | {"Last-Event-ID": str(size)}
    patience = httpx.Timeout(silence, connect=PATIENCE.connect)
    try:
        async with client.stream("GET", where, headers=headers, timeout=patience) as response:
            if response.status_code in _NONE:
                raise NoStreamError(f"{where}: status {response.status_code}")
            if response.status_code != httpx.codes.OK:
                raise OSError(f"{where}: status {response.status_code}")
            kind = response.headers.get("content-type", "").partition(";")[0].strip()
            if kind != "text/event-stream":
                raise NoStreamError(f"{where}: {kind[:80]!r} is no stream of events")
            _hear(response, hear_time)
            yield b""
            open_up = _unpacker(response.headers.get("content-encoding", "identity"), where)
            async for piece in response.aiter_raw():
                for part in open_up(piece):
                    yield part
    except httpx.HTTPError as error:
        raise OSError(f"{where}: {str(error) or type(error).__name__}") from error


def _unpacker(encoding: str, where: str) -> Callable[[bytes], Iterator[bytes]]:
    """Return what unpacks the pieces of a stream. OSError: another encoding than was asked for."""
    if encoding == "identity":
        return lambda piece: iter((piece,))
    if encoding != "zstd":
        raise OSError(f"{where}: packed as {encoding[:40]!r}, which nobody asked for")
    found = zstandard.ZstdDecompressor(max_window_size=WINDOW).decompressobj(
        read_across_frames=True
    )

    def unpack(piece: bytes) -> Iterator[bytes]:
        # Little by little, so that what unpacks to very much is noticed by who reads it.
        for start in range(0, len(piece), SLICE):
            try:
                yield found.decompress(piece[start : start + SLICE])
            except zstandard.ZstdError as error:
                raise Refused(Fault.MALFORMED, f"events: they do not unpack: {error}") from error

    return unpack


def from_folder(url: str) -> Fetch:
    """Return what reads from the folder that the `file:` address `url` names."""
    folder = Path(unquote(urlsplit(url).path))

    async def fetch(path: str, most: int) -> bytes:
        return await asyncio.to_thread(_read, folder / path, path, most)

    return fetch


def pieces_over_http(
    client: httpx.AsyncClient, url: str, signed: Callable[[str], Mapping[str, str]] = unsigned
) -> Pieces:
    """Return what fetches large files from the feed at `url`, from any byte on. `signed` returns
    the headers that sign a request for a path.
    """

    async def pieces(path: str, start: int) -> AsyncGenerator[tuple[int, bytes], None]:
        where = f"{url}/{path}"
        headers = {"Accept-Encoding": "identity", **signed(urlsplit(where).path)}
        if start:
            headers["Range"] = f"bytes={start}-"
        try:
            async with client.stream("GET", where, headers=headers) as response:
                at = _begin(response, where, start)
                async for piece in response.aiter_raw(SLICE_OF_FILE):
                    yield at, piece
                    at += len(piece)
        except httpx.HTTPError as error:
            raise OSError(f"{where}: {str(error) or type(error).__name__}") from error

    return pieces


def _begin(response: httpx.Response, where: str, start: int) -> int:
    """Return the byte that an answer begins with: a server need not know of ranges (RFC 9110
    section 14).
    """
    if response.status_code == httpx.codes.OK:
        return 0
    if response.status_code == httpx.codes.REQUESTED_RANGE_NOT_SATISFIABLE:
        raise Refused(Fault.MIXED, f"{where}: shorter than it was")
    if response.status_code == httpx.codes.UNAUTHORIZED:
        why = "it is given to enrolled nodes: set `feed.hub`, then `filterd feed enrol CODE`"
        raise OSError(f"{where}: status 401: {why}")
    if response.status_code != httpx.codes.PARTIAL_CONTENT:
        raise OSError(f"{where}: status {response.status_code}")
    said = response.headers.get("content-range", "")
    if not said.startswith(f"bytes {start}-"):
        raise OSError(f"{where}: another part than was asked for: {said[:40]!r}")
    return start


def pieces_from_folder(url: str) -> Pieces:
    """Return what reads large files from the folder that the `file:` address `url` names."""
    folder = Path(unquote(urlsplit(url).path))

    async def pieces(path: str, start: int) -> AsyncGenerator[tuple[int, bytes], None]:
        file = folder / path
        if not file.is_file():
            raise FileNotFoundError(f"{path}: there is no such file")
        with file.open("rb") as source:
            source.seek(start)
            while piece := await asyncio.to_thread(source.read, SLICE_OF_FILE):
                yield start, piece
                start += len(piece)

    return pieces


def _hear(response: httpx.Response, hear_time: HearTime) -> None:
    said = parsedate_tz(response.headers.get("date", ""))
    if said is not None and 1970 < said[0] < 10_000:
        hear_time(mktime_tz(said))


async def _bounded(response: httpx.Response, path: str, most: int) -> bytes:
    found = bytearray()
    async for piece in response.aiter_raw():
        found += piece
        if len(found) > most:
            raise Refused(Fault.TOO_LARGE, f"{path}: longer than {most} bytes")
    return bytes(found)


def _read(file: Path, path: str, most: int) -> bytes:
    if not file.is_file():  # a pipe on a stick would be waited for without end
        raise FileNotFoundError(f"{path}: there is no such file")
    with file.open("rb") as source:
        found = source.read(most + 1)
    if len(found) > most:
        raise Refused(Fault.TOO_LARGE, f"{path}: longer than {most} bytes")
    return found
