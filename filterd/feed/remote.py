"""Fetching files of a feed: over HTTP, or from a folder. The only place that waits for a network.

A file is never read past what it may have, whatever the headers say.
"""

import asyncio
from pathlib import Path
from urllib.parse import unquote, urlsplit

import httpx

from filterd.feed.refusal import Fault, Refused
from filterd.feed.sync import Fetch

PATIENCE = httpx.Timeout(20.0, connect=10.0)  # seconds without a byte


def over_http(client: httpx.AsyncClient, url: str) -> Fetch:
    """Return what fetches from the feed at `url`."""

    async def fetch(path: str, most: int) -> bytes:
        try:
            async with client.stream("GET", f"{url}/{path}") as response:
                if response.status_code != httpx.codes.OK:
                    raise OSError(f"{url}/{path}: status {response.status_code}")
                return await _bounded(response, path, most)
        except httpx.HTTPError as error:
            raise OSError(f"{url}/{path}: {error or type(error).__name__}") from error

    return fetch


def from_folder(url: str) -> Fetch:
    """Return what reads from the folder that the `file:` address `url` names."""
    folder = Path(unquote(urlsplit(url).path))

    async def fetch(path: str, most: int) -> bytes:
        return await asyncio.to_thread(_read, folder / path, path, most)

    return fetch


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
