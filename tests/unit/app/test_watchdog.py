"""The daemon tells the watchdog that all is well only while the threads run that answer."""

import asyncio
import socket
from contextlib import suppress
from types import SimpleNamespace

import pytest

from filterd.app.serve import _keep_alive
from filterd.engine.engine import Doors

WANTED = {"udp": 2, "forward": 1}


def node(**running):
    doors = Doors(wanted=WANTED, running=WANTED | running, unsent=0, lost=0)
    return SimpleNamespace(engine=SimpleNamespace(doors=lambda: doors))


@pytest.fixture
def systemd(tmp_path, monkeypatch):
    """The socket that systemd listens on; it waits for three hundredths of a second."""
    address = str(tmp_path / "notify")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listening:
        listening.bind(address)
        listening.setblocking(False)
        monkeypatch.setenv("NOTIFY_SOCKET", address)
        monkeypatch.setenv("WATCHDOG_USEC", "30000")
        yield listening


async def heard(systemd, made):
    """Return the first thing that systemd is told, None where the third look told nothing."""
    looks = 0
    doors = made.engine.doors

    def looked():
        nonlocal looks
        looks += 1
        return doors()

    made.engine.doors = looked
    task = asyncio.create_task(_keep_alive(made))
    while looks < 3:
        await asyncio.sleep(0.005)
    task.cancel()
    with suppress(BlockingIOError):
        return systemd.recv(100)
    return None


def test_it_is_told_while_every_thread_runs(systemd):
    assert asyncio.run(heard(systemd, node())) == b"WATCHDOG=1"


@pytest.mark.parametrize("gone", [{"udp": 1}, {"forward": 0}])
def test_it_is_not_told_when_one_has_ended(systemd, gone, caplog):
    assert asyncio.run(heard(systemd, node(**gone))) is None
    assert "restart filterd" in caplog.text
