"""The door for RADIUS accounting on a loopback socket: who is answered, and what is wrong."""

import asyncio
import hashlib
import logging
import socket
import struct
from pathlib import Path

import pytest

from filterd.app.accounting import open_doors
from filterd.config.who import RadiusConfig
from filterd.who.sessions import Sessions
from tests.support.servers import free_port

SECRET = b"correct horse battery staple"


def start(secret: bytes = SECRET) -> bytes:
    body = b"\x28\x06\0\0\0\1" + b"\x2c\x04s1" + b"\x01\x07alice"
    head = struct.pack("!BBH", 4, 7, 20 + len(body))
    return head + hashlib.md5(head + bytes(16) + body + secret).digest() + body


def config(folder: Path, address: str = "127.0.0.1", secret: bytes = SECRET) -> RadiusConfig:
    file = folder / "secret"
    file.write_bytes(secret)
    file.chmod(0o600)
    return RadiusConfig.model_validate(
        {
            "listen": (f"127.0.0.1:{free_port()}",),
            "nas": {"ap": {"address": address, "secret_file": str(file)}},
        }
    )


async def told(radius: RadiusConfig, packet: bytes, sessions: Sessions) -> bytes | None:
    """Send a packet; return the response, None: there is none."""
    doors = await open_doors(radius, sessions, lambda: 100.0)
    loop = asyncio.get_running_loop()
    try:
        with socket.socket(type=socket.SOCK_DGRAM) as nas:
            nas.setblocking(False)
            nas.connect(("127.0.0.1", radius.listen[0].port))
            nas.send(packet)
            try:
                return await asyncio.wait_for(loop.sock_recv(nas, 4096), 0.3)
            except TimeoutError:
                return None
    finally:
        doors.close()


def test_a_listed_sender_with_the_secret_is_answered(tmp_path: Path) -> None:
    sessions = Sessions(3600)
    response = asyncio.run(told(config(tmp_path), start(), sessions))
    assert response is not None
    assert response[:2] == b"\5\7"
    assert [each.user for each in sessions.sightings()] == ["alice"]
    assert sessions.problem is None


@pytest.mark.parametrize(
    "packet", [start(b"another"), b"x", b"x" * 5000], ids=["secret", "x", "long"]
)
def test_others_are_not(tmp_path: Path, packet: bytes) -> None:
    sessions = Sessions(3600)
    assert asyncio.run(told(config(tmp_path), packet, sessions)) is None
    assert sessions.sightings() == []


def test_an_unlisted_sender_is_not_and_is_no_problem_of_ours(tmp_path: Path) -> None:
    sessions = Sessions(3600)
    assert asyncio.run(told(config(tmp_path, "192.0.2.5"), start(), sessions)) is None
    assert sessions.problem is None


def test_a_secret_that_is_not_there_and_a_port_that_is_taken_are_told(tmp_path: Path) -> None:
    sessions = Sessions(3600)
    radius = config(tmp_path)
    (tmp_path / "secret").unlink()
    with socket.socket(type=socket.SOCK_DGRAM) as taken:
        taken.bind(("127.0.0.1", radius.listen[0].port))

        async def opened() -> None:
            (await open_doors(radius, sessions, lambda: 100.0)).close()

        asyncio.run(opened())
    assert "NAS ap" in str(sessions.problem)
    assert "No such file" in str(sessions.problem)
    assert "in use" in str(sessions.problem)


def test_a_weak_secret_is_told_and_never_shown(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    radius = config(tmp_path, secret=b"hunter2\n")
    (tmp_path / "secret").chmod(0o644)
    with caplog.at_level(logging.DEBUG):
        asyncio.run(told(radius, start(b"hunter2"), Sessions(3600)))
    assert "16 octets" in caplog.text
    assert "chmod o-r" in caplog.text
    assert "hunter2" not in caplog.text
    (tmp_path / "secret").write_bytes(b"\n")
    sessions = Sessions(3600)
    asyncio.run(told(radius, start(), sessions))
    assert "empty" in str(sessions.problem)
