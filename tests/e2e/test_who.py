"""Who is who with the real daemon: lease files and RADIUS on loopback, by the real command line."""

import hashlib
import json
import socket
import struct
import time
from pathlib import Path

import pytest

from tests.support.node import RunningNode, eventually, node
from tests.support.servers import free_port

pytestmark = pytest.mark.real
PUPIL, TEACHER = "127.0.0.21", "127.0.0.22"
MAC, OTHER = "00:00:5e:00:53:07", "00:00:5e:00:53:08"
SECRET = b"correct horse battery staple"
CONFIG = {
    "upstream": {"servers": ["127.0.0.1:1"]},
    "default_group": "young",
    "groups": {
        "young": {"age": 6, "safe_search": False, "block": ["staffroom.example"]},
        "staff": {"age": 18, "safe_search": False, "filtered": False},
        "middle": {"age": 12, "safe_search": False, "block": ["games.example"]},
    },
    "records": ["staffroom.example 60 A 192.0.2.1", "games.example 60 A 192.0.2.2"],
}


def blocked(running: RunningNode, name: str, source: str) -> bool:
    reply = running.ask(name, source=source)
    return [each.to_text() for each in reply.answer[0]] == ["0.0.0.0"]


def lease(address: str, mac: str, name: str = "*", seconds: int = 3600) -> str:
    return f"{int(time.time()) + seconds} {mac} {address} {name} *\n"


def test_a_leased_address_is_its_devices_group_and_the_lease_ends(tmp_path: Path) -> None:
    leases = tmp_path / "dnsmasq.leases"
    leases.write_text("")
    changes = CONFIG | {
        "clients": {
            "teacher": {"group": "staff", "ids": [MAC]},
            "tablet": {"group": "middle", "ids": ["host:tablet-1"]},
        },
        "who": {"dnsmasq": [str(leases)], "neighbours": False},
    }
    with node(tmp_path, changes) as running:
        assert blocked(running, "staffroom.example", TEACHER)
        generation = running.status()["generation"]
        began = time.monotonic()
        leases.write_text(lease(TEACHER, MAC) + lease(PUPIL, OTHER, "Tablet-1"))
        eventually(lambda: not blocked(running, "staffroom.example", TEACHER))
        took = time.monotonic() - began
        eventually(lambda: blocked(running, "games.example", PUPIL))
        # Rules are the same, so what the cache knows of them stays good.
        assert running.status()["generation"] == generation
        told = json.loads(running.run("who", "--json").stdout)
        assert told["devices"] == 2
        (place,) = told["clients"][0]["ids"][0]["places"]
        assert (place["address"], place["source"]) == (TEACHER, "dnsmasq")
        assert running.metric('filterd_who_entries{source="dnsmasq"}') == 2
        shown = running.run("who", "tablet")
        assert "host:tablet-1" in shown.stdout
        assert PUPIL in shown.stdout
        assert "devices seen: 2, of these with a made-up" in shown.stdout
        leases.write_text(lease(TEACHER, MAC, seconds=2))
        eventually(lambda: blocked(running, "staffroom.example", TEACHER))  # its lease is over
        assert took < 10  # on a busy machine; about one second on an idle one
        for secret in (MAC, OTHER, PUPIL, TEACHER, "tablet-1"):
            assert secret not in running.log
            assert secret not in running.http("/metrics")[1]
            for file in (tmp_path / "state").rglob("*"):
                assert not file.is_file() or secret.encode() not in file.read_bytes(), file


def accounting(status: int, *attributes: tuple[int, bytes], session: bytes = b"s1") -> bytes:
    every = ((40, status.to_bytes(4, "big")), (44, session), *attributes)
    body = b"".join(bytes((kind, len(value) + 2)) + value for kind, value in every)
    head = struct.pack("!BBH", 4, 7, 20 + len(body))
    return head + hashlib.md5(head + bytes(16) + body + SECRET).digest() + body


def test_a_session_of_radius_and_a_reload(tmp_path: Path) -> None:
    port = free_port()
    secret = tmp_path / "nas.secret"
    secret.write_bytes(SECRET + b"\n")
    secret.chmod(0o600)
    radius = {
        "listen": [f"127.0.0.1:{port}"],
        "nas": {"ap": {"address": "127.0.0.1", "secret_file": str(secret)}},
    }
    changes = CONFIG | {
        "clients": {
            "alice": {"group": "staff", "ids": ["user:Alice@school.test"]},
            "class 8b": {"group": "middle", "ids": ["class:8B"]},
        },
        "who": {"neighbours": False, "radius": radius},
    }
    with node(tmp_path, changes) as running, socket.socket(type=socket.SOCK_DGRAM) as nas:
        nas.settimeout(5)
        nas.connect(("127.0.0.1", port))
        alice = ((1, b"alice@school.test"), (8, socket.inet_aton(TEACHER)))

        def send(packet: bytes) -> bytes:
            nas.send(packet)
            return nas.recv(4096)

        eventually(lambda: running.metric('filterd_who_problem{source="radius"}') == 0)
        assert send(accounting(1, *alice))[:1] == b"\5"
        assert send(accounting(1, (8, socket.inet_aton(PUPIL)), (25, b"8b"), session=b"s2"))
        eventually(lambda: not blocked(running, "staffroom.example", TEACHER), 10)
        eventually(lambda: blocked(running, "games.example", PUPIL), 10)
        assert "user:alice@school.test" in running.run("who").stdout

        # Sessions live through a reload, and a client may become another.
        running.reload(
            {"clients": {"alice": {"group": "middle", "ids": ["user:alice@school.test"]}}}
        )
        eventually(lambda: blocked(running, "games.example", TEACHER), 10)
        assert not blocked(running, "games.example", PUPIL)

        assert send(accounting(2, *alice))
        eventually(lambda: not blocked(running, "games.example", TEACHER), 10)

        # Without the secret nothing changes, nobody is answered, and it shows.
        forged = bytearray(accounting(1, *alice))
        forged[10] ^= 1
        nas.send(bytes(forged))
        eventually(lambda: running.metric('filterd_who_problem{source="radius"}') == 1, 10)
        nas.settimeout(0.2)
        with pytest.raises(TimeoutError):
            nas.recv(100)
        assert "wrong authenticator" in running.run("who").stdout
        assert SECRET.decode() not in running.log
        assert "alice" not in running.log
        assert "alice" not in running.http("/metrics")[1]


def test_without_the_daemon_it_says_so(tmp_path: Path) -> None:
    from tests.support.node import filterd, write_config  # noqa: PLC0415

    config = write_config(tmp_path, CONFIG, 5300, 9)
    done = filterd("who", "-c", str(config))
    assert done.returncode == 3
    assert "is filterd running?" in done.stderr
