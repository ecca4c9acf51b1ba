"""The real daemon among pupils who want out and strangers who want it down."""

import random
import socket
import struct
import threading

import dns.message
import pytest

from tests.support.needs import root
from tests.support.node import filterd, node

pytestmark = pytest.mark.real

BLOCKED = b"\x03bad\x07example\x03com\x00\x00\x01\x00\x01"
HEADER = struct.Struct("!6H")


def packet(question, number=1):
    return HEADER.pack(number, 0x0100, 1, 0, 0, 0) + question


def framed(message):
    return struct.pack("!H", len(message)) + message


@pytest.fixture(scope="module")
def running(tmp_path_factory, resolver):
    changes = {
        "upstream": {"servers": [f"127.0.0.1:{resolver.port}"]},
        "groups": {"all": {"age": 10}},
        "default_group": "all",
        "block": ["bad.example.com"],
        "records": [
            {"name": "*.wild.example.com", "type": "A", "value": "192.0.2.40"},
            {"name": "*.away.example.com", "type": "CNAME", "value": "www.example.com"},
        ],
    }
    with node(tmp_path_factory.mktemp("node"), changes) as one:
        yield one


@pytest.fixture
def stream(running):
    with socket.create_connection(("127.0.0.1", running.port), timeout=20) as one:
        yield one


def ask_bytes(running, question):
    with socket.socket(type=socket.SOCK_DGRAM) as sock:
        sock.settimeout(5)
        sock.sendto(packet(question), ("127.0.0.1", running.port))
        return sock.recv(4096)


ODD = [b"a.b", b"\0", b"\xff\xfe", b'"', b"(", b";", b"@", b"\\", b" ", b"\n\x1b[2J", b"\1" * 63]


@pytest.mark.parametrize("odd", ODD)
@pytest.mark.parametrize(
    ("tail", "rcode", "answers"),
    [
        (b"\x04wild\x07example\x03com\x00", 0, 1),
        (b"\x04away\x07example\x03com\x00", 0, 2),
        (b"\x09localhost\x00", 0, 1),
        (b"\x05onion\x00", 3, 0),
        (b"\x03bad\x07example\x03com\x00", 0, 1),
    ],
)
def test_any_octet_may_stand_in_a_label(running, odd, tail, rcode, answers):
    question = bytes([len(odd)]) + odd + tail + b"\x00\x01\x00\x01"
    reply = ask_bytes(running, question)
    assert reply[12 : 12 + len(question)] == question
    assert (reply[3] & 15, reply[6:8]) == (rcode, answers.to_bytes(2, "big"))
    if answers:
        owner = dns.message.from_wire(reply).answer[0].name.to_wire()
        assert owner == question[:-4]
    assert "Traceback" not in running.log
    assert "\x1b" not in running.log


def test_noise_leaves_no_line_in_the_log_and_the_node_alive(running):
    before = len(running.log)
    rng = random.Random(9619)
    with socket.socket(type=socket.SOCK_DGRAM) as sock:
        for _ in range(3000):
            noise = bytearray(packet(BLOCKED) + rng.randbytes(rng.randrange(40)))
            for _ in range(rng.randrange(1, 6)):
                noise[rng.randrange(len(noise))] = rng.randrange(256)
            noise[2] &= 0x7F
            sock.sendto(bytes(noise), ("127.0.0.1", running.port))
    assert running.ask("bad.example.com").answer[0][0].to_text() == "0.0.0.0"
    assert len(running.log) == before


def test_a_stream_without_dns_in_it_is_closed(stream, running):
    stream.sendall(framed(packet(BLOCKED)) + bytes(2 * 100_000))
    received = b""
    while chunk := _receive(stream):
        received += chunk
    assert received[2:14] == HEADER.pack(1, 0x8180, 1, 1, 0, 0)
    assert len(received) == 2 + int.from_bytes(received[:2], "big")
    assert running.ask("bad.example.com").answer


def test_a_hundred_thousand_pipelined_queries_are_all_answered(stream, running):
    count = 100_000
    queries = b"".join(framed(packet(BLOCKED, number & 0xFFFF)) for number in range(count))

    def send():
        stream.sendall(queries)
        stream.shutdown(socket.SHUT_WR)

    sender = threading.Thread(target=send)
    sender.start()
    size = None
    received = 0
    while chunk := _receive(stream):
        if size is None:
            size = 2 + int.from_bytes(chunk[:2], "big")
        received += len(chunk)
    sender.join()
    assert received == count * size
    assert running.ask("bad.example.com").answer


def test_who_does_not_read_is_cut_off_and_nobody_else_notices(stream, running):
    stream.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    queries = b"".join(framed(packet(BLOCKED)) for _ in range(20_000))
    with pytest.raises(OSError):
        stream.sendall(100 * queries)
    assert running.ask("bad.example.com").answer


def test_a_datagram_from_port_0_harms_nobody(running):
    root("to write a datagram's source port")
    before = len(running.log)
    payload = packet(BLOCKED)
    header = struct.pack("!4H", 0, running.port, 8 + len(payload), 0)
    with socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_UDP) as raw:
        for _ in range(50):
            raw.sendto(header + payload, ("127.0.0.1", 0))
    assert running.ask("bad.example.com").answer
    assert "Traceback" not in running.log[before:]


def test_neither_version_nor_name_of_the_server_is_told(running):
    for name in ("version.bind", "version.server", "id.server", "hostname.bind"):
        shown = running.dig("-c", "CH", name, "TXT")
        assert (shown.status, shown.answers) == ("REFUSED", [])
    shown = running.dig("+nsid", "www.example.com")
    assert "NSID" not in shown.text


def test_a_list_cannot_steer_the_terminal_of_who_looks_at_it(tmp_path):
    text = (
        "||bad\x1b]0;mine\x07.example^$nonsense\n/re\x1b[2Jgex(/\nb\x9b31m ad\n\u202ewww example\n"
    )
    (tmp_path / "list.txt").write_text(text)
    done = filterd("lists", "check", f"adblock={tmp_path / 'list.txt'}")
    assert done.returncode == 1
    assert "\\x1b]0;mine\\x07" in done.stdout
    assert all(each.isprintable() for each in done.stdout.splitlines())


def test_an_override_opens_a_site_and_not_the_internet(running):
    for name in ("com", "edu.vn", "."):
        done = running.run("override", "add", name, "--for", "1h", "--reason", "x", "--by", "y")
        assert done.returncode != 0, done.stdout
    assert running.ask("bad.example.com").answer[0][0].to_text() == "0.0.0.0"


def _receive(stream):
    try:
        return stream.recv(65_536)
    except ConnectionResetError:
        return b""
