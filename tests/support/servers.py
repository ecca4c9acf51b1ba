"""Starting real programs for a test, on loopback and free ports, and stopping them by pid."""

import itertools
import os
import random
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import dns.exception
import dns.message
import dns.query

START_SECONDS = 20.0
WORKERS, PORTS = 5, 4000


def _ports() -> Iterator[int]:
    """Yield ports of this worker's own, below those that the kernel hands out to clients: what is
    free stays free until its server has started. They begin anywhere, because others may be
    testing on this machine too.
    """
    worker = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
    first, begin = 12_000 + worker % WORKERS * PORTS, random.randrange(PORTS)
    return (first + (begin + at) % PORTS for at in itertools.count())


_PORTS = _ports()


def free_port(host: str = "127.0.0.1") -> int:
    """Return a port that is free for UDP and TCP on `host`."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    for port in itertools.islice(_PORTS, PORTS):
        with (
            socket.socket(family, socket.SOCK_STREAM) as tcp,
            socket.socket(family, socket.SOCK_DGRAM) as udp,
        ):
            try:
                tcp.bind((host, port))
                udp.bind((host, port))
            except OSError:
                continue
            return port
    raise RuntimeError(f"no free port on {host}")


def connects(port: int) -> bool:
    """Say whether something on loopback takes a connection at `port`."""
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
    except OSError:
        return False
    return True


@contextmanager
def running(
    command: list[str], log: Path, ready: Callable[[], bool]
) -> Iterator[subprocess.Popen[bytes]]:
    """Run `command` until the block ends; wait until `ready` says yes."""
    with log.open("wb") as out:
        process = subprocess.Popen(command, stdout=out, stderr=out, stdin=subprocess.DEVNULL)
    try:
        give_up = time.monotonic() + START_SECONDS
        while not ready():
            if process.poll() is not None or time.monotonic() > give_up:
                raise RuntimeError(f"{command[0]} did not start: {log.read_text()[-2000:]}")
            time.sleep(0.02)
        yield process
    finally:
        process.terminate()
        try:
            process.wait(5)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def answers_dns(host: str, port: int, name: str) -> bool:
    """Say whether something answers `name` with NOERROR over UDP."""
    try:
        answer = dns.query.udp(dns.message.make_query(name, "A"), host, port=port, timeout=0.2)
    except (OSError, dns.exception.DNSException):
        return False
    return answer.rcode() == 0
