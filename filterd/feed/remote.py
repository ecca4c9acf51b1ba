"""Fetching files of a feed: over HTTP, or from a folder; and its stream of events. The only place
that waits for a network.

A file is never read past what it may have, whatever the headers say.
"""

import asyncio
from collections.abc import AsyncGenerator, Callable
from email.utils import mktime_tz, parsedate_tz
from pathlib import Path
from urllib.parse import unquote, urlsplit

import httpx

from filterd.feed import events
from filterd.feed.refusal import Fault, Refused
from filterd.feed.sync import Fetch

PATIENCE = httpx.Timeout(20.0, connect=10.0)  # seconds without a byte
SILENCE = 60.0  # seconds without a byte, not even a heartbeat: the stream is dead
_STREAM = {
    "Accept": "text/event-stream",
    "Accept-Encoding": "identity",
    "Cache-Control": "no-store",
}
HearTime = Callable[[int], None]
_NONE = frozenset({400, 403, 404, 405, 406, 410, 501})


class NoStreamError(OSError):
    """The feed is static files: it is looked at, it does not push."""


def unheard(theirs: int) -> None:
    """Take no notice of the time at a server."""


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
            async for piece in response.aiter_raw():
                yield piece
    except httpx.HTTPError as error:
        raise OSError(f"{where}: {str(error) or type(error).__name__}") from error


def from_folder(url: str) -> Fetch:
    """Return what reads from the folder that the `file:` address `url` names."""
    folder = Path(unquote(urlsplit(url).path))

    async def fetch(path: str, most: int) -> bytes:
        return await asyncio.to_thread(_read, folder / path, path, most)

    return fetch


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
    with file.open("rb") as source:
        found = source.read(most + 1)
    if len(found) > most:
        raise Refused(Fault.TOO_LARGE, f"{path}: longer than {most} bytes")
    return found
