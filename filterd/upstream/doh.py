"""DNS over HTTPS (RFC 8484): POST over kept HTTP/2 connections, h2 for the protocol.

Every question is one HTTP/2 stream, with id 0 so that caches may share it. An answer counts only
with status 200, type application/dns-message, at most 65,535 octets and the question that was
asked. Redirects are not followed: they would lead to a server nobody configured.
"""

import asyncio
import logging
import ssl
from collections.abc import Mapping
from typing import cast

from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.errors import ErrorCodes
from h2.events import (
    ConnectionTerminated,
    DataReceived,
    Event,
    ResponseReceived,
    StreamEnded,
    StreamReset,
)
from h2.exceptions import ProtocolError

from filterd.upstream.base import ExchangeError, Fault, Means
from filterd.upstream.bootstrap import located
from filterd.upstream.counts import Counts, Drop
from filterd.upstream.dial import dial
from filterd.upstream.kept import Job, Keeper, KeptTransport, Session
from filterd.upstream.message import (
    Expected,
    Fit,
    expected_as_is,
    fits,
    padded,
    restored,
    truncated,
)
from filterd.upstream.server import Server
from filterd.upstream.tls import ResumingContext, client_context

logger = logging.getLogger(__name__)

TYPE = "application/dns-message"
LARGEST = 65_535
MOST_UNPARSED = 65_536
_SETTINGS = b"\x04"  # a frame's type is its fourth octet
MOST_OPEN = 100
LAST_STREAM = 2**30  # then a new connection, well before the ids run out (RFC 9113 section 5.1.1)


class _Stream:
    """One question on its HTTP/2 stream."""

    __slots__ = ("body", "expected", "fault", "job")

    def __init__(self, job: Job, expected: Expected) -> None:
        self.job = job
        self.expected = expected
        self.body = bytearray()
        self.fault: Fault | None = None


class HttpSession(asyncio.Protocol):
    """One HTTP/2 connection over TLS."""

    def __init__(
        self, keeper: Keeper, server: Server, counts: Counts, context: ResumingContext
    ) -> None:
        self.heard = 0
        self.idle_since = 0.0
        self._keeper = keeper
        self._counts = counts
        self._context = context
        name = server.tls_name
        host = f"[{name}]" if ":" in name else name
        self._headers = (
            (":method", "POST"),
            (":scheme", "https"),
            (":authority", host if server.port == 443 else f"{host}:{server.port}"),
            (":path", server.path),
            ("accept", TYPE),
            ("content-type", TYPE),
        )
        self._h2 = H2Connection(H2Configuration(client_side=True, header_encoding="utf-8"))
        self._streams: dict[int, _Stream] = {}
        self._transport: asyncio.Transport | None = None
        self._ended = False
        self._going_away = False
        self._unparsed = 0  # octets since the last event

    @property
    def busy(self) -> bool:
        """Whether answers are awaited."""
        return any(stream.job.done is not None for stream in self._streams.values())

    @property
    def room(self) -> bool:
        """Whether it takes one more question."""
        most = min(MOST_OPEN, self._h2.remote_settings.max_concurrent_streams)
        return not (self._ended or self._going_away) and len(self._streams) < most

    @property
    def resumed(self) -> bool:
        """Whether TLS took up an earlier session."""
        tls = self._tls()
        return tls is not None and bool(tls.session_reused)

    @property
    def alpn(self) -> str | None:
        """The protocol that TLS agreed on."""
        tls = self._tls()
        return None if tls is None else tls.selected_alpn_protocol()

    def submit(self, job: Job) -> None:
        """Send the job's query and settle the job when its answer comes."""
        query = padded(job.query)
        stream = _Stream(job, expected_as_is(query))
        try:
            number = self._h2.get_next_available_stream_id()
            if number > LAST_STREAM:
                self._going_away = True
            self._h2.send_headers(number, [*self._headers, ("content-length", str(len(query)))])
            self._h2.send_data(number, query, end_stream=True)
        except ProtocolError as error:  # the peer's window is smaller than one question
            logger.debug("http/2: %s", error)
            job.settle(Fault.HTTP)
            return
        self._streams[number] = stream
        self._flush()

    def abort(self) -> list[Job]:
        """Close at once; returns the jobs that were not settled."""
        self._ended = True
        self._context.keep(self._tls())
        jobs = [stream.job for stream in self._streams.values() if stream.job.done is not None]
        self._streams.clear()
        if self._transport is not None:
            self._transport.abort()
        return jobs

    # -- asyncio.Protocol

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """See asyncio.Protocol."""
        self._transport = cast("asyncio.Transport", transport)
        self._h2.initiate_connection()
        self._flush()

    def connection_lost(self, exc: Exception | None) -> None:
        """See asyncio.Protocol."""
        if self._ended:
            return
        logger.debug("http/2 connection ended: %s", exc)
        self._keeper.lost(self, self.abort(), Fault.CLOSED)

    def data_received(self, data: bytes) -> None:
        """See asyncio.Protocol."""
        self.heard += 1
        if self.heard <= 2:
            self._context.keep(self._tls())
        try:
            events = self._parsed(data)
        except ProtocolError as error:
            logger.debug("not HTTP/2: %s", error)
            self._flush()
            self._keeper.lost(self, self.abort(), Fault.GARBAGE)
            return
        for event in events:
            self._event(event)
            if self._ended:
                return
        self._flush()
        if self._going_away and not self._streams:
            self._keeper.lost(self, self.abort(), Fault.CLOSED)

    def _parsed(self, data: bytes) -> list[Event]:
        """Return what the bytes complete. Raises ProtocolError."""
        # RFC 9113 section 3.4: the server begins with SETTINGS.
        if self.heard == 1 and data[3:4] not in {b"", _SETTINGS}:
            raise ProtocolError("the first frame is no SETTINGS")
        events = self._h2.receive_data(data)
        # h2 checks the length of a frame only when it is complete, up to 16 MiB later.
        self._unparsed = 0 if events else self._unparsed + len(data)
        if self._unparsed > MOST_UNPARSED:
            raise ProtocolError("a frame or header block without end")
        return events

    # -- events

    def _event(self, event: Event) -> None:
        if isinstance(event, ConnectionTerminated):
            self._terminated(event)
            return
        stream = self._streams.get(getattr(event, "stream_id", None) or 0)
        if isinstance(event, DataReceived):
            # Even what nobody waits for any more uses up the window of the connection.
            if event.flow_controlled_length:
                self._h2.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
            if stream is not None:
                stream.body += event.data
                if len(stream.body) > LARGEST:
                    self._counts.drops[Drop.OVERSIZED] += 1
                    self._h2.reset_stream(event.stream_id, ErrorCodes.CANCEL)
                    self._close(event.stream_id, Fault.HTTP)
        elif stream is None:
            return
        elif isinstance(event, ResponseReceived):
            stream.fault = _judge(dict(cast("list[tuple[str, str]]", event.headers)))
        elif isinstance(event, StreamEnded):
            self._close(event.stream_id, stream.fault)
        elif isinstance(event, StreamReset):
            self._close(event.stream_id, Fault.CLOSED)

    def _close(self, number: int, fault: Fault | None) -> None:
        stream = self._streams.pop(number)
        answer = bytes(stream.body)
        if fault is not None:
            stream.job.settle(fault)
        elif fits(stream.expected, answer) is Fit.ALIEN:
            self._counts.drops[Drop.WRONG_QUESTION] += 1
            stream.job.settle(Fault.GARBAGE)
        elif truncated(answer):
            stream.job.settle(Fault.TRUNCATED)
        else:
            stream.job.settle(restored(stream.expected, answer))
        self._keeper.freed(self)

    def _terminated(self, event: ConnectionTerminated) -> None:
        """GOAWAY: what the server has not begun may be asked elsewhere (RFC 9113 section 6.8)."""
        self._going_away = True
        last = event.last_stream_id or 0
        if event.error_code != ErrorCodes.NO_ERROR or not any(n <= last for n in self._streams):
            self._keeper.lost(self, self.abort(), Fault.CLOSED)
            return
        unbegun = [self._streams.pop(n).job for n in list(self._streams) if n > last]
        self._keeper.lost(self, [job for job in unbegun if job.done is not None], Fault.CLOSED)

    def _tls(self) -> ssl.SSLObject | None:
        if self._transport is None:
            return None
        return cast("ssl.SSLObject | None", self._transport.get_extra_info("ssl_object"))

    def _flush(self) -> None:
        data = self._h2.data_to_send()
        if data and self._transport is not None:
            self._transport.write(data)


def _judge(headers: Mapping[str, str]) -> Fault | None:
    """Say whether a response may carry an answer."""
    status = headers.get(":status")
    kind = headers.get("content-type", "").partition(";")[0].strip().lower()
    if status == "200" and kind == TYPE:
        return None
    logger.debug("http/2 response with status %s and type %r", status, kind[:80])
    return Fault.HTTP


def doh_transport(server: Server, means: Means, counts: Counts) -> KeptTransport:
    """Return the way to `server` over HTTPS."""
    context: ResumingContext | None = None

    async def connect(keeper: Keeper) -> Session:
        nonlocal context
        if context is None:
            context = client_context("h2", means.ca_file)
        ours = context
        session = await dial(
            await located(server, means),
            server.port,
            lambda: HttpSession(keeper, server, counts, ours),
            ours,
            server.tls_name,
        )
        if session.alpn != "h2":
            session.abort()
            raise ExchangeError(Fault.HTTP, f"{server.label} does not speak HTTP/2")
        counts.resumed += session.resumed
        return session

    return KeptTransport(server.label, connect, means, counts)
