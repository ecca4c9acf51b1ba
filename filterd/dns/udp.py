"""The asyncio UDP door: the reference for every faster one.

A hit or a block costs one call into the core and one `sendto`. Only a miss makes an object.
"""

import asyncio
import logging
import os
import socket
from collections.abc import Callable

from filterd.dns.base import Answering, DoorNumber
from filterd.model.clock import Clock

RECEIVE_BUFFER = 4 << 20  # octets; a burst while Python collects garbage must not be lost
_DOOR = int(DoorNumber.UDP)  # read for every query: a plain number costs the core 0.1 µs less

logger = logging.getLogger(__name__)


class UdpDoor(asyncio.DatagramProtocol):
    """Answers datagrams from `engine`."""

    def __init__(self, engine: Answering, clock: Clock) -> None:
        self._handle = engine.handle
        self._wait = engine.wait
        self._unix, self._steady = clock.unix, clock.steady
        self._transport: asyncio.DatagramTransport | None = None
        self.send_errors = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport that replies leave by."""
        self._transport = transport  # type: ignore[assignment]

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        """Answer now, later, or not at all."""
        self.answer(data, addr[0], addr)

    def answer(self, data: bytes, client: str, addr: tuple[str, int]) -> None:
        """Answer `data`, a message of `client`, towards `addr`."""
        reply = self._handle(data, client, self._unix(), self._steady(), _DOOR)
        if reply.__class__ is bytes:
            self._transport.sendto(reply, addr)  # type: ignore[union-attr]
        elif reply is not None:
            self._wait(reply, lambda wire: self._send(wire, addr))  # type: ignore[arg-type]

    def error_received(self, exc: Exception) -> None:
        """Count what the network says about replies (ICMP port unreachable and the like)."""
        self.send_errors += 1
        logger.debug("sending a reply: %s", exc)

    def _send(self, wire: bytes, addr: tuple[str, int]) -> None:
        if wire and self._transport is not None and not self._transport.is_closing():
            self._transport.sendto(wire, addr)


def udp_socket(host: str, port: int, *, shared: bool = False) -> socket.socket:
    """Return a bound, non-blocking socket for `host`, an address of either family. `shared`: other
    sockets that allow it may have the same address.

    OSError says which address cannot be had.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    sock = socket.socket(family, socket.SOCK_DGRAM)
    try:
        if family == socket.AF_INET6:
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, int(shared))
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BUFFER)
        sock.setblocking(False)
        sock.bind((host, port))
    except OSError as error:
        sock.close()
        why = os.strerror(error.errno) if error.errno else str(error)
        raise OSError(error.errno, f"no UDP on {host} port {port}: {why}") from error
    return sock


async def open_udp(  # noqa: PLR0913 - where, for whom, and how it is made
    host: str,
    port: int,
    engine: Answering,
    clock: Clock,
    *,
    sock: socket.socket | None = None,
    door: Callable[[Answering, Clock], UdpDoor] = UdpDoor,
) -> tuple[asyncio.DatagramTransport, UdpDoor]:
    """Open a UDP door on `host`:`port`, or on `sock`, which is bound there already. OSError when
    the address cannot be had.
    """
    loop = asyncio.get_running_loop()
    if sock is None:
        sock = udp_socket(host, port)
    sock.setblocking(False)
    return await loop.create_datagram_endpoint(lambda: door(engine, clock), sock=sock)
