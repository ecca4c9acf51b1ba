"""A small HTTP/2 server that answers DNS queries, or misbehaves on purpose."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field

from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.events import DataReceived, RequestReceived, StreamEnded

from tests.support.fake_upstream import reply


@dataclass
class Response:
    """What goes back; `reset` and `goaway` instead of it, `hold`: nothing at all."""

    body: bytes = b""
    status: int = 200
    type: str = "application/dns-message"
    reset: bool = False
    goaway: bool = False
    hold: bool = False


def proper(query: bytes) -> Response:
    """Answer as one should."""
    return Response(reply(query))


@dataclass
class FakeDoh:
    """The handler of a `fake_tcp` server; `respond` sees query and number of the request."""

    respond: Callable[[bytes, int], Response]
    requests: list[dict[str, str]] = field(default_factory=list)
    bodies: list[bytes] = field(default_factory=list)

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connection = H2Connection(H2Configuration(client_side=False, header_encoding="utf-8"))
        connection.initiate_connection()
        writer.write(connection.data_to_send())
        bodies: dict[int, bytes] = {}
        while data := await reader.read(65536):
            for event in connection.receive_data(data):
                if isinstance(event, RequestReceived):
                    self.requests.append(dict(event.headers))
                    bodies[event.stream_id] = b""
                elif isinstance(event, DataReceived):
                    bodies[event.stream_id] += event.data
                    connection.acknowledge_received_data(
                        event.flow_controlled_length, event.stream_id
                    )
                elif isinstance(event, StreamEnded):
                    query = bodies.pop(event.stream_id)
                    self.bodies.append(query)
                    response = self.respond(query, len(self.bodies))
                    self._send(connection, event.stream_id, response)
            writer.write(connection.data_to_send())

    def _send(self, connection: H2Connection, stream: int, response: Response) -> None:
        if response.hold:
            return
        if response.goaway:
            connection.close_connection(last_stream_id=0)
            return
        if response.reset:
            connection.reset_stream(stream)
            return
        connection.send_headers(
            stream, [(":status", str(response.status)), ("content-type", response.type)]
        )
        body = response.body
        window = connection.local_flow_control_window(stream)
        for at in range(0, min(len(body), window), 16384):
            connection.send_data(stream, body[at : min(at + 16384, window)])
        if len(body) <= window:
            connection.end_stream(stream)
