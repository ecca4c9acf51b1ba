"""Telling systemd how the service is (sd_notify(3)); nothing where systemd did not start it."""

import asyncio
import logging
import os
import socket
import time
from collections.abc import Callable, Mapping

logger = logging.getLogger(__name__)
Tell = Callable[[str], object]
PARTS = 3  # of the time that systemd gives us: one that comes late is made up for by the next


def notify(state: str, environ: Mapping[str, str] = os.environ) -> bool:
    """Send `state` ("READY=1"); return whether anybody was told."""
    address = environ.get("NOTIFY_SOCKET", "")
    if not address.startswith(("/", "@")):
        return False
    if address.startswith("@"):  # abstract namespace
        address = f"\0{address[1:]}"
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as sock:
            sock.connect(address)
            sock.sendall(state.encode())
    except OSError as error:
        logger.warning("systemd was not told %s: %s", state, error)
        return False
    return True


def reloading() -> str:
    """Return what to tell before everything is read again; `Type=notify-reload` wants the time."""
    return f"RELOADING=1\nMONOTONIC_USEC={time.monotonic_ns() // 1000}"


def watchdog_seconds(pid: int, environ: Mapping[str, str] = os.environ) -> float | None:
    """Return after how many seconds without a word systemd ends process `pid` (WATCHDOG_USEC,
    sd_watchdog_enabled(3)); None where it does not watch.
    """
    given, whose = environ.get("WATCHDOG_USEC", ""), environ.get("WATCHDOG_PID", "")
    if not given.isdecimal() or not int(given) or whose not in {"", str(pid)}:
        return None
    return int(given) / 1_000_000


async def keep_alive(seconds: float | None, fault: Callable[[], str], tell: Tell = notify) -> None:
    """Tell systemd within each `seconds` that the loop turns, while `fault` is empty; does not end.

    With a fault nothing is told, so that systemd ends the process and starts another. It is logged
    once; a fault that passes in time changes nothing.
    """
    if seconds is None:
        return
    known = ""
    while True:
        said = fault()
        if not said:
            tell("WATCHDOG=1")
        elif not known:
            logger.error("the watchdog is not told that all is well: %s", said)
        known = said
        await asyncio.sleep(seconds / PARTS)
