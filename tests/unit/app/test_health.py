"""What many looks say, and what one look hears."""

import asyncio

import pytest

from filterd.app.health import Condition, Door, Standing, look
from filterd.config.addresses import ListenAddress
from filterd.dns.tcp import TcpLimits, open_tcp
from filterd.dns.udp import open_udp
from tests.support.desk import Desk
from tests.support.servers import free_port


@pytest.mark.parametrize(
    ("looks", "changes"),
    [
        ("+", ""),
        ("+++", "  +"),
        ("--", " -"),
        ("+-+-+-", ""),
        ("++-+++", "     +"),
        ("+++-+--+++", "  +   -  +"),
        ("-" * 9, " -"),
    ],
)
def test_it_takes_three_good_looks_in_a_row_and_two_bad_ones(looks, changes):
    standing = Standing(rise=3, fall=2)
    said = "".join(sign if standing.hear(sign == "+") else " " for sign in looks)
    assert said.rstrip() == changes


def doors(port):
    return tuple(Door(kind, ListenAddress("127.0.0.1", port)) for kind in ("udp", "tcp"))


@pytest.mark.parametrize("well", [True, False])
def test_a_door_says_how_the_node_is(well):
    desk = Desk()
    desk.engine.is_well = lambda: well

    async def main():
        port = free_port()
        transport, _ = await open_udp("127.0.0.1", port, desk.engine, desk.clock)
        server, door = await open_tcp("127.0.0.1", port, desk.engine, desk.clock, TcpLimits())
        try:
            return await look(doors(port), (), 5.0)
        finally:
            transport.close()
            door.close()
            server.close()
            await asyncio.sleep(0)

    heard = desk.loop.run_until_complete(main())
    assert set(heard.values()) == {Condition.WELL if well else Condition.UNWELL}
    assert len(heard) == 2
    desk.close()


def test_nobody_there_is_heard_at_once():
    heard = asyncio.run(look(doors(free_port()), (), 60.0))
    assert set(heard.values()) == {Condition.SILENT}


def test_a_door_that_never_answers_costs_the_patience():
    async def main():
        loop = asyncio.get_running_loop()
        port = free_port()
        silent, _ = await loop.create_datagram_endpoint(
            asyncio.DatagramProtocol, local_addr=("127.0.0.1", port)
        )
        server = await loop.create_server(asyncio.Protocol, "127.0.0.1", port)
        try:
            return await look(doors(port), (), 0.1)
        finally:
            silent.close()
            server.close()

    assert set(asyncio.run(main()).values()) == {Condition.SILENT}


def test_what_is_no_answer_is_not_well():
    class Wrong(asyncio.DatagramProtocol):
        def connection_made(self, transport):
            self.transport = transport

        def datagram_received(self, data, addr):
            self.transport.sendto(b"xx" + data[2:], addr)  # of another question
            self.transport.sendto(data[:5], addr)

    async def main():
        loop = asyncio.get_running_loop()
        port = free_port()
        wrong, _ = await loop.create_datagram_endpoint(Wrong, local_addr=("127.0.0.1", port))
        try:
            return await look(doors(port)[:1], (), 5.0)
        finally:
            wrong.close()

    assert list(asyncio.run(main()).values()) == [Condition.UNWELL]
