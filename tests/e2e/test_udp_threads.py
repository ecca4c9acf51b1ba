"""The daemon's UDP threads: addresses, several threads on one, reloads under load, restarts with
sockets that somebody else holds.
"""

import os
import socket
import struct
import subprocess
import sys
import threading
import time
from contextlib import closing, contextmanager

import pytest

from tests.support.needs import network_namespace
from tests.support.node import (
    FILTERD,
    ROOT,
    both_families_port,
    eventually,
    node,
    stop,
    write_config,
)
from tests.support.servers import free_port

pytestmark = pytest.mark.real
CHANGES = {
    "groups": {"all": {"age": 18}},
    "default_group": "all",
    "block": ["bad.example.com"],
}
# More addresses for loopback: clients there are 10.9.0.1 and fd00:9::1, so that the system's own
# choice for a reply would be the same and not the address that was asked.
NAMESPACE = """
set -e
ip link set lo up
ip addr add 10.9.0.1/24 dev lo
ip addr add 10.9.0.2/24 dev lo
ip -6 addr add fd00:9::1/64 dev lo nodad
ip -6 addr add fd00:9::2/64 dev lo nodad
ip -6 addr add fe80::1/64 dev lo nodad
ip -6 addr add fe80::2/64 dev lo nodad
exec "$@"
"""
INSIDE = ("unshare", "-n", "sh", "-c", NAMESPACE, "sh")


def query(name, number=1):
    labels = b"".join(bytes([len(part)]) + part.encode() for part in name.split("."))
    return struct.pack("!6H", number, 0x0100, 1, 0, 0, 0) + labels + b"\0\0\1\0\1"


def changes(resolver, **more):
    return CHANGES | {"upstream": {"servers": [f"127.0.0.1:{resolver.port}"]}} | more


@pytest.mark.parametrize("workers", [1, 2])
def test_replies_come_from_the_address_that_was_asked(tmp_path, workers):
    network_namespace()
    done = subprocess.run(
        [*INSIDE, sys.executable, "-m", "tests.e2e.asked_addresses", str(tmp_path), str(workers)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "10.9.0.2 forwarded" in done.stdout
    assert "fe80" in done.stdout


@pytest.fixture
def two(tmp_path, resolver):
    with node(tmp_path / "node", changes(resolver, listen={"workers": 2})) as running:
        yield running


def ask_from(running, count, name):
    """Ask from `count` ports, which the system spreads over the threads; the replies' addresses."""
    heard = []
    for number in range(count):
        with socket.socket(type=socket.SOCK_DGRAM) as sock:
            sock.settimeout(5)
            sock.connect(("127.0.0.1", running.port))
            sock.send(query(name, number))
            heard.append(sock.recv(4096)[-4:])
    return heard


def test_a_change_reaches_every_thread(two):
    assert set(ask_from(two, 40, "www.example.com")) == {bytes([192, 0, 2, 1])}
    two.reload({"block": ["bad.example.com", "www.example.com"]})
    assert set(ask_from(two, 40, "www.example.com")) == {bytes(4)}


def test_reloads_under_load_lose_nothing(two):
    ended = threading.Event()
    lost, asked = [], [0]

    def load(name):
        while not ended.is_set():
            try:
                ask_from(two, 20, name)
            except OSError as error:
                lost.append(error)
            asked[0] += 20

    names = ("bad.example.com", "www.example.com")
    threads = [threading.Thread(target=load, args=(name,)) for name in names]
    for thread in threads:
        thread.start()
    try:
        for number in range(10):
            two.write({"block": ["bad.example.com", f"other{number}.example.com"]})
            before = two.status()["generation"]
            two.hangup()
            eventually(lambda before=before: two.status()["generation"] > before)
    finally:
        ended.set()
        for thread in threads:
            thread.join()
    assert not lost
    assert asked[0] > 100


def test_clients_that_are_gone_stop_no_thread(two):
    """Replies to closed ports come back as ICMP errors."""
    for number in range(500):
        with socket.socket(type=socket.SOCK_DGRAM) as sock:
            sock.sendto(query("bad.example.com", number), ("127.0.0.1", two.port))
    assert set(ask_from(two, 40, "bad.example.com")) == {bytes(4)}


@pytest.mark.parametrize("workers", [1, 2])
def test_a_second_node_on_the_same_address_says_so_and_ends(tmp_path, two, resolver, workers):
    folder = tmp_path / "second"
    settings = changes(resolver, listen={"workers": workers, "tcp": []})
    write_config(folder, settings, two.port, free_port())
    done = subprocess.run(
        [*FILTERD, "serve", "-c", str(folder / "filterd.yaml")],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 3
    assert f"no UDP on 127.0.0.1 port {two.port}" in done.stderr
    assert set(ask_from(two, 40, "bad.example.com")) == {bytes(4)}


# Does what systemd does: hands over the descriptors from 3 on, and becomes the daemon.
LAUNCHER = """
import os, sys
fds = [int(n) for n in sys.argv[1].split(",")]
for place, fd in enumerate(fds):
    os.dup2(fd + 100, 3 + place)
os.environ.update(LISTEN_FDS=str(len(fds)), LISTEN_PID=str(os.getpid()))
os.execv(sys.executable, [sys.executable, "-m", "filterd", *sys.argv[2:]])
"""


@contextmanager
def activated(folder, sockets):
    """Run a daemon that is handed `sockets`."""
    # Out of the way first, so that no descriptor is overwritten before it is copied.
    for place, sock in enumerate(sockets):
        os.dup2(sock.fileno(), 100 + place)
    places = range(len(sockets))
    command = (sys.executable, "-c", LAUNCHER, ",".join(map(str, places)))
    try:
        with (folder / "filterd.log").open("ab") as out:
            process = subprocess.Popen(
                [*command, "serve", "-c", str(folder / "filterd.yaml")],
                pass_fds=[100 + place for place in places],
                cwd=ROOT,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=out,
            )
    finally:
        for place in places:
            os.close(100 + place)
    try:
        yield process
    finally:
        stop(process)


@pytest.fixture
def held():
    """A UDP and a TCP socket on one port of loopback."""
    port = both_families_port()
    with socket.socket(type=socket.SOCK_DGRAM) as udp, socket.socket() as tcp:
        udp.bind(("127.0.0.1", port))
        tcp.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        tcp.bind(("127.0.0.1", port))
        tcp.listen()
        yield udp, tcp


def hear(client, count):
    return {client.recv(4096)[:2] for _ in range(count)}


@pytest.mark.parametrize("workers", [0, 1, 2])
def test_no_query_is_lost_while_a_node_with_inherited_sockets_restarts(
    tmp_path, resolver, held, workers
):
    port = held[0].getsockname()[1]
    door = [f"127.0.0.1:{port}"]
    listen = {"udp": door, "tcp": door, "workers": workers}
    write_config(tmp_path, changes(resolver, listen=listen), port, free_port())
    numbers = iter(range(1, 10_000))
    with socket.socket(type=socket.SOCK_DGRAM) as client:
        client.settimeout(20)
        client.connect(("127.0.0.1", port))
        for _ in range(3):
            sent = set()
            for name in ("bad.example.com", "www.example.com") * 20:
                number = next(numbers)
                client.send(query(name, number))  # nobody runs: it waits in the socket
                sent.add(struct.pack("!H", number))
            with activated(tmp_path, held):
                assert hear(client, len(sent)) == sent
                with closing(socket.create_connection(("127.0.0.1", port), timeout=20)) as stream:
                    message = query("bad.example.com")
                    stream.sendall(struct.pack("!H", len(message)) + message)
                    assert stream.recv(4096)[-4:] == bytes(4)


def test_an_inherited_socket_that_nobody_would_answer_is_refused(tmp_path, resolver, held):
    port = both_families_port()
    write_config(tmp_path, changes(resolver), port, free_port())
    with activated(tmp_path, held) as process:
        assert process.wait(30) == 2
    log = (tmp_path / "filterd.log").read_text()
    for kind in ("udp", "tcp"):
        assert f"({kind}) is not in listen.{kind}; add it there" in log


def test_an_inherited_socket_of_both_families_is_refused(tmp_path, resolver):
    with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as both:
        both.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        both.bind(("::", 0))
        port = both.getsockname()[1]
        listen = {"udp": [f"[::]:{port}"], "tcp": []}
        write_config(tmp_path, changes(resolver, listen=listen), port, free_port())
        with activated(tmp_path, [both]) as process:
            assert process.wait(30) == 2
    assert "BindIPv6Only=ipv6-only" in (tmp_path / "filterd.log").read_text()


@pytest.mark.parametrize(
    ("arguments", "flags", "answers"),
    [
        (["+noedns", "+ignore", "large.example.com", "TXT"], "tc", 0),
        (["+bufsize=1232", "+ignore", "large.example.com", "TXT"], "tc", 0),
        (["large.example.com", "TXT"], "qr", 20),  # again over TCP
    ],
)
def test_what_does_not_fit_is_truncated_and_whole_over_tcp(two, arguments, flags, answers):
    for server in ("@127.0.0.1", "@::1"):
        shown = two.dig(server, *arguments)
        assert flags in shown.flags
        assert len(shown.answers) == answers


def test_what_was_asked_before_the_stop_is_answered(two):
    with socket.socket(type=socket.SOCK_DGRAM) as client:
        client.settimeout(5)
        client.connect(("127.0.0.1", two.port))
        for number in range(50):
            client.send(query("bad.example.com", number))
        two.process.terminate()
        assert len(hear(client, 50)) == 50
    started = time.monotonic()
    assert two.process.wait(10) == 0
    assert time.monotonic() - started < 10
