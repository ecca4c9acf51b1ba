"""Upstreams that misbehave on purpose, on the test's own event loop.

Faults only: what a well-behaved server does is tested against Unbound and Knot.
"""

import asyncio
import random
import socket
import ssl
import struct
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from filterd.upstream.base import Means
from filterd.upstream.bootstrap import Bootstrap

HOST = "127.0.0.1"
SERVFAIL = 2
REFUSED = 5


def question_of(query: bytes) -> bytes:
    """Return the question section of a query with one question."""
    return query[12 : query.index(b"\0", 12) + 5]


def reply(
    query: bytes,
    *,
    id_: bytes | None = None,
    question: bytes | None = None,
    address: bytes = b"\xc0\x00\x02\x01",
    rcode: int = 0,
    tc: bool = False,
) -> bytes:
    """Return an answer to `query` with one A record, wrong where the arguments say so."""
    flags = 0x8180 | (0x0200 if tc else 0) | rcode
    records = b"" if rcode or tc else b"\xc0\x0c\0\1\0\1\0\0\1\x2c\0\4" + address
    return (
        (query[:2] if id_ is None else id_)
        + struct.pack("!HHHHH", flags, 1, 1 if records else 0, 0, 0)
        + (question_of(query) if question is None else question)
        + records
    )


def other_id(query: bytes) -> bytes:
    """Return an id that is not the query's."""
    return struct.pack("!H", struct.unpack("!H", query[:2])[0] ^ 0x5555)


Respond = Callable[[bytes], Sequence[bytes]]


@dataclass
class FakeUdp(asyncio.DatagramProtocol):
    """Answers each datagram with what `respond` gives."""

    respond: Respond
    port: int = 0
    queries: list[bytes] = field(default_factory=list)
    clients: list[tuple[str, int]] = field(default_factory=list)
    transport: asyncio.DatagramTransport | None = None

    def connection_made(self, transport):
        self.transport = transport

    def datagram_received(self, data, addr):
        self.queries.append(data)
        self.clients.append(addr)
        for answer in self.respond(data):
            self.transport.sendto(answer, addr)


@asynccontextmanager
async def fake_udp(respond: Respond, port: int = 0) -> AsyncIterator[FakeUdp]:
    """Serve UDP on loopback."""
    loop = asyncio.get_running_loop()
    transport, protocol = await loop.create_datagram_endpoint(
        lambda: FakeUdp(respond), local_addr=(HOST, port)
    )
    protocol.port = transport.get_extra_info("sockname")[1]
    try:
        yield protocol
    finally:
        transport.close()
        await asyncio.sleep(0)


Handler = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@dataclass
class FakeTcp:
    """How many connections came, and where."""

    port: int
    connections: int = 0


@asynccontextmanager
async def fake_tcp(
    handler: Handler, context: ssl.SSLContext | None = None, port: int = 0
) -> AsyncIterator[FakeTcp]:
    """Serve TCP or TLS on loopback; `handler` has each connection to itself."""
    fake = FakeTcp(0)
    tasks: set[asyncio.Task[None]] = set()

    async def accepted(reader, writer):
        fake.connections += 1
        tasks.add(asyncio.current_task())
        try:
            await handler(reader, writer)
        except (ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass  # the client went away, or the test is over: both are how connections end here
        finally:
            writer.transport.abort()

    server = await asyncio.start_server(accepted, HOST, port, ssl=context)
    fake.port = server.sockets[0].getsockname()[1]
    try:
        yield fake
    finally:
        server.close()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await asyncio.sleep(0)


async def read_message(reader: asyncio.StreamReader) -> bytes:
    """Return the next length-prefixed message."""
    size = struct.unpack("!H", await reader.readexactly(2))[0]
    return await reader.readexactly(size)


def framed(message: bytes) -> bytes:
    """Return `message` with its length in front."""
    return struct.pack("!H", len(message)) + message


async def answer_all(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Answer properly until the client leaves."""
    while True:
        writer.write(framed(reply(await read_message(reader))))


async def stay_silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Read and say nothing."""
    while await reader.read(4096):
        pass


def reset(writer: asyncio.StreamWriter) -> None:
    """End the connection with RST instead of FIN."""
    sock = writer.get_extra_info("socket")
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()


def server_context(certificate: tuple[object, object], *alpn: str) -> ssl.SSLContext:
    """Return a TLS context for a fake server."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*map(str, certificate))
    if alpn:
        context.set_alpn_protocols(list(alpn))
    return context


def means(ca_file: object = None, bootstrap: Bootstrap | None = None) -> Means:
    """Return what transports work with: this loop, and randomness that repeats."""
    rng = random.Random(20)
    return Means(
        asyncio.get_running_loop(), rng, bootstrap, None if ca_file is None else str(ca_file)
    )


def soon(seconds: float) -> float:
    """Return the deadline `seconds` from now."""
    return asyncio.get_running_loop().time() + seconds
