"""The TCP door (RFC 7766): pipelining, answers out of order, idle timeout, limits per client.

Whoever access control does not admit is cut off before it takes a place from others.

A connection that does not read its replies is cut off rather than buffered (section 10); one that
sends nothing for `idle` seconds, or starts a message and does not end it, is closed (6.2.3).
"""

import asyncio
import functools
import logging
import os
import socket
from collections import Counter
from dataclasses import dataclass

from filterd.core import Proxies
from filterd.dns.base import Answering, DoorNumber
from filterd.dns.framing import FrameReader, frame
from filterd.dns.proxied import ProxyHead
from filterd.model.clock import Clock

_DOOR = int(DoorNumber.TCP)
_MAPPED = bytes(10) + b"\xff\xff"  # ::ffff:0:0/96
TURN = 256  # messages of one connection that are answered before others have their turn

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class TcpLimits:
    """Bounds of the TCP door; `idle` in seconds, `unread` in octets."""

    idle: float = 10.0
    connections: int = 1000
    per_client: int = 50
    pipelined: int = 100
    unread: int = 1 << 18  # a thousand connections that do not read must not fill the memory


class TcpDoor:
    """All connections of one listening socket. `proxies`: who says whose a connection is."""

    def __init__(
        self, engine: Answering, clock: Clock, limits: TcpLimits, proxies: Proxies | None = None
    ) -> None:
        self.engine = engine
        self.clock = clock
        self.limits = limits
        self.proxies = proxies
        self.open: set[TcpConnection] = set()
        self.beginning: set[ProxyHead] = set()  # from proxies that have not said yet whose they are
        self.by_client: Counter[str] = Counter()
        self.refused = 0  # for want of room

    def protocol(self) -> asyncio.Protocol:
        """Return the protocol of a new connection."""
        return TcpConnection(self) if self.proxies is None else ProxyHead(self, self.proxies)

    def connection(self, client: str) -> asyncio.Protocol:
        """Return the protocol of a connection of `client`, an address."""
        return TcpConnection(self, client)

    @property
    def patience(self) -> float:
        """Seconds that a proxy's header may take."""
        return self.limits.idle

    def arrive(self, head: ProxyHead) -> bool:
        """Say whether there is room for one more connection of a proxy, and count it."""
        if self._full:
            self.refused += 1
            return False
        self.beginning.add(head)
        return True

    def leave_head(self, head: ProxyHead) -> None:
        """Count it no longer."""
        self.beginning.discard(head)

    @property
    def _full(self) -> bool:
        return len(self.open) + len(self.beginning) >= self.limits.connections

    def admit(self, connection: "TcpConnection", client: str) -> bool:
        """Say whether one more connection of `client`, as `client_of` names it, is within the
        limits, and count it.
        """
        if self._full or self.by_client[client] >= self.limits.per_client:
            self.refused += 1
            return False
        self.open.add(connection)
        self.by_client[client] += 1
        return True

    def leave(self, connection: "TcpConnection", client: str) -> None:
        """Take a closed connection out of the counts."""
        if connection in self.open:
            self.open.discard(connection)
            self.by_client[client] -= 1
            if not self.by_client[client]:
                del self.by_client[client]

    def close(self) -> None:
        """Close every connection."""
        for connection in tuple(self.open):
            connection.close()
        for head in tuple(self.beginning):
            head.close()


class TcpConnection(asyncio.Protocol):
    """One connection."""

    def __init__(self, door: TcpDoor, client: str = "") -> None:
        self._door = door
        self._frames = FrameReader()
        self._waiting: set[int] = set()
        self._client = client  # its address; not known yet: that of the other end
        self._counted = ""  # what counts as one client
        self._half_closed = False
        self._turn: asyncio.Handle | None = None
        self._transport: asyncio.Transport | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._cut: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Admit the client or turn it away."""
        assert isinstance(transport, asyncio.Transport) or hasattr(transport, "write")
        self._transport = transport  # type: ignore[assignment]
        if not self._client:
            peer = transport.get_extra_info("peername")
            self._client = peer[0] if peer else ""
        if not self._client or not self._door.engine.welcomes(self._client):
            logger.debug("TCP client %s is not answered here; closing", self._client)
            transport.abort()  # type: ignore[attr-defined]
            return
        self._counted = client_of(self._client)
        if not self._door.admit(self, self._counted):
            transport.abort()  # type: ignore[attr-defined]
            return
        transport.set_write_buffer_limits(high=self._door.limits.unread)  # type: ignore[attr-defined]
        self._restart_timer()

    def data_received(self, data: bytes) -> None:
        """Answer each message that is complete."""
        self._frames.add(data)
        self._work()

    def eof_received(self) -> bool:
        """Stay half open while answers are owed (RFC 7766 section 6.2.4)."""
        self._half_closed = bool(self._waiting or self._frames.ready)
        return self._half_closed

    def pause_writing(self) -> None:
        """The client does not read its answers: cut it off."""
        logger.debug("TCP client %s does not read; closing", self._client)
        if self._transport is not None:
            self._transport.abort()

    def connection_lost(self, exc: Exception | None) -> None:
        """Give up what was asked on this connection."""
        if exc is not None:
            logger.debug("TCP client %s: %s", self._client, exc)
        if self._timer is not None:
            self._timer.cancel()
        if self._cut is not None:
            self._cut.cancel()
        if self._turn is not None:
            self._turn.cancel()
        self._door.leave(self, self._counted)
        for token in self._waiting:
            self._door.engine.forget(token)
        self._waiting.clear()
        self._frames = FrameReader()

    def close(self) -> None:
        """Close after what has been written; whoever does not read that in time is cut off."""
        if self._transport is not None:
            self._transport.close()
            loop = asyncio.get_running_loop()
            self._cut = loop.call_later(self._door.limits.idle, self._transport.abort)

    def _work(self) -> None:
        """Hand queries to the engine, at most `pipelined` waiting at once; the rest of what came
        in stays here and the socket is not read further, so the client feels the pressure.
        """
        transport = self._transport
        if transport is None or not self._take(transport):
            return
        more = self._frames.ready
        if more and self._free and self._turn is None:
            self._turn = asyncio.get_running_loop().call_soon(self._again)
        if more:
            transport.pause_reading()
        elif not transport.is_reading():
            transport.resume_reading()
        if not self._frames.partial:
            self._restart_timer()
        if self._half_closed and not self._waiting and not more:
            self.close()

    @property
    def _free(self) -> int:
        """How many more queries may wait."""
        return self._door.limits.pipelined - len(self._waiting)

    def _again(self) -> None:
        self._turn = None
        self._work()

    def _take(self, transport: asyncio.Transport) -> bool:
        """Answer or park the next messages; False when the connection is at its end."""
        door = self._door
        for packet in self._frames.take(min(TURN, self._free)):
            if transport.is_closing():
                return False
            if not packet:  # a hundred thousand of them cost their sender nothing
                logger.debug("TCP client %s does not speak DNS; closing", self._client)
                self.close()
                return False
            now, steady = door.clock.unix(), door.clock.steady()
            reply = door.engine.handle(packet, self._client, now, steady, _DOOR)
            if isinstance(reply, bytes):
                transport.write(frame(reply))
            elif reply is not None:
                self._waiting.add(reply)
                door.engine.wait(reply, functools.partial(self._answer, reply))
        return not transport.is_closing()

    def _answer(self, token: int, wire: bytes) -> None:
        self._waiting.discard(token)
        if self._transport is not None and not self._transport.is_closing():
            if wire:
                self._transport.write(frame(wire))
            self._work()

    def _restart_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        loop = asyncio.get_running_loop()
        self._timer = loop.call_later(self._door.limits.idle, self._idle)

    def _idle(self) -> None:
        unread = self._transport is not None and self._transport.get_write_buffer_size()
        if self._transport is not None and unread:
            logger.debug("TCP client %s does not read; closing", self._client)
            self._transport.abort()
        elif self._waiting:
            self._restart_timer()
        else:
            self.close()


def client_of(address: str) -> str:
    """Return what counts as one client: an IPv4 address, or the /64 that holds an IPv6 address,
    since who has one address of a link may take any number of them.
    """
    text, _, scope = address.partition("%")
    if ":" not in text:
        return address
    octets = socket.inet_pton(socket.AF_INET6, text)
    if octets.startswith(_MAPPED):
        return socket.inet_ntop(socket.AF_INET, octets[len(_MAPPED) :])
    link = socket.inet_ntop(socket.AF_INET6, octets[:8] + bytes(8))
    return f"{link}%{scope}/64" if scope else f"{link}/64"


async def open_tcp(  # noqa: PLR0913 - where, for whom, within what
    host: str,
    port: int,
    engine: Answering,
    clock: Clock,
    limits: TcpLimits,
    *,
    sock: socket.socket | None = None,
    proxies: Proxies | None = None,
) -> tuple[asyncio.Server, TcpDoor]:
    """Open a TCP door on `host`:`port`, or on `sock`, which listens there already. `proxies`: who
    says whose a connection is. OSError says which address cannot be had.
    """
    door = TcpDoor(engine, clock, limits, proxies)
    loop = asyncio.get_running_loop()
    try:
        if sock is not None:
            return await loop.create_server(door.protocol, sock=sock, backlog=512), door
        server = await loop.create_server(
            door.protocol, host, port, backlog=512, reuse_address=True
        )
    except OSError as error:
        why = os.strerror(error.errno) if error.errno else str(error)
        raise OSError(error.errno, f"no TCP on {host} port {port}: {why}") from error
    return server, door
