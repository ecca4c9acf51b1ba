"""RFC 7766: DNS over TCP, at the door's protocol with a fake transport."""

import asyncio

import dns.message

from filterd.dns.tcp import TcpDoor, TcpLimits
from tests.support.dnsclient import framed


class Transport:
    """What a connection needs of a transport; remembers what was written."""

    def __init__(self):
        self.written = b""
        self.ended = False
        self.reading = True
        self.unread = 0
        self.aborted = False

    def get_extra_info(self, what):
        return ("192.0.2.7", 1)

    def set_write_buffer_limits(self, high):
        pass

    def get_write_buffer_size(self):
        return self.unread

    def write(self, data):
        self.written += data

    def close(self):
        self.ended = True

    def abort(self):
        self.ended = self.aborted = True

    def is_closing(self):
        return self.ended

    def is_reading(self):
        return self.reading

    def pause_reading(self):
        self.reading = False

    def resume_reading(self):
        self.reading = True

    def messages(self):
        found, data = [], self.written
        while data:
            size = int.from_bytes(data[:2], "big")
            found.append(dns.message.from_wire(data[2 : 2 + size]))
            data = data[2 + size :]
        return found


def query(name, number):
    return framed(dns.message.make_query(name, "A", id=number).to_wire())


def connection(desk, **limits):
    door = TcpDoor(desk.engine, desk.clock, TcpLimits(**limits))
    protocol = door.protocol()
    transport = Transport()
    protocol.connection_made(transport)
    return protocol, transport, door


def run(desk, work):
    async def main():
        return await work()

    return desk.loop.run_until_complete(main())


def test_6_2_1_1_many_queries_in_one_segment_are_all_answered(desk):
    one = desk(upstream=["a.example.com A 192.0.2.1", "b.example.com A 192.0.2.2"])

    async def work():
        protocol, transport, _ = connection(one)
        protocol.data_received(query("a.example.com", 1) + query("b.example.com", 2))
        await asyncio.sleep(0.05)
        assert {m.id for m in transport.messages()} == {1, 2}
        protocol.connection_lost(None)

    run(one, work)


def test_7_answers_come_out_of_order(desk):
    config = "groups: {g: {age: 18}}\ndefault_group: g\nblock: [bad.example.com]\n"
    one = desk(config, ["a.example.com A 192.0.2.1"])

    async def work():
        protocol, transport, _ = connection(one)
        protocol.data_received(query("a.example.com", 1) + query("bad.example.com", 2))
        assert [m.id for m in transport.messages()] == [2], "the block need not wait"
        await asyncio.sleep(0.05)
        assert [m.id for m in transport.messages()] == [2, 1]
        protocol.connection_lost(None)

    run(one, work)


def test_8_length_and_message_may_come_in_any_pieces(desk):
    one = desk(upstream=["a.example.com A 192.0.2.1"])

    async def work():
        protocol, transport, _ = connection(one)
        for octet in query("a.example.com", 7):
            protocol.data_received(bytes([octet]))
        await asyncio.sleep(0.05)
        assert [m.id for m in transport.messages()] == [7]
        protocol.connection_lost(None)

    run(one, work)


def test_6_2_2_connections_of_one_client_are_bounded(desk):
    one = desk()

    async def work():
        protocol, first, door = connection(one, per_client=1)
        second = Transport()
        door.protocol().connection_made(second)
        assert (first.ended, second.ended, door.refused) == (False, True, 1)
        protocol.connection_lost(None)
        third = Transport()
        last = door.protocol()
        last.connection_made(third)
        assert not third.ended, "the first has gone"
        last.connection_lost(None)

    run(one, work)


def test_6_2_3_an_idle_connection_is_closed(desk):
    one = desk()

    async def work():
        protocol, transport, _ = connection(one, idle=0.05)
        await asyncio.sleep(0.3)
        assert transport.ended
        protocol.connection_lost(None)

    run(one, work)


def test_6_2_3_who_leaves_its_answers_unread_is_cut_off(desk):
    one = desk()

    async def work():
        protocol, transport, _ = connection(one, idle=0.05)
        transport.unread = 100  # far below what would count as too much
        await asyncio.sleep(0.3)
        assert transport.aborted
        protocol.connection_lost(None)

    run(one, work)


def test_6_2_3_a_close_does_not_wait_for_ever_for_who_does_not_read(desk):
    one = desk()

    async def work():
        protocol, transport, _ = connection(one, idle=0.05)
        protocol.close()
        assert (transport.ended, transport.aborted) == (True, False)
        await asyncio.sleep(0.3)
        assert transport.aborted
        protocol.connection_lost(None)

    run(one, work)


def test_6_2_4_a_half_closed_connection_gets_what_it_is_owed(desk):
    one = desk(upstream=["a.example.com A 192.0.2.1"])

    async def work():
        protocol, transport, _ = connection(one)
        protocol.data_received(query("a.example.com", 3))
        assert protocol.eof_received(), "kept open"
        await asyncio.sleep(0.05)
        assert [m.id for m in transport.messages()] == [3]
        protocol.connection_lost(None)

    run(one, work)


def test_6_2_4_and_is_closed_when_that_is_done(desk):
    one = desk(upstream=["a.example.com A 192.0.2.1"])

    async def work():
        protocol, transport, _ = connection(one)
        protocol.data_received(query("a.example.com", 3))
        protocol.eof_received()
        await asyncio.sleep(0.05)
        assert transport.ended
        protocol.connection_lost(None)

    run(one, work)


def test_10_a_client_that_does_not_read_is_cut_off(desk):
    one = desk()

    async def work():
        protocol, transport, _ = connection(one)
        protocol.pause_writing()
        assert transport.ended
        protocol.connection_lost(None)

    run(one, work)


def test_10_no_more_is_read_than_is_worked_on(desk):
    one = desk()
    one.upstream.held = True

    async def work():
        protocol, transport, _ = connection(one, pipelined=3)
        protocol.data_received(b"".join(query(f"n{i}.example.com", i) for i in range(10)))
        await asyncio.sleep(0.02)
        assert len(one.upstream.asked) == 3
        assert not transport.reading
        protocol.connection_lost(None)

    run(one, work)
