"""Asking ourselves at a door where nobody is."""

import asyncio

import pytest

from filterd.app.probing import is_ordered
from filterd.config.addresses import ListenAddress
from tests.support.servers import free_port


def test_a_closed_door_is_told_at_once() -> None:
    with pytest.raises(ConnectionRefusedError):
        asyncio.run(is_ordered("example.com", ListenAddress("127.0.0.1", free_port()), 60.0))


def test_a_door_that_never_answers_is_asked_three_times() -> None:
    heard = []

    class Silent(asyncio.DatagramProtocol):
        def datagram_received(self, data: bytes, _addr: tuple[str, int]) -> None:
            heard.append(data)

    async def main() -> None:
        port = free_port()
        silent, _ = await asyncio.get_running_loop().create_datagram_endpoint(
            Silent, local_addr=("127.0.0.1", port)
        )
        try:
            with pytest.raises(OSError, match="no answer from our own door"):
                await is_ordered("example.com", ListenAddress("127.0.0.1", port), 0.1)
        finally:
            silent.close()

    asyncio.run(main())
    assert len(heard) == 3
