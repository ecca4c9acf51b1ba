"""The doors with an engine that does as told; RFC 7766 is in tests/conformance."""

import asyncio
import errno
import socket

import pytest

from filterd.dns.base import DoorNumber
from filterd.dns.framing import frame
from filterd.dns.tcp import TcpDoor, TcpLimits, open_tcp
from filterd.dns.udp import UdpDoor, open_udp, udp_socket
from filterd.model.clock import Clock
from tests.support.fake_upstream import reset


def _clock(now):
    return Clock(lambda: now, lambda: now + 100)


class Told:
    """An engine: b"now" is answered, b"later" waits, b"drop" is silence."""

    def __init__(self):
        self.waiting = {}
        self.forgotten = []
        self.doors = []

    def handle(self, packet, client, now, steady, door):
        assert steady == now + 100
        self.doors.append((client, now, door))
        if packet == b"drop":
            return None
        if packet == b"later":
            return len(self.doors)
        return packet.upper()

    def welcomes(self, client):
        return True

    def wait(self, token, reply):
        self.waiting[token] = reply

    def forget(self, token):
        self.forgotten.append(token)


class Wire:
    def __init__(self):
        self.sent = []
        self.closing = False

    def sendto(self, data, address):
        self.sent.append((data, address))

    def is_closing(self):
        return self.closing


def test_udp_answers_now_later_or_not_at_all():
    engine, wire = Told(), Wire()
    door = UdpDoor(engine, _clock(7.0))
    door.connection_made(wire)
    client = ("192.0.2.1", 5)
    door.datagram_received(b"now", client)
    door.datagram_received(b"drop", client)
    door.datagram_received(b"later", client)
    assert wire.sent == [(b"NOW", client)]
    assert engine.doors[0] == ("192.0.2.1", 7.0, DoorNumber.UDP)
    engine.waiting[3](b"there")
    assert wire.sent[1:] == [(b"there", client)]
    wire.closing = True
    engine.waiting[3](b"too late")
    assert len(wire.sent) == 2


def test_udp_counts_what_the_network_refuses():
    door = UdpDoor(Told(), _clock(7.0))
    door.error_received(ConnectionRefusedError())
    assert door.send_errors == 1


def test_a_taken_address_is_named():
    with udp_socket("127.0.0.1", 0) as first:
        port = first.getsockname()[1]
        with pytest.raises(OSError, match=f"no UDP on 127.0.0.1 port {port}") as caught:
            udp_socket("127.0.0.1", port)
        assert caught.value.errno == errno.EADDRINUSE

    async def tcp():
        with socket.create_server(("127.0.0.1", 0)) as taken:
            port = taken.getsockname()[1]
            with pytest.raises(OSError, match=f"no TCP on 127.0.0.1 port {port}"):
                await open_tcp("127.0.0.1", port, Told(), _clock(0.0), TcpLimits())

    asyncio.run(tcp())


def test_udp_over_both_families():
    async def ask(host):
        engine = Told()
        transport, _ = await open_udp(host, 0, engine, _clock(1.0))
        address = transport.get_extra_info("sockname")
        loop = asyncio.get_running_loop()
        heard = loop.create_future()

        class Client(asyncio.DatagramProtocol):
            def datagram_received(self, data, addr):
                heard.set_result(data)

        client, _ = await loop.create_datagram_endpoint(Client, remote_addr=address[:2])
        client.sendto(b"now")
        async with asyncio.timeout(5):
            reply = await heard
        client.close()
        transport.close()
        await asyncio.sleep(0)
        return reply, engine.doors[0][0]

    assert asyncio.run(ask("127.0.0.1")) == (b"NOW", "127.0.0.1")
    assert asyncio.run(ask("::1")) == (b"NOW", "::1")


def test_a_tcp_client_that_leaves_is_forgotten():
    async def go():
        engine = Told()
        server, door = await open_tcp("127.0.0.1", 0, engine, _clock(1.0), TcpLimits())
        port = server.sockets[0].getsockname()[1]
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(frame(b"now") + frame(b"later"))
        assert await reader.readexactly(5) == frame(b"NOW")
        assert len(door.open) == 1
        reset(writer)
        async with asyncio.timeout(5):
            while door.open:
                await asyncio.sleep(0.01)
        assert engine.forgotten == [2]
        assert not door.by_client
        server.close()

    asyncio.run(go())


def test_a_door_that_closes_closes_its_connections():
    async def go():
        server, door = await open_tcp("127.0.0.1", 0, Told(), _clock(1.0), TcpLimits())
        port = server.sockets[0].getsockname()[1]
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(frame(b"now"))
        await reader.readexactly(5)
        door.close()
        async with asyncio.timeout(5):
            assert await reader.read() == b""
        writer.close()
        server.close()

    asyncio.run(go())


def test_a_connection_without_a_peer_is_turned_away():
    class NoPeer:
        aborted = False

        def get_extra_info(self, what):
            return None

        def abort(self):
            self.aborted = True

        def write(self, data):
            """Nothing is written."""

    transport = NoPeer()
    TcpDoor(Told(), _clock(0.0), TcpLimits()).protocol().connection_made(transport)
    assert transport.aborted
