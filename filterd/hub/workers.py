"""Several hub processes on one address: the parent holds the socket and starts who falls."""

import logging
import os
import signal
import socket
import subprocess
import time
from collections.abc import Sequence
from types import FrameType

from filterd.config.addresses import ListenAddress
from filterd.control.notify import PARTS, notify, watchdog_seconds

logger = logging.getLogger(__name__)
PAUSE = 1.0  # seconds before one that fell is started again
PATIENCE = 20.0  # seconds to end
_LOOK = 0.1


def listen_at(address: ListenAddress) -> socket.socket:
    """Return a listening socket. OSError: the address is taken, or not this machine's."""
    family = socket.AF_INET6 if ":" in address.host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((address.host, address.port))
        listener.listen(4096)
    except OSError as error:
        listener.close()
        raise OSError(error.errno, error.strerror, str(address)) from error
    return listener


def keep(command: Sequence[str], listener: socket.socket, number: int) -> None:
    """Run `number` processes of `command` with `--descriptor D --worker N --parent PID` until told
    to stop.
    """
    stop: list[int] = []

    def note(sig: int, frame: FrameType | None) -> None:
        del frame
        stop.append(sig)

    for each in (signal.SIGTERM, signal.SIGINT):
        signal.signal(each, note)
    descriptor = listener.fileno()
    running = {at: _start(command, descriptor, at) for at in range(number)}
    again: dict[int, float] = {}
    notify("READY=1")  # the socket listens: who comes before they are up waits there
    watched, due = watchdog_seconds(os.getpid()), 0.0
    while not stop:
        time.sleep(_LOOK)
        now = time.monotonic()
        if watched is not None and now >= due:
            notify("WATCHDOG=1")
            due = now + watched / PARTS
        for at, process in running.items():
            if process.poll() is None:
                continue
            if at not in again:
                logger.error(
                    "worker %d ended with status %s; it is started again", at, process.returncode
                )
                again[at] = now + PAUSE
            elif now >= again[at]:
                del again[at]
                running[at] = _start(command, descriptor, at)
    notify("STOPPING=1")
    _end(list(running.values()))


def _start(command: Sequence[str], descriptor: int, at: int) -> subprocess.Popen[bytes]:
    words = [*command, "--descriptor", str(descriptor), "--worker", str(at)]
    words += ["--parent", str(os.getpid())]
    return subprocess.Popen(words, pass_fds=(descriptor,))  # noqa: S603 - our own command


def _end(processes: Sequence[subprocess.Popen[bytes]]) -> None:
    for each in processes:
        each.terminate()
    until = time.monotonic() + PATIENCE
    for each in processes:
        try:
            each.wait(max(0.1, until - time.monotonic()))
        except subprocess.TimeoutExpired:
            each.kill()
            each.wait()
