"""How long a client may owe something: a hello, or the head of a request.

mitmproxy ends a connection where nothing happens for ten minutes, and a byte now and then is enough
to stay. Here a client that owes a hello or a head has it whole within `HEAD_SECONDS`, however
its bytes come, and a connection that waits for the next request has `IDLE_SECONDS`. A body that is
kept until its end (at most 256 KiB, or 8 MiB where pictures are looked for) has `HELD_SECONDS`.
Other bodies, spliced connections and WebSockets are not timed.
"""

import asyncio
from collections.abc import Callable

from mitmproxy import connection, http, tcp, tls
from mitmproxy.addons.proxyserver import Proxyserver
from mitmproxy.proxy.server import ConnectionIO

LOOK_SECONDS = 1.0
HEAD_SECONDS = 20.0
IDLE_SECONDS = 75.0
HELD_SECONDS = 300.0


class Patience:
    """The add-on; it stands behind those that decide. `steady`: a clock that nobody sets."""

    def __init__(self, server: Proxyserver, steady: Callable[[], float]) -> None:
        self._server = server
        self._steady = steady
        self._due: dict[str, float] = {}  # connection -> when its patience ends

    async def watch(self) -> None:
        """Look for ever, and end who is late."""
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            self.look()

    def look(self) -> None:
        """End who is late."""
        now = self._steady()
        for each in [each for each, due in self._due.items() if due < now]:
            del self._due[each]
            io = self._ends(each)
            if io is not None and io.handler is not None:
                io.handler.cancel("late")

    def _ends(self, client: str) -> ConnectionIO | None:
        """Return what mitmproxy still has of a client's connection."""
        handler = self._server.connections.get(client)
        return None if handler is None else handler.transports.get(handler.client)

    def _owes(self, client: connection.Client, seconds: float) -> None:
        self._due[client.id] = self._steady() + seconds

    def _paid(self, client: connection.Client) -> None:
        self._due.pop(client.id, None)

    def client_connected(self, client: connection.Client) -> None:
        """It owes its first words."""
        self._owes(client, HEAD_SECONDS)

    def client_disconnected(self, client: connection.Client) -> None:
        """Nobody owes anything. Where it was to be closed while something was decided, mitmproxy
        has forgotten to close its socket.
        """
        self._paid(client)
        io = self._ends(client.id)
        if io is not None and io.writer is not None:
            io.writer.close()

    def http_connect(self, flow: http.HTTPFlow) -> None:
        """It owes what the tunnel is for."""
        self._owes(flow.client_conn, HEAD_SECONDS)

    def tls_clienthello(self, data: tls.ClientHelloData) -> None:
        """A spliced connection owes nothing; one that is decrypted, a request."""
        if data.ignore_connection:
            self._paid(data.context.client)
        else:
            self._owes(data.context.client, HEAD_SECONDS)

    def requestheaders(self, flow: http.HTTPFlow) -> None:
        """The head is there; a body that is kept until its end has to come in time too."""
        if flow.request.stream:
            self._paid(flow.client_conn)
        else:
            self._owes(flow.client_conn, HELD_SECONDS)

    def request(self, flow: http.HTTPFlow) -> None:
        """All of it is there."""
        self._paid(flow.client_conn)

    def response(self, flow: http.HTTPFlow) -> None:
        """It may ask again."""
        self._owes(flow.client_conn, IDLE_SECONDS)

    def error(self, flow: http.HTTPFlow) -> None:
        """It may ask again, if it is still there."""
        if flow.client_conn.connected:
            self._owes(flow.client_conn, IDLE_SECONDS)

    def websocket_start(self, flow: http.HTTPFlow) -> None:
        """No more heads."""
        self._paid(flow.client_conn)

    def tcp_start(self, flow: tcp.TCPFlow) -> None:
        """No more heads."""
        self._paid(flow.client_conn)
