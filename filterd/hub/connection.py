"""A connection as uvicorn has it, with two things more: it is closed when it says nothing whole for
a while, however slowly it trickles; and a stream of events can be written to it without a task and
without copying what all are told.
"""

import asyncio
from typing import Any

from uvicorn.config import Config
from uvicorn.protocols.http.h11_impl import H11Protocol
from uvicorn.server import ServerState

IDLE = 15.0  # seconds without a whole request
CONNECTION = "connection"  # in the state of a request's scope


class Connection(H11Protocol):
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

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin to wait for a request."""
        super().connection_made(transport)
        self._idle_since = self.loop.time()

    def on_response_complete(self) -> None:
        """Begin to wait for the next one."""
        self._idle_since = self.loop.time()
        super().on_response_complete()

    def close_if_idle(self, now: float) -> None:
        """End it if it has kept us waiting for a request for too long."""
        waits = self.cycle is None or self.cycle.response_complete
        if waits and now - self._idle_since > IDLE:
            self.transport.close()

    @property
    def is_full(self) -> bool:
        """Whether what was written before has not left yet."""
        return self.flow.write_paused

    def write(self, data: bytes) -> None:
        """Write a part of a body that has begun, framed already as the request wants it."""
        self.transport.write(data)

    def abort(self) -> None:
        """End it now; what has not left is dropped."""
        self.transport.abort()
