"""A lean client: requests that were made before, over a few connections that stay.

One process, one loop, next to nothing for a request: it shares the cores with what is measured.
"""

import asyncio
import time
from collections import Counter, deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import uvloop

BACK = {b"429", b"503"}  # answers after which a request is sent again, later
DONE = b"200"


@dataclass
class Posted:
    """What became of requests. `times`: seconds from sending one to its answer."""

    seconds: float = 0.0
    taken: int = 0
    known: int = 0
    answers: Counter[str] = field(default_factory=Counter)
    times: list[float] = field(default_factory=list)


def request(path: str, content: bytes, headers: Mapping[str, str], sender: str) -> bytes:
    """Return the bytes of a request as a proxy hands it on for the address `sender`."""
    named = {"Host": "hub", "X-Forwarded-For": sender, **headers}
    head = "".join(f"{name}: {value}\r\n" for name, value in named.items())
    length = f"Content-Length: {len(content)}\r\n\r\n"
    return f"POST {path} HTTP/1.1\r\n{head}{length}".encode() + content


def post(port: int, requests: Sequence[bytes], connections: int, patience: float) -> Posted:
    """Send all to loopback until each has its answer. TimeoutError: not within `patience` s."""
    return uvloop.run(_post(port, requests, connections, patience))


async def _post(port: int, requests: Sequence[bytes], connections: int, patience: float) -> Posted:
    posted, left = Posted(), deque(requests)
    loop = asyncio.get_running_loop()
    began = time.perf_counter()
    lines = []
    for _ in range(min(connections, len(requests))):
        done = loop.create_future()
        await loop.create_connection(
            lambda done=done: _Line(left, posted, done),  # type: ignore[misc]
            "127.0.0.1",
            port,
        )
        lines.append(done)
    async with asyncio.timeout(patience):
        await asyncio.gather(*lines)
    posted.seconds = time.perf_counter() - began
    return posted


class _Line(asyncio.Protocol):
    """One connection: one request after the other."""

    def __init__(self, left: deque[bytes], posted: Posted, done: "asyncio.Future[None]") -> None:
        self._left = left
        self._posted = posted
        self._done = done
        self._now = b""
        self._began = 0.0
        self._got = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin."""
        self._transport: Any = transport  # uvloop's own kind
        self._next()

    def data_received(self, data: bytes) -> None:
        """Read an answer; all of the hub's are of a length that they tell."""
        self._got += data
        head, end, body = self._got.partition(b"\r\n\r\n")
        if not end:
            return
        fields = head.lower()
        at = fields.index(b"content-length: ") + 16
        if len(body) < int(fields[at:].split(b"\r\n", 1)[0]):
            return
        self._got = b""
        status = head[9:12]
        self._posted.answers[status.decode()] += 1
        if status == DONE:
            self._posted.times.append(time.perf_counter() - self._began)
            taken, known = (int(each.rpartition(b":")[2]) for each in body[:-1].split(b","))
            self._posted.taken += taken
            self._posted.known += known
        elif status in BACK:
            at = fields.index(b"retry-after: ") + 13
            wait = float(fields[at:].split(b"\r\n", 1)[0])
            self._left.append(self._now)
            asyncio.get_running_loop().call_later(wait, self._next)
            return
        else:
            self._fail(RuntimeError(f"the hub says {(head + body)[:400]!r}"))
            return
        self._next()

    def connection_lost(self, exc: Exception | None) -> None:
        """End; too early if there is more to send."""
        self._fail(exc or ConnectionError("the hub closed a connection"))

    def _next(self) -> None:
        if not self._left:
            if not self._done.done():
                self._done.set_result(None)
            self._transport.close()
            return
        self._now = self._left.popleft()
        self._began = time.perf_counter()
        self._transport.write(self._now)

    def _fail(self, error: Exception) -> None:
        if not self._done.done():
            self._done.set_exception(error)
