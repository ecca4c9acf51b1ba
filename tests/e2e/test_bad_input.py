"""What is sent in bad faith or by broken programs: it is survived, bounded, and seen."""

import random
import socket
import threading
import time
from contextlib import ExitStack, contextmanager
from pathlib import Path

import dns.message
import pytest

from tests.support.dnsclient import data_of, framed, read_framed
from tests.support.needs import allowed
from tests.support.node import eventually, node

pytestmark = pytest.mark.real
PACKETS = 20_000
FORMERR, SERVFAIL, NOTIMP, REFUSED = 1, 2, 4, 5


@pytest.fixture(scope="module")
def running(tmp_path_factory, resolver):
    changes = {
        "upstream": {"servers": [f"127.0.0.1:{resolver.port}"], "timeout": "2s"},
        "default_group": "g",
        "groups": {"g": {"age": 10}},
        "block": ["bad.example.com"],
        "listen": {
            "tcp_limits": {"idle_timeout": "1s", "max_connections": 30, "max_per_client": 20}
        },
    }
    with node(tmp_path_factory.mktemp("node"), changes) as one:
        yield one


@pytest.fixture(autouse=True)
def alive_after(running):
    yield
    assert running.alive
    assert data_of(running.ask("www.example.com")) == ["192.0.2.1"]
    assert "Traceback" not in running.log


def mutated(rng, number):
    """Return one packet: noise, a cut query, or a query with some octets changed."""
    if number % 3 == 0:
        return rng.randbytes(rng.randrange(0, 64))
    query = dns.message.make_query("bad.example.com", rng.choice(["A", "AAAA", "TXT"]), use_edns=0)
    wire = bytearray(query.to_wire())
    if number % 3 == 1:
        return bytes(wire[: rng.randrange(len(wire))])
    for _ in range(rng.randrange(1, 5)):
        wire[rng.randrange(2, len(wire))] = rng.randrange(256)
    return bytes(wire)


def resident(pid):
    """Return the resident memory of a process in bytes."""
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * 4096


def test_twenty_thousand_bad_packets(running):
    rng = random.Random(20_000)
    before = resident(running.process.pid)
    lines = running.log.count("\n")
    codes = set()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.connect(("127.0.0.1", running.port))
        sock.setblocking(False)
        for number in range(PACKETS):
            sock.send(mutated(rng, number))
            if number % 50 == 0:
                time.sleep(0.002)
            try:
                while reply := sock.recv(4096):
                    codes.add(check_reply(reply))
            except BlockingIOError:
                pass
    assert FORMERR in codes
    assert codes <= {0, FORMERR, SERVFAIL, 3, NOTIMP, REFUSED}
    assert resident(running.process.pid) - before < 64 << 20
    assert running.log.count("\n") - lines < 50, "no flood of the log"
    assert eventually(lambda: running.metric("filterd_malformed_packets_total") > 100)


def check_reply(reply):
    """Return the code of a reply, which has a whole header and QR set."""
    assert len(reply) >= 12
    assert reply[2] & 0x80
    return reply[3] & 15


def test_a_response_as_a_query_is_never_answered(running):
    response = dns.message.make_response(dns.message.make_query("www.example.com", "A"))
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.connect(("127.0.0.1", running.port))
        sock.settimeout(0.5)
        sock.send(response.to_wire())
        with pytest.raises(TimeoutError):
            sock.recv(4096)


def connect(running):
    return socket.create_connection(("127.0.0.1", running.port), 5)


def closed(sock, seconds=10):
    """Say whether the other side ends the connection."""
    sock.settimeout(seconds)
    try:
        while sock.recv(65536):
            pass
    except TimeoutError:
        return False
    except OSError:
        return True  # reset
    return True


def test_tcp_byte_by_byte_is_answered(running):
    query = framed(dns.message.make_query("www.example.com", "A").to_wire())
    with connect(running) as sock:
        for octet in query:
            sock.send(bytes([octet]))
            time.sleep(0.002)
        answer = dns.message.from_wire(read_framed(sock, bytearray()))
    assert data_of(answer) == ["192.0.2.1"]


def test_a_drip_that_never_ends_a_message_is_cut(running):
    """Octets that complete nothing do not keep a connection open (RFC 7766 section 6.2.3)."""
    with connect(running) as sock:
        began = time.monotonic()
        with pytest.raises(OSError):  # noqa: PT012 - some send fails once the other side is gone
            while time.monotonic() - began < 10:
                sock.send(b"\xff")
                time.sleep(0.2)
        assert time.monotonic() - began < 8


def test_a_silent_connection_is_closed(running):
    with connect(running) as sock:
        assert closed(sock)


def test_garbage_in_a_frame_gets_formerr_and_the_connection_goes_on(running):
    good = dns.message.make_query("bad.example.com", "A")
    with connect(running) as sock:
        sock.sendall(framed(b"\x12\x34\x01\x00" + b"\0\1" + b"\xff" * 30) + framed(good.to_wire()))
        buffer = bytearray()
        first = read_framed(sock, buffer)
        assert (first[:2], first[3] & 15) == (b"\x12\x34", FORMERR)
        assert data_of(dns.message.from_wire(read_framed(sock, buffer))) == ["0.0.0.0"]


def test_a_client_that_does_not_read_is_cut_off(running):
    query = framed(dns.message.make_query("large.example.com", "TXT").to_wire())
    with socket.socket() as sock:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        sock.settimeout(10)  # that it does not take more would not be that it cuts
        sock.connect(("127.0.0.1", running.port))
        end = time.monotonic() + 20
        with pytest.raises(ConnectionError):  # noqa: PT012 - some send fails, once it has cut
            while time.monotonic() < end:
                sock.sendall(query)


def test_too_many_connections_of_one_client(running):
    with ExitStack() as stack:
        kept = [stack.enter_context(connect(running)) for _ in range(40)]
        ended = [sock for sock in kept if reset_at_once(sock)]
        assert 15 <= len(ended) <= 25
        # UDP is not touched by that, and neither is another client.
        assert data_of(running.ask("bad.example.com")) == ["0.0.0.0"]
        other = stack.enter_context(socket.socket())
        other.bind(("127.0.0.77", 0))
        other.connect(("127.0.0.1", running.port))
        other.sendall(framed(dns.message.make_query("bad.example.com", "A").to_wire()))
        other.settimeout(5)
        assert data_of(dns.message.from_wire(read_framed(other, bytearray()))) == ["0.0.0.0"]


def reset_at_once(sock):
    """Say whether the server ended a connection within a moment."""
    sock.settimeout(0.02)
    try:
        return sock.recv(1) == b""
    except TimeoutError:
        return False
    except OSError:
        return True


@contextmanager
def liar(answers):
    """A UDP upstream on loopback that sends `answers(query)` instead of an answer."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind(("127.0.0.1", 0))
        sock.settimeout(0.1)
        over = threading.Event()

        def serve():
            while not over.is_set():
                try:
                    query, client = sock.recvfrom(65535)
                except TimeoutError:
                    continue
                for answer in answers(query):
                    sock.sendto(answer, client)

        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield sock.getsockname()[1]
        finally:
            over.set()
            thread.join()


def honest(query, address="192.0.2.200"):
    message = dns.message.from_wire(query)
    reply = dns.message.make_response(message)
    reply.flags |= 0x80
    rrset = f"{message.question[0].name.to_text()} 300 IN A {address}"
    reply.answer = dns.message.from_text(f"id 1\n;ANSWER\n{rrset}").answer
    return reply.to_wire()


def spoofs(query):
    """Wrong id, wrong question, a query back, noise, an oversized datagram; then the truth."""
    good = honest(query)
    if b"name" not in query.lower():
        yield good
        return
    wrong_id = bytes([good[0] ^ 1]) + good[1:]
    yield wrong_id.replace(bytes([192, 0, 2, 200]), bytes([192, 0, 2, 6]))
    other = dns.message.make_query("evil.example.org", "A", id=int.from_bytes(query[:2], "big"))
    yield honest(other.to_wire(), "192.0.2.6")
    yield query
    yield b"\xff" * 7
    yield good[:2] + b"\xff" * 9000
    yield good


def test_lies_of_an_upstream_are_dropped_and_counted(tmp_path):
    with liar(spoofs) as port:
        changes = {
            "upstream": {"servers": [f"127.0.0.1:{port}"], "timeout": "3s"},
            "default_group": "g",
            "groups": {"g": {"age": 10}},
        }
        with node(tmp_path, changes) as one:
            assert data_of(one.ask("name.example.com")) == ["192.0.2.200"]
            assert data_of(one.ask("evil.example.org")) == ["192.0.2.200"], "nothing was planted"
            assert eventually(lambda: one.metric("filterd_upstream_dropped_total")) >= 3


def test_an_upstream_of_noise_gives_servfail(tmp_path):
    with liar(lambda query: [query[:2] + b"\x81\x80" + bytes(40)]) as port:
        changes = {
            "upstream": {"servers": [f"127.0.0.1:{port}"], "timeout": "1s"},
            "default_group": "g",
            "groups": {"g": {"age": 10}},
        }
        with node(tmp_path, changes) as one:
            shown = one.dig("name.example.com")
            assert (shown.status, shown.ede in {22, 23}) == ("SERVFAIL", True)
            assert one.alive


@pytest.mark.parametrize(
    "mount",
    [
        "mount -t tmpfs -o size=256k tmpfs {0} && head -c 250000 /dev/zero > {0}/ballast",
        "mount -t tmpfs -o ro tmpfs {0}",
    ],
    ids=["full", "read-only"],
)
def test_a_log_that_cannot_be_written_is_an_alarm_and_dns_goes_on(tmp_path, resolver, mount):
    """A log on a file system without room, or one that may not be written (real, tiny ones)."""
    full = tmp_path / "full"
    full.mkdir()
    changes = {
        "upstream": {"servers": [f"127.0.0.1:{resolver.port}"]},
        "default_group": "g",
        "groups": {"g": {"age": 10}},
        "block": ["bad.example.com"],
        "privacy": {"level": "full"},
        "log": {"path": str(full / "log.sqlite")},
    }
    script = f'{mount.format(full)}; exec "$@"'
    prefix = ("unshare", "-m", "sh", "-c", script, "sh")
    allowed("to mount", "unshare", "-m", "mount", "-t", "tmpfs", "tmpfs", str(full))
    with node(tmp_path / "node", changes, prefix=prefix, ready=False) as one:
        for number in range(300):
            one.ask(f"n{number}.bad.example.com")
        assert eventually(lambda: one.metric("filterd_report_problem") == 1)
        assert data_of(one.ask("www.example.com")) == ["192.0.2.1"]
        assert data_of(one.ask("bad.example.com")) == ["0.0.0.0"]
        assert one.status()["log"]["problem"]
