"""Too much and too slow: what a client or server can make a worker hold, and for how long."""

import contextlib
import os
import resource
import threading
import time
from pathlib import Path

import pytest

from tests.support.filtered import READ
from tests.support.hostile_world import BLOCKED, OPEN
from tests.support.node import eventually
from tests.support.raw_http import CHUNKED, connect, read, status

pytestmark = pytest.mark.real
MIB = 2**20
SLOW = 20  # seconds that a head may take
LEEWAY = 8


def memory(pid):
    """Bytes that a process has in memory."""
    words = Path(f"/proc/{pid}/statm").read_text().split()
    return int(words[1]) * os.sysconf("SC_PAGE_SIZE")


def pour(connection, piece, most):
    """Send `piece` over and over; return how much was taken before the other end went."""
    sent = 0
    with contextlib.suppress(OSError):
        while sent < most:
            connection.sendall(piece)
            sent += len(piece)
    return sent


@pytest.fixture
def grown(enemy):
    """How much the worker has grown since the test began."""
    assert enemy.alive()
    before = memory(enemy.worker)
    return lambda: memory(enemy.worker) - before


@pytest.mark.http_core
@pytest.mark.parametrize(
    "begin",
    [
        "GET http://{open}/",  # a line without an end
        "GET http://{open}/ HTTP/1.1\r\nX-A: ",  # a field without an end
        "POST http://{open}/ HTTP/1.1\r\nHost: {open}\r\nTransfer-Encoding: chunked\r\n\r\n3;x=",
        "POST http://{open}/ HTTP/1.1\r\nHost: {open}\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nX: ",
    ],
)
def test_what_has_no_end_is_ended(enemy, grown, begin):
    """RFC 9112 section 3 and RFC 6585 section 5: a server may bound a request line and fields (414 or
    431); 431 here, for a head; a connection that is in the middle of something is closed.
    """
    enemy.forget()
    start = begin.format(open=f"{OPEN}:{enemy.plain.port}").encode()
    with connect(enemy.proxy) as raw:
        raw.sendall(start)
        sent = pour(raw, b"a" * 65536, 64 * MIB)
        said = read(raw)
    assert sent < 16 * MIB
    assert status(said) in ({431, 0} if begin.startswith("GET") else {400, 0})
    assert grown() < 16 * MIB
    assert enemy.plain.seen == b""
    assert enemy.alive()


def test_a_head_of_many_fields_is_bounded_and_a_large_one_passes(enemy):
    """RFC 6585 section 5."""
    fields = [f"X-{number}: {'a' * 100}" for number in range(400)]
    assert status(enemy.send(enemy.head(*fields))) == 200
    with connect(enemy.proxy) as raw:
        with contextlib.suppress(OSError):
            raw.sendall(enemy.head(*(fields * 4))[:-2])
            raw.sendall(b"X: y\r\n" * 20_000)
        with contextlib.suppress(TimeoutError):
            assert status(read(raw, seconds=3)) in {431, 0}
    assert enemy.alive()


def test_requests_behind_one_that_is_not_answered_are_bounded(enemy, grown):
    """RFC 9112 section 9.3.2: a client may send without waiting; nobody has to keep all of it."""
    with enemy.plain.answering(b""), connect(enemy.proxy) as raw:  # it never answers
        raw.sendall(enemy.head())
        eventually(lambda: enemy.plain.seen)
        assert pour(raw, enemy.head() * 100, 64 * MIB) < 16 * MIB
    assert grown() < 16 * MIB
    assert enemy.alive()


@pytest.mark.http_core
def test_an_upload_to_a_blocked_site_is_not_kept(enemy, grown):
    """RFC 9110 section 15.5.4: the answer may come before the end; of a body without a length
    nothing is kept, and nothing reaches the server.
    """
    enemy.forget()
    with connect(enemy.proxy) as raw:
        raw.sendall(enemy.head("Transfer-Encoding: chunked", method="POST", host=BLOCKED))
        pour(raw, b"10000\r\n" + b"a" * 65536 + b"\r\n", 48 * MIB)
        with contextlib.suppress(OSError):
            raw.sendall(b"0\r\n\r\n")
        assert status(read(raw, lambda said: b"\r\n\r\n" in said)) in {403, 0}
    assert grown() < 16 * MIB
    assert enemy.plain.seen == b""
    assert "crashed" not in enemy.filter.log


@pytest.mark.parametrize("begin", [b"HTTP/1.1 200 OK\r\nX-A: ", CHUNKED + b"3;x="])
def test_an_answer_without_an_end_is_ended(enemy, grown, begin):
    """RFC 9110 section 15.6.3: an invalid answer of a server is 502, or an end where it had begun."""
    with enemy.plain.answering(begin + b"a" * (8 * MIB)):
        said = enemy.send(enemy.head(), seconds=5)
    assert status(said) in {502, 200, 0}
    assert len(said) < MIB
    assert grown() < 24 * MIB
    assert enemy.alive()


def test_a_client_that_reads_nothing_does_not_fill_the_worker(enemy, grown):
    """A body is held back where the client does not take it."""
    large = 64 * MIB
    head = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % large
    with enemy.plain.answering(head + bytes(large)), connect(enemy.proxy) as raw:
        raw.sendall(enemy.head())
        read(raw, lambda said: b"200 OK" in said)
        time.sleep(1.5)
        assert grown() < 24 * MIB


def test_many_idle_connections_cost_little_and_others_are_served(enemy, grown):
    """300 that say nothing, and 100 that say the most that may be said without an end."""
    need = 1000
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, min(need, hard)), hard))
    with contextlib.ExitStack() as stack:
        several = [stack.enter_context(connect(enemy.proxy)) for _ in range(400)]
        for each in several[:100]:
            each.sendall(b"GET http://" + b"a" * 60_000)
        eventually(enemy.alive)
        assert grown() < 48 * MIB
    assert enemy.alive()


def test_who_is_slow_is_ended_in_bounded_time(enemy):
    """Slow heads and hellos (RFC 9110 section 15.5.9: a server need not wait): nothing at all, a byte
    a second of a head, nothing in a tunnel, a byte a second of a hello, nothing in TLS. A download
    and a connection in use stay.
    """
    drip = {
        "nothing": (connect(enemy.proxy), b""),
        "head": (connect(enemy.proxy), enemy.head()),
        "tunnel": (enemy.tunnel(), b""),
        "hello": (enemy.tunnel(), b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(500)),
        "TLS": (enemy.inside(client=READ), b""),
    }
    began, lasted = time.monotonic(), {}

    def dribble(name, connection, words):
        connection.settimeout(1)
        for at in range(SLOW + LEEWAY):
            try:
                connection.send(words[at : at + 1])
                if connection.recv(1000) == b"":
                    break
            except TimeoutError:
                continue
            except OSError:
                break
        else:
            return
        lasted[name] = time.monotonic() - began

    threads = [threading.Thread(target=dribble, args=(n, *how)) for n, how in drip.items()]
    slow = b"HTTP/1.1 200 OK\r\nContent-Length: 40\r\n\r\n" + b"a" * 20
    with enemy.plain.answering(slow), connect(enemy.proxy) as download:
        download.sendall(enemy.head())
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        download.settimeout(0.2)
        with contextlib.suppress(TimeoutError):  # it waits for the rest of what it was promised
            assert download.recv(1)
        for connection, _ in drip.values():
            connection.close()
    assert lasted.keys() == drip.keys()
    assert all(SLOW - 2 < seconds < SLOW + LEEWAY for seconds in lasted.values()), lasted
    assert enemy.alive()
