"""Doors behind a proxy that says whose each message is (PROXY protocol, version 2).

The core reads the headers (`rust/crates/filterd-core/src/proxy.rs`); here is what a door does with
what it says. A header that is not as it has to be ends a connection and drops a datagram.
"""

import asyncio
import logging
from typing import Protocol

from filterd.core import Proxies
from filterd.dns.base import Answering, DoorNumber
from filterd.dns.udp import UdpDoor
from filterd.model.clock import Clock

_UDP, _TCP = int(DoorNumber.UDP), int(DoorNumber.TCP)

logger = logging.getLogger(__name__)


class ProxiedUdpDoor(UdpDoor):
    """Answers datagrams, some of which come from proxies."""

    def __init__(self, engine: Answering, clock: Clock, proxies: Proxies) -> None:
        super().__init__(engine, clock)
        self._proxies = proxies

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        """Answer whoever asked, by way of whoever sent."""
        try:
            entry = self._proxies.enter(addr[0], data, _UDP, whole=True)
        except ValueError as fault:
            logger.debug("a datagram of the proxy %s is dropped: header: %s", addr[0], fault)
            return
        if entry is not None:
            client, start = entry
            self.answer(data[start:], client, addr)


class Taking(Protocol):
    """The TCP door as a beginning connection sees it."""

    def arrive(self, head: "ProxyHead") -> bool:
        """Say whether there is room for one more connection, and count it."""
        ...

    def leave_head(self, head: "ProxyHead") -> None:
        """Count it no longer: it has ended, or has become a client's."""
        ...

    def connection(self, client: str) -> asyncio.Protocol:
        """Return the protocol of a connection of `client`, an address."""
        ...

    @property
    def patience(self) -> float:
        """Seconds that a header may take."""
        ...


class ProxyHead(asyncio.Protocol):
    """A connection until it is known whose it is; then a client's takes its place."""

    def __init__(self, door: Taking, proxies: Proxies) -> None:
        self._door = door
        self._proxies = proxies
        self._peer = ""
        self._head = bytearray()
        self._transport: asyncio.Transport | None = None
        self._timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Wait for the header where the other end is a proxy."""
        self._transport = transport  # type: ignore[assignment]
        peer = transport.get_extra_info("peername")
        self._peer = peer[0] if peer else ""
        if not self._peer or not self._proxies.hold(self._peer):
            self._hand_over(self._peer, b"")
        elif self._door.arrive(self):
            loop = asyncio.get_running_loop()
            self._timer = loop.call_later(self._door.patience, self._end)
        else:
            self._end()

    def data_received(self, data: bytes) -> None:
        """Read the header; what stands behind it is the client's. The core bounds its length."""
        self._head += data
        head = bytes(self._head)
        try:
            entry = self._proxies.enter(self._peer, head, _TCP, whole=False)
        except ValueError as fault:
            logger.debug("a connection of the proxy %s is closed: header: %s", self._peer, fault)
            self._head.clear()
            self._end()
            return
        if entry is not None:
            client, start = entry
            self._head.clear()
            self._leave()
            self._hand_over(client, head[start:])

    def connection_lost(self, exc: Exception | None) -> None:
        """Count a header that was cut short."""
        del exc
        self._leave()
        if self._head:
            try:
                self._proxies.enter(self._peer, bytes(self._head), _TCP, whole=True)
            except ValueError as fault:
                logger.debug("a connection of the proxy %s ended: header: %s", self._peer, fault)

    def close(self) -> None:
        """End it."""
        self._end()

    def _leave(self) -> None:
        self._door.leave_head(self)
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _end(self) -> None:
        if self._transport is not None:
            self._transport.abort()

    def _hand_over(self, client: str, data: bytes) -> None:
        transport = self._transport
        assert transport is not None
        connection = self._door.connection(client)
        transport.set_protocol(connection)
        connection.connection_made(transport)
        if data and not transport.is_closing():
            connection.data_received(data)
