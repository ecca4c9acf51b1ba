"""What systemd is told, and when it is not."""

import asyncio
import logging
import socket
import time

import pytest

from filterd.control.notify import keep_alive, notify, reloading, watchdog_seconds


def test_systemd_is_told(tmp_path):
    address = str(tmp_path / "notify")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd:
        systemd.bind(address)
        assert notify("READY=1", {"NOTIFY_SOCKET": address})
        assert systemd.recv(100) == b"READY=1"


def test_systemd_in_the_abstract_namespace():
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd:
        systemd.bind("\0filterd-test-notify")
        assert notify("STOPPING=1", {"NOTIFY_SOCKET": "@filterd-test-notify"})
        assert systemd.recv(100) == b"STOPPING=1"


def test_nobody_to_tell(tmp_path, caplog):
    assert not notify("READY=1", {})
    assert not notify("READY=1", {"NOTIFY_SOCKET": "nonsense"})
    assert caplog.text == ""
    assert not notify("READY=1", {"NOTIFY_SOCKET": str(tmp_path / "gone")})
    assert "systemd was not told READY=1" in caplog.text


def test_a_reload_says_when_it_began():
    before = time.monotonic_ns() // 1000
    what, at = reloading().split("\n")
    assert what == "RELOADING=1"
    assert before <= int(at.removeprefix("MONOTONIC_USEC=")) <= time.monotonic_ns() // 1000


@pytest.mark.parametrize(
    ("environ", "seconds"),
    [
        ({}, None),
        ({"WATCHDOG_USEC": "30000000"}, 30.0),
        ({"WATCHDOG_USEC": "500000", "WATCHDOG_PID": "7"}, 0.5),
        ({"WATCHDOG_USEC": "500000", "WATCHDOG_PID": "8"}, None),  # a parent's
        ({"WATCHDOG_USEC": "0"}, None),
        ({"WATCHDOG_USEC": "-1"}, None),
        ({"WATCHDOG_USEC": "soon"}, None),
    ],
)
def test_how_long_systemd_waits(environ, seconds):
    assert watchdog_seconds(7, environ) == seconds


def test_without_a_watchdog_nothing_is_told():
    asyncio.run(keep_alive(None, lambda: "a fault that nobody asks for", pytest.fail))


def test_it_is_told_again_and_again_while_there_is_no_fault(caplog):
    told, faults = [], iter(["", "", "a thread is gone", "a thread is gone", "", ""])

    async def run():
        task = asyncio.create_task(keep_alive(0.003, lambda: next(faults), told.append))
        with pytest.raises(RuntimeError):  # the faults are at their end
            await task

    with caplog.at_level(logging.ERROR):
        asyncio.run(run())
    assert told == ["WATCHDOG=1"] * 4
    assert caplog.text.count("a thread is gone") == 1
