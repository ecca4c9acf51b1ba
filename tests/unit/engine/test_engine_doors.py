"""What the engine says of the core's threads and of what was lost at their sockets."""

import asyncio
import os
import socket
import time

import pytest

from filterd.dns.udp import udp_socket
from filterd.engine.routing import routing
from filterd.upstream.resolver import Settings
from tests.support.desk import Desk


@pytest.fixture
def engine():
    made = Desk()
    yield made.engine
    made.loop.run_until_complete(asyncio.sleep(0))
    made.close()


def run(engine, what):
    async def main():
        try:
            return what()
        finally:
            engine.close()

    return asyncio.run(main())


def forward(engine, port):
    engine.forward(routing(Settings((f"127.0.0.1:{port}",)), (), deadline=5.0, stale_wait=5.0))


def test_threads_that_run_are_those_that_should(engine):
    assert engine.doors().wanted == engine.doors().running == {"udp": 0, "forward": 0}

    def what():
        with udp_socket("127.0.0.1", 0) as sock:
            engine.open_doors([sock, sock], [])
        forward(engine, 9)
        on = engine.doors()
        engine.forward(None)
        engine.stop_workers()
        return on, engine.doors()

    on, off = run(engine, what)
    assert on.wanted == on.running == {"udp": 2, "forward": 1}
    assert off.wanted == off.running == {"udp": 0, "forward": 0}


def test_threads_wait_and_do_not_go_round(engine):
    def what():
        with udp_socket("127.0.0.1", 0) as sock:
            engine.open_doors([sock, sock], [])
            waits = [os.get_blocking(sock.fileno())]
            sock.setblocking(False)  # as whoever handed it over may
            end = time.monotonic() + 10
            while not os.get_blocking(sock.fileno()) and time.monotonic() < end:
                time.sleep(0.01)
            return [*waits, os.get_blocking(sock.fileno())]

    assert run(engine, what) == [True, True]


def test_threads_that_ended_by_themselves_are_still_wanted(engine):
    def what():
        with udp_socket("127.0.0.1", 0) as sock:
            engine.open_doors([sock, sock], [])
        forward(engine, 9)
        engine._core.stop_workers()  # behind the engine's back, as a fault would
        engine._core.stop_forwarding()
        return engine.doors()

    doors = run(engine, what)
    assert doors.wanted == {"udp": 2, "forward": 1}
    assert doors.running == {"udp": 0, "forward": 0}


def test_what_a_full_socket_drops_is_counted_once(engine):
    def what():
        with udp_socket("127.0.0.1", 0) as sock:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1)
            address = sock.getsockname()
            engine.open_doors([sock, sock], [])
        before = engine.doors().lost
        engine._core.stop_workers()
        with socket.socket(type=socket.SOCK_DGRAM) as client:
            for _ in range(100):
                client.sendto(bytes(400), address)
        return before, engine.doors().lost

    before, lost = run(engine, what)
    assert before == 0
    assert 50 < lost < 100  # some found room; twice would be more than were sent


def test_a_closed_engine_lets_go_of_its_address(engine):
    def open_it():
        with udp_socket("127.0.0.1", 0) as sock:
            engine.open_doors([sock], [])
            return sock.getsockname()[1]

    port = run(engine, open_it)
    udp_socket("127.0.0.1", port).close()
    assert engine.doors().lost == 0
