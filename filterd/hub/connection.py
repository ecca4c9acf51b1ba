"""A connection as uvicorn has it, with three things more: it is closed when it says nothing whole
for a while, however slowly it trickles, or when a head has no end; and a stream of events can be
written to it without a task and without copying what all are told.
"""

import asyncio
from typing import Any

from uvicorn.config import Config
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.server import ServerState

IDLE = 15.0  # seconds without a whole request
MOST_HEAD = 2**16  # bytes of a head, or of what follows a body; about, a piece may be longer
MOST_FIELDS = 128  # of a head
CONNECTION = "connection"  # in the state of a request's scope


class Connection(HttpToolsProtocol):
    """One connection of HTTP/1."""

    def __init__(
        self,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        super().__init__(config, server_state, {**app_state, CONNECTION: self}, _loop)
        self._idle_since = 0.0
        self._unread = 0  # bytes since the last that was a whole head, or a part of a body

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin to wait for a request."""
        super().connection_made(transport)
        self._idle_since = self.loop.time()

    def data_received(self, data: bytes) -> None:
        """Read a piece; the parser keeps what it has not understood yet, however long that is."""
        self._unread += len(data)
        before = self._unread
        super().data_received(data)
        if self._unread == before and before > MOST_HEAD:
            self.transport.abort()

    def on_header(self, name: bytes, value: bytes) -> None:
        """Take one field of a head."""
        if len(self.headers) < MOST_FIELDS:
            super().on_header(name, value)
        else:
            self.transport.abort()

    def on_headers_complete(self) -> None:
        """Begin to serve a request."""
        self._unread = 0
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        """Take a part of its body."""
        self._unread = 0
        super().on_body(body)

    def on_response_complete(self) -> None:
        """Begin to wait for the next one."""
        self._idle_since = self.loop.time()
        super().on_response_complete()
        if self.cycle.response_complete and self.cycle.more_body:
            self.transport.close()  # the rest of its body, which nobody wants, may have no end

    def close_if_idle(self, now: float) -> None:
        """End it if it has kept us waiting for a request for too long."""
        waits = self.cycle is None or self.cycle.response_complete
        if waits and now - self._idle_since > IDLE:
            self.transport.close()

    @property
    def is_full(self) -> bool:
        """Whether what was written before has not left yet."""
        return self.flow.write_paused

    def without_frames(self) -> None:
        """Write the body that begins as it is, to the end: HTTP/1.0 knows no chunks."""
        self.cycle.chunked_encoding = False

    def write(self, data: bytes) -> None:
        """Write a part of a body that has begun, framed already as the request wants it."""
        self.transport.write(data)

    def abort(self) -> None:
        """End it now; what has not left is dropped."""
        self.transport.abort()
