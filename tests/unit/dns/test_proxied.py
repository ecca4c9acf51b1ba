"""Doors behind a proxy: whose a message is, is what the header says, where it comes from a proxy."""

import asyncio
import contextlib
import functools
import json
import socket

import dns.message
import pytest

from filterd.core import Proxies
from filterd.dns.framing import frame
from filterd.dns.proxied import ProxiedUdpDoor
from filterd.dns.tcp import TcpLimits, open_tcp
from filterd.dns.udp import open_udp
from tests.support.desk import Desk
from tests.support.proxy import LOCAL, SIGNATURE, header

SECONDS = 10.0
CONFIG = """\
groups:
  pupils: {age: 9, networks: [198.51.100.0/24, '2001:db8:1::/48'], block: [games.example.com]}
  staff: {age: 18, networks: [203.0.113.0/24, 127.0.0.0/8]}
default_group: pupils
"""
GUARD = {
    "access": {
        "networks": ["127.0.0.0/8", "198.51.100.0/24", "203.0.113.0/24", "2001:db8:1::/48"],
        "others": "refuse",
    },
    "cookies": {"enabled": False},
}
QUERY = dns.message.make_query("games.example.com", "A", id=7).to_wire()
BLOCKED, OPEN = "0.0.0.0", "192.0.2.1"
PUPIL, STAFF, STRANGER = "198.51.100.7", "203.0.113.7", "192.0.2.99"


@pytest.fixture
def desk():
    made = Desk(CONFIG, ("games.example.com. 300 IN A 192.0.2.1",))
    made.engine.set_guard(json.dumps(GUARD), ())
    yield made
    made.close()


@pytest.fixture
def proxies():
    return Proxies(["127.0.0.1/32"])


def said(reply):
    message = dns.message.from_wire(reply)
    if message.id != 7:
        return message.rcode().name  # to something else that was taken for a query
    return [r.to_text() for rrset in message.answer for r in rrset] or message.rcode().name


def over_udp(desk, proxies, datagrams, source="127.0.0.1"):
    """What comes back for each datagram; None: nothing, by the time that the last was answered."""

    async def main():
        loop = asyncio.get_running_loop()
        door = functools.partial(ProxiedUdpDoor, proxies=proxies)
        transport, _ = await open_udp("127.0.0.1", 0, desk.engine, desk.clock, door=door)
        heard = []
        try:
            async with asyncio.timeout(SECONDS):
                for data, answered in datagrams:
                    with socket.socket(type=socket.SOCK_DGRAM) as sock:
                        sock.setblocking(False)
                        sock.bind((source, 0))
                        sock.connect(transport.get_extra_info("sockname"))
                        sock.send(data)
                        if answered:
                            heard.append(said(await loop.sock_recv(sock, 4096)))
        finally:
            transport.close()
            await asyncio.sleep(0)
        return heard

    return desk.loop.run_until_complete(main())


@pytest.mark.parametrize(
    ("client", "answer"),
    [
        (PUPIL, [BLOCKED]),
        ("2001:db8:1::7", [BLOCKED]),
        (STAFF, [OPEN]),
        (STRANGER, "REFUSED"),
    ],
)
def test_a_datagram_is_of_whom_the_proxy_names(desk, proxies, client, answer):
    data = header(client, tlvs=b"\x04\0\x01x") + QUERY
    assert over_udp(desk, proxies, [(data, True)] * 2) == [answer] * 2
    assert proxies.counts()[0] == {"udp": 2, "tcp": 0}
    assert {event.client for event in desk.events()} <= {client}


def test_the_proxy_asks_for_itself(desk, proxies):
    assert over_udp(desk, proxies, [(LOCAL + QUERY, True)]) == [[OPEN]]


def test_a_datagram_of_a_proxy_without_a_header_is_dropped(desk, proxies):
    bad = [(QUERY, False), (header(STAFF)[:20], False), (LOCAL, False), (b"", False)]
    assert over_udp(desk, proxies, [*bad, (header(STAFF) + QUERY, True)]) == [[OPEN]]
    proxied, refused = proxies.counts()
    assert proxied == {"udp": 2, "tcp": 0}
    assert {word: n for word, n in refused.items() if n} == {"missing": 1, "truncated": 2}


def test_nobody_else_is_believed(desk, proxies):
    told = header(STAFF) + QUERY
    heard = over_udp(desk, proxies, [(told, True), (QUERY, True)], source="127.0.0.2")
    assert heard == ["NOTIMP", [OPEN]]
    assert proxies.counts()[0] == {"udp": 0, "tcp": 0}


@contextlib.asynccontextmanager
async def tcp_door(desk, proxies, **limits):
    server, door = await open_tcp(
        "127.0.0.1", 0, desk.engine, desk.clock, TcpLimits(**limits), proxies=proxies
    )
    try:
        async with asyncio.timeout(SECONDS):
            yield door, server.sockets[0].getsockname()[1]
    finally:
        door.close()
        server.close()


async def connect(port, source="127.0.0.1"):
    return await asyncio.open_connection("127.0.0.1", port, local_addr=(source, 0))


async def heard(reader):
    length = int.from_bytes(await reader.readexactly(2))
    return said(await reader.readexactly(length))


@pytest.mark.parametrize("size", [1, 7, 10_000])
def test_a_connection_is_of_whom_the_proxy_names(desk, proxies, size):
    async def main():
        async with tcp_door(desk, proxies) as (door, port):
            for client, answer in ((PUPIL, [BLOCKED]), (STAFF, [OPEN])):
                reader, writer = await connect(port)
                data = header(client, stream=True) + frame(QUERY) * 2
                for at in range(0, len(data), size):
                    writer.write(data[at : at + size])
                    await writer.drain()
                    await asyncio.sleep(0)
                assert [await heard(reader), await heard(reader)] == [answer] * 2
                assert dict(door.by_client) == {client: 1}
                writer.close()
                while door.open:
                    await asyncio.sleep(0.01)

    desk.loop.run_until_complete(main())
    assert proxies.counts()[0] == {"udp": 0, "tcp": 2}


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (frame(QUERY), "missing"),
        (SIGNATURE + b"\x11\x11\0\x0c" + bytes(12), "version"),
        (SIGNATURE + b"\x21\x11\x02\x09" + bytes(12), "oversized"),
        (SIGNATURE + b"\x21\x31\0\xd8" + bytes(216), "family"),
        (header(STRANGER, stream=True) + frame(QUERY), None),
    ],
)
def test_what_is_not_as_it_has_to_be_ends_the_connection(desk, proxies, data, reason):
    async def main():
        async with tcp_door(desk, proxies) as (door, port):
            reader, writer = await connect(port)
            writer.write(data)
            with contextlib.suppress(ConnectionResetError):
                assert await reader.read() == b""
            writer.close()
            while door.open or door.beginning:
                await asyncio.sleep(0.01)

    desk.loop.run_until_complete(main())
    refused = {word for word, count in proxies.counts()[1].items() if count}
    assert refused == ({reason} if reason else set())


def test_a_header_that_does_not_come_takes_no_place_for_long(desk, proxies):
    async def main():
        async with tcp_door(desk, proxies, idle=0.2, connections=1) as (door, port):
            reader, writer = await connect(port)
            writer.write(header(STAFF)[:9])
            while not door.beginning:
                await asyncio.sleep(0.01)
            other, second = await connect(port)
            with contextlib.suppress(ConnectionResetError):
                assert await other.read() == b""  # there is no room for it
            with contextlib.suppress(ConnectionResetError):
                assert await reader.read() == b""
            while door.beginning:
                await asyncio.sleep(0.01)
            writer.close()
            second.close()
            assert door.refused == 1

    desk.loop.run_until_complete(main())
    assert proxies.counts()[1]["truncated"] == 1


def test_a_connection_that_is_not_a_proxys_is_as_ever(desk, proxies):
    async def main():
        async with tcp_door(desk, proxies) as (_, port):
            reader, writer = await connect(port, "127.0.0.2")
            writer.write(frame(QUERY))
            assert await heard(reader) == [OPEN]
            writer.close()
            reader, writer = await connect(port, "127.0.0.2")
            # A signature read as a length waits for 3,338 octets that are no query.
            writer.write(header(STAFF, stream=True) + bytes(3400))
            with contextlib.suppress(ConnectionResetError):
                while data := await reader.read(4096):
                    assert data[5] & 15 == 1  # FORMERR
            writer.close()

    desk.loop.run_until_complete(main())
    assert sum(proxies.counts()[0].values()) == 0


def test_places_are_counted_by_client_not_by_proxy(desk, proxies):
    async def main():
        async with tcp_door(desk, proxies, per_client=1) as (door, port):
            open_ones = []
            for client in (PUPIL, "198.51.100.8", PUPIL):
                reader, writer = await connect(port)
                open_ones.append(writer)
                writer.write(header(client, stream=True) + frame(QUERY))
                try:
                    answer = await heard(reader)
                except (ConnectionResetError, asyncio.IncompleteReadError):
                    answer = None
                assert answer == (None if len(open_ones) == 3 else [BLOCKED])
            assert door.refused == 1
            for writer in open_ones:
                writer.close()

    desk.loop.run_until_complete(main())


def test_what_is_no_network_is_refused():
    with pytest.raises(ValueError, match="not an address"):
        Proxies(["proxy.example"])
