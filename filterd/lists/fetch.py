"""Getting one list from where it lives: HTTP(S), a file, or a `file://` address.

Nothing here judges rules. It keeps to limits (bytes on the wire, bytes unpacked, seconds,
redirects), never goes from https to http, takes no web page for a list, and leaves a plain file
with its SHA-256. Failing is expected: it is a value, with what to do next. What is worth another
try is tried again after a jittered pause.
"""

import asyncio
import hashlib
import os
import random
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

import httpx

from filterd.lists.remote import Refused, Response, Retry, request_list
from filterd.lists.schedule import backoff
from filterd.lists.shelf import Validators
from filterd.lists.unpack import unpacked
from filterd.model.errors import FilterdError

Progress = Callable[[int, int | None], None]  # bytes so far, bytes in all if known
Sleep = Callable[[float], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds of one fetch: bytes and seconds; `tries` counts the first one too."""

    wire_bytes: int = 256 * 2**20
    plain_bytes: int = 1024 * 2**20
    total_seconds: float = 300.0
    redirects: int = 5
    tries: int = 3
    backoff_seconds: float = 2.0


@dataclass(frozen=True, slots=True)
class NotModified:
    """The version at hand is still the newest."""


@dataclass(frozen=True, slots=True)
class Fetched:
    """A plain file at `path`, the caller's to keep or remove."""

    path: Path
    sha256: str
    size: int
    validators: Validators = field(default_factory=Validators)


@dataclass(frozen=True, slots=True)
class Failed:
    """Nothing was got; `reason` is for people."""

    reason: str


Result = NotModified | Fetched | Failed


@dataclass(frozen=True, slots=True)
class Fetcher:
    """What fetching needs from outside: a client (see `remote.open_client`), chance, waiting."""

    client: httpx.AsyncClient
    rng: random.Random
    limits: Limits = field(default_factory=Limits)
    sleep: Sleep = asyncio.sleep

    async def fetch(
        self,
        location: str,
        into: Path,
        *,
        known: Validators | None = None,
        progress: Progress | None = None,
    ) -> Result:
        """Fetch `location` (an http, https or file URL, or a path) to the file `into`."""
        told = progress or _silent
        try:
            path = local_path(location)
            if path is not None:
                return await asyncio.to_thread(_copy, path, into, self.limits, told)
            return await self._remote(location, into, known or Validators(), told)
        except (Refused, FilterdError) as error:
            return Failed(str(error))
        except OSError as error:
            return Failed(f"cannot read or keep it: {error.strerror or error}")

    async def _remote(
        self, url: str, into: Path, known: Validators, progress: Progress
    ) -> NotModified | Fetched:
        wire = into.with_name(into.name + ".wire")
        try:
            answer = await self._tried(url, wire, known, progress)
            if answer.status == httpx.codes.NOT_MODIFIED:
                if known == Validators():
                    raise Refused("the server says `not modified` though nothing was known of it")
                return NotModified()
            return await asyncio.to_thread(_unpack, wire, into, answer, self.limits)
        finally:
            wire.unlink(missing_ok=True)

    async def _tried(self, url: str, wire: Path, known: Validators, progress: Progress) -> Response:
        tries = max(1, self.limits.tries)
        for attempt in range(1, tries + 1):
            try:
                async with asyncio.timeout(self.limits.total_seconds):
                    with wire.open("wb") as sink:
                        take = _Counter(sink, self.limits.wire_bytes, progress)
                        return await request_list(
                            self.client,
                            url,
                            take,
                            headers=_conditions(known),
                            redirects=self.limits.redirects,
                        )
            except TimeoutError:
                problem = f"not done within {self.limits.total_seconds:g} s"
            except Retry as error:
                problem = str(error)
            if attempt < tries:
                await self.sleep(backoff(attempt, self.limits.backoff_seconds, self.rng))
        raise Refused(f"{problem} (tried {tries} times)" if tries > 1 else problem)


@dataclass(slots=True)
class _Counter:
    """Writes what comes over the wire, and stops it at `most` bytes."""

    sink: BinaryIO
    most: int
    progress: Progress
    done: int = 0

    def __call__(self, piece: bytes, total: int | None) -> None:
        self.done += len(piece)
        if self.done > self.most or (total is not None and total > self.most):
            raise Refused(f"more than the limit of {self.most} bytes")
        self.sink.write(piece)
        self.progress(self.done, total)


def local_path(location: str) -> Path | None:
    """Return the path that `location` means, or None for http and https.

    Raises:
        Refused: a scheme that is not served, or a `file://` address with a host.
    """
    scheme, separator, _ = location.partition("://")
    if not separator:
        return Path(location)
    if scheme.lower() in {"http", "https"}:
        return None
    if scheme.lower() == "file":
        url = httpx.URL(location)
        if url.host not in {"", "localhost"}:
            raise Refused(f"a file address names another host ({url.host}); use file:///path")
        return Path(url.path)
    raise Refused(f"cannot fetch {scheme}://; http, https and file are known")


def _silent(done: int, total: int | None) -> None:
    """Progress nobody asked for."""


def _conditions(known: Validators) -> dict[str, str]:
    headers = {}
    if known.etag:
        headers["If-None-Match"] = known.etag
    if known.last_modified:
        headers["If-Modified-Since"] = known.last_modified
    return headers


def _unpack(wire: Path, into: Path, answer: Response, limits: Limits) -> Fetched:
    with wire.open("rb") as source:
        sha256, size = _keep(unpacked(source, answer.codings), into, limits.plain_bytes)
    return Fetched(into, sha256, size, Validators(answer.etag, answer.last_modified))


def _copy(path: Path, into: Path, limits: Limits, progress: Progress) -> Fetched:
    if path.is_dir():
        raise Refused(f"{path} is a directory; name the file in it")
    if not path.is_file():
        raise Refused(f"no file {path}; put the list there or change its `path`")
    with path.open("rb") as source:
        total = os.fstat(source.fileno()).st_size
        if total > limits.wire_bytes:
            raise Refused(f"larger than {limits.wire_bytes} bytes")
        sha256, size = _keep(unpacked(source), into, limits.plain_bytes)
    progress(total, total)
    return Fetched(into, sha256, size)


def _keep(pieces: Iterator[bytes], into: Path, most: int) -> tuple[str, int]:
    """Write `pieces` to `into`; return SHA-256 and size. Leaves no file behind on failure."""
    digest = hashlib.sha256()
    size = 0
    try:
        with into.open("wb") as sink:
            for piece in pieces:
                _check_piece(piece, size, most)
                size += len(piece)
                digest.update(piece)
                sink.write(piece)
    except BaseException:
        into.unlink(missing_ok=True)
        raise
    return digest.hexdigest(), size


def _check_piece(piece: bytes, before: int, most: int) -> None:
    """Some servers send their error page as text/plain with status 200."""
    start = piece[:512].lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    if before == 0 and start.startswith((b"<!doctype html", b"<html")):
        raise Refused("got a web page, not a list; check the address")
    if before + len(piece) > most:
        raise Refused(f"unpacks to more than {most} bytes")
