"""The HTTP door for operators: `/metrics`, `/healthz`, `/readyz`, for GET and HEAD, nothing else.

One request a connection, small limits on size, time and number of connections, and no input that
can end it. It shares the event loop with DNS, so a page is rendered at most once a second and
handed out again to whoever asks more often.

healthz says 200 while the event loop runs. readyz says 200 when there is nothing in the reasons
it was given, else 503 with one reason a line.
"""

import asyncio
import contextlib
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from http import HTTPStatus

from prometheus_client import CollectorRegistry
from prometheus_client.exposition import choose_encoder

logger = logging.getLogger(__name__)

MAX_HEAD = 8192  # bytes of request line and headers
MAX_CONNECTIONS = 32
READ_TIME = 5.0  # seconds for the whole request, and again for the reply
FRESH = 1.0  # seconds
_PLAIN = "text/plain; charset=utf-8"


@dataclass(frozen=True, slots=True)
class Reply:
    """A response; `allow` is set for 405 only."""

    status: HTTPStatus
    body: bytes
    content_type: str = _PLAIN
    allow: bool = False


class _Refused(Exception):
    def __init__(self, status: HTTPStatus, text: str) -> None:
        super().__init__(text)
        self.reply = Reply(status, f"{text}\n".encode(), allow=status == 405)


class MetricsServer:
    """Serves one registry.

    Args:
        registry: what `/metrics` shows.
        not_ready: returns the reasons why `/readyz` must say no; none: ready.
        monotonic: seconds that never go back.
    """

    def __init__(
        self,
        registry: CollectorRegistry,
        not_ready: Callable[[], Sequence[str]],
        monotonic: Callable[[], float],
    ) -> None:
        self._registry = registry
        self._not_ready = not_ready
        self._monotonic = monotonic
        self._rendered: tuple[float, str, Reply] | None = None
        self._server: asyncio.Server | None = None
        self._connections = 0

    async def start(self, host: str, port: int) -> tuple[str, int]:
        """Listen; port 0 takes a free one. Returns the address bound. Raises OSError."""
        self._server = await asyncio.start_server(self._serve, host, port, limit=MAX_HEAD)
        address = self._server.sockets[0].getsockname()
        return address[0], address[1]

    async def close(self) -> None:
        """Stop listening."""
        if self._server is not None:
            self._server.close()
            self._server = None

    def reply(self, method: str, path: str, accept: str) -> Reply:
        """Answer one request; pure but for the numbers it reads."""
        if method not in ("GET", "HEAD"):
            raise _Refused(HTTPStatus.METHOD_NOT_ALLOWED, "only GET and HEAD")
        match path.partition("?")[0]:
            case "/metrics":
                return self._metrics(accept)
            case "/healthz":
                return Reply(HTTPStatus.OK, b"ok\n")
            case "/readyz":
                return self._ready()
            case _:
                raise _Refused(HTTPStatus.NOT_FOUND, "try /metrics, /healthz or /readyz")

    def _admit(self) -> None:
        if self._connections > MAX_CONNECTIONS:
            raise _Refused(HTTPStatus.SERVICE_UNAVAILABLE, "too many connections")

    def _ready(self) -> Reply:
        reasons = self._not_ready()
        if reasons:
            return Reply(
                HTTPStatus.SERVICE_UNAVAILABLE, "".join(f"{r}\n" for r in reasons).encode()
            )
        return Reply(HTTPStatus.OK, b"ready\n")

    def _metrics(self, accept: str) -> Reply:
        try:
            encode, content_type = choose_encoder(accept)
        except (TypeError, ValueError):  # it compares versions that are none
            encode, content_type = choose_encoder("")
        now = self._monotonic()
        if self._rendered is not None:
            at, rendered_as, reply = self._rendered
            if rendered_as == content_type and now - at < FRESH:
                return reply
        reply = Reply(HTTPStatus.OK, encode(self._registry), content_type)
        self._rendered = now, content_type, reply
        return reply

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._connections += 1
        try:
            async with asyncio.timeout(2 * READ_TIME):
                await self._exchange(reader, writer)
        except (OSError, TimeoutError) as error:
            logger.debug("metrics: connection lost: %s", error)
        finally:
            self._connections -= 1
            writer.close()

    async def _exchange(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        method = ""
        try:
            self._admit()
            method, path, accept = _parse(await _head(reader))
            reply = self.reply(method, path, accept)
        except _Refused as refused:
            reply = refused.reply
        except EOFError:
            return  # came and went
        except OSError:
            raise  # lost; nothing to answer to
        except Exception:
            logger.exception("metrics: cannot answer")
            reply = Reply(HTTPStatus.INTERNAL_SERVER_ERROR, b"see the log\n")
        writer.write(_encode(reply, with_body=method != "HEAD"))
        await writer.drain()
        await _end(reader, writer)


async def _head(reader: asyncio.StreamReader) -> bytes:
    try:
        async with asyncio.timeout(READ_TIME):
            return await reader.readuntil(b"\r\n\r\n")
    except asyncio.LimitOverrunError:
        raise _Refused(
            HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE, f"more than {MAX_HEAD} bytes of headers"
        ) from None
    except TimeoutError:
        raise _Refused(HTTPStatus.REQUEST_TIMEOUT, "no whole request in time") from None
    except asyncio.IncompleteReadError as error:
        if not error.partial:
            raise
        raise _Refused(HTTPStatus.BAD_REQUEST, "half a request") from None


def _parse(head: bytes) -> tuple[str, str, str]:
    """Return method, path and Accept."""
    lines = head.decode("latin-1").split("\r\n")
    if any(character < " " and character != "\t" for line in lines for character in line):
        raise _Refused(HTTPStatus.BAD_REQUEST, "control characters")
    words = lines[0].split(" ")
    if len(words) != 3 or words[2] not in ("HTTP/1.0", "HTTP/1.1") or not words[1].startswith("/"):
        raise _Refused(HTTPStatus.BAD_REQUEST, "not an HTTP/1 request")
    accept = ""
    for line in lines[1:-2]:
        name, colon, value = line.partition(":")
        if not colon or not name or name != name.strip():
            raise _Refused(HTTPStatus.BAD_REQUEST, "a header without a name")
        if name.lower() == "accept":
            accept = value.strip()
    return words[0], words[1], accept


def _encode(reply: Reply, *, with_body: bool) -> bytes:
    head = (
        f"HTTP/1.1 {reply.status.value} {reply.status.phrase}\r\n"
        f"Content-Type: {reply.content_type}\r\nContent-Length: {len(reply.body)}\r\n"
        f"{'Allow: GET, HEAD' + chr(13) + chr(10) if reply.allow else ''}"
        "Cache-Control: no-store\r\nConnection: close\r\n\r\n"
    )
    return head.encode("latin-1") + (reply.body if with_body else b"")


async def _end(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Say that we are done and read what still comes, or the kernel would answer the rest of an
    over-long request with a reset that takes our reply with it.
    """
    if writer.can_write_eof():
        writer.write_eof()
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(1.0):
            for _ in range(64):
                if not await reader.read(MAX_HEAD):
                    return
