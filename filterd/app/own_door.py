"""Asking at a door of our own, which may believe proxies: from an address that it takes for one, a
message begins with a header that says it is nobody else's (PROXY protocol, version 2, LOCAL).
"""

import asyncio
from collections.abc import Sequence
from ipaddress import ip_address, ip_network

from filterd.config.addresses import ListenAddress

LOCAL = b"\r\n\r\n\0\r\nQUIT\n" + bytes((0x20, 0, 0, 0))
_ANY = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - where to ask, not where to listen


def reachable(host: str) -> str:
    """Return the address to ask for a door that listens at `host`, which may mean all addresses."""
    return _ANY.get(host, host)


def preface(source: str, proxies: Sequence[str]) -> bytes:
    """Return what a message from the address `source` begins with at a door that believes
    `proxies`, networks.
    """
    address = ip_address(source.partition("%")[0])
    networks = (ip_network(each) for each in proxies)
    return LOCAL if any(address in each for each in networks) else b""


async def ask_over_udp(door: ListenAddress, query: bytes, proxies: Sequence[str]) -> bytes:
    """Return the answer of `door` to `query`, a DNS message. It is waited for without an end.

    Raises:
        OSError: nobody listens there.
    """
    loop = asyncio.get_running_loop()
    heard: asyncio.Future[bytes] = loop.create_future()
    transport, _ = await loop.create_datagram_endpoint(
        lambda: _Waiting(heard, query[:2]), remote_addr=(reachable(door.host), door.port)
    )
    try:
        transport.sendto(preface(transport.get_extra_info("sockname")[0], proxies) + query)
        return await heard
    finally:
        transport.close()


class _Waiting(asyncio.DatagramProtocol):
    """Takes the first answer with the query's `number`, its first two octets."""

    def __init__(self, heard: asyncio.Future[bytes], number: bytes) -> None:
        self._heard = heard
        self._number = number

    def datagram_received(self, data: bytes, _address: tuple[str, int]) -> None:
        if data[:2] == self._number and not self._heard.done():
            self._heard.set_result(data)

    def error_received(self, exc: Exception) -> None:
        if not self._heard.done():
            self._heard.set_exception(exc)
