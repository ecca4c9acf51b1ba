"""Who takes a place at the TCP door: strangers none, and everybody on one IPv6 link the same."""

import asyncio
import contextlib
import json
import socket

import dns.message
import pytest

from filterd.dns.framing import frame
from filterd.dns.tcp import TcpDoor, TcpLimits, client_of, open_tcp
from tests.support.desk import PLAIN, Desk

SECONDS = 10.0
QUERY = frame(dns.message.make_query("bad.example.com", "A").to_wire())
GUARD = {
    "access": {"networks": ["127.0.0.1/32", "::1/128"], "others": "refuse"},
    "cookies": {"enabled": False},
}


@pytest.fixture
def desk():
    made = Desk(PLAIN + "block: [bad.example.com]\n")
    made.engine.set_guard(json.dumps(GUARD), ())
    yield made
    made.close()


@contextlib.asynccontextmanager
async def door_of(desk, host="127.0.0.1", **limits):
    server, door = await open_tcp(host, 0, desk.engine, desk.clock, TcpLimits(**limits))
    try:
        async with asyncio.timeout(SECONDS):
            yield door, server.sockets[0].getsockname()[1]
    finally:
        door.close()
        server.close()


async def is_answered(host, port, *, at="127.0.0.1"):
    """Whether a query from `host` gets a reply; the connection stays open if so."""
    reader, writer = await asyncio.open_connection(at, port, local_addr=(host, 0))
    try:
        writer.write(QUERY)
        length = int.from_bytes(await reader.readexactly(2))
        assert (await reader.readexactly(length))[-4:] == bytes(4)
    except (ConnectionError, asyncio.IncompleteReadError):
        writer.close()
        return None
    return writer


def test_a_stranger_is_cut_off_and_takes_no_place(desk):
    async def main():
        async with door_of(desk, connections=1) as (door, port):
            for _ in range(5):
                assert await is_answered("127.0.0.2", port) is None
            assert not door.open
            assert not door.by_client
            assert door.refused == 0
            before = desk.engine.stats()
            known = await is_answered("127.0.0.1", port)
            assert known is not None
            assert await is_answered("127.0.0.1", port) is None  # no place is left
            assert door.refused == 1
            known.close()
        return before

    before = desk.loop.run_until_complete(main())
    assert before["guard"]["refused"] == 5
    assert before["queries"]["tcp"] == 0  # nobody looked at what strangers sent


def test_a_stranger_without_a_word_is_cut_off_too(desk):
    async def main():
        async with door_of(desk) as (door, port):
            silent = socket.socket()
            silent.setblocking(False)
            silent.bind(("127.0.0.2", 0))
            loop = asyncio.get_running_loop()
            with silent:
                await loop.sock_connect(silent, ("127.0.0.1", port))
                with contextlib.suppress(ConnectionResetError):
                    assert await loop.sock_recv(silent, 1) == b""
            assert not door.open

    desk.loop.run_until_complete(main())


def test_an_ipv6_client_is_counted_by_its_link(desk):
    async def main():
        async with door_of(desk, "::1", per_client=2) as (door, port):
            first = await is_answered("::1", port, at="::1")
            second = await is_answered("::1", port, at="::1")
            assert dict(door.by_client) == {"::/64": 2}
            assert await is_answered("::1", port, at="::1") is None
            first.close()
            while door.by_client["::/64"] > 1:
                await asyncio.sleep(0.01)
            third = await is_answered("::1", port, at="::1")
            assert third is not None
            second.close()
            third.close()
            while door.open:
                await asyncio.sleep(0.01)
            assert not door.by_client

    desk.loop.run_until_complete(main())


def test_addresses_of_one_link_share_their_places(desk):
    limits = TcpLimits(per_client=2)
    door = TcpDoor(desk.engine, desk.clock, limits)
    took = [
        door.admit(object(), client_of(address))
        for address in ("2001:db8::1", "2001:db8::2", "2001:db8::ffff:3", "2001:db8:0:1::1")
    ]
    assert took == [True, True, False, True]


@pytest.mark.parametrize(
    ("address", "client"),
    [
        ("192.0.2.1", "192.0.2.1"),
        ("192.0.2.2", "192.0.2.2"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("fe80::1%eth0", "fe80::%eth0/64"),
        ("fe80::2%eth1", "fe80::%eth1/64"),
        ("::1", "::/64"),
    ],
)
def test_what_counts_as_one_client(address, client):
    assert client_of(address) == client
