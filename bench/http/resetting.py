"""How long a client waits that names a blocked host in its ClientHello, and who hears of it.

The tunnel is for a name that may be asked for, at a port where the bench itself listens and takes
nothing: had a proxy gone there, its connection would stand in that socket's queue.
"""

import contextlib
import socket
import ssl
import statistics
import time
from collections.abc import Iterator
from dataclasses import dataclass

from bench.http.asking import connect, tunnel
from bench.http.places import HOSTS, NEVER_ASKED, PUPIL
from bench.http.world import Proxy
from bench.places import LOAD_CORE, LOOPBACK
from bench.process import placed

TIMES = 300


@dataclass(frozen=True, slots=True)
class Resets:
    """Milliseconds from the first step of connecting until it ended; `reset` of them by a reset,
    the others by an end of the stream. `came`: connections that a server saw meanwhile; `passing`:
    whether it saw one for a name that is not blocked.
    """

    p50_ms: float
    p95_ms: float
    hello_p50_ms: float
    reset: int
    came: int
    passing: bool


@contextlib.contextmanager
def sink() -> Iterator[socket.socket]:
    """A port of loopback that takes no connection."""
    with socket.create_server((LOOPBACK, 0), backlog=2 * TIMES) as listening:
        listening.settimeout(5)
        yield listening


def measure(proxy: Proxy, listening: socket.socket) -> Resets:
    """Be refused again and again, then once not."""
    port = listening.getsockname()[1]
    blocked, passing = hello(NEVER_ASKED), hello(HOSTS[0])
    whole, after, resets = [], [], 0
    with placed(LOAD_CORE, realtime=True):
        for _ in range(TIMES):
            began = time.perf_counter()
            with connect(proxy.port, PUPIL) as connection:
                tunnel(connection, HOSTS[0], port)
                sent = time.perf_counter()
                connection.sendall(blocked)
                resets += ended(connection)
            now = time.perf_counter()
            whole.append(1000 * (now - began))
            after.append(1000 * (now - sent))
        came = waiting(listening)
        with connect(proxy.port, PUPIL) as connection:
            tunnel(connection, HOSTS[0], port)
            connection.sendall(passing)
            through = waiting(listening, seconds=5.0) == 1
    whole.sort()
    middle = statistics.median(after)
    p95 = whole[len(whole) * 95 // 100]
    return Resets(statistics.median(whole), p95, middle, resets, came, through)


def hello(name: str) -> bytes:
    """Return a real ClientHello for `name`."""
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    client = ssl.create_default_context().wrap_bio(incoming, outgoing, server_hostname=name)
    with contextlib.suppress(ssl.SSLWantReadError):
        client.do_handshake()
    return outgoing.read()


def ended(connection: socket.socket) -> bool:
    """Wait for the end; whether it was a reset. ValueError: something was answered."""
    try:
        said = connection.recv(4096)
    except ConnectionResetError:
        return True
    if said:
        raise ValueError(f"answered with {said[:20]!r}")
    return False


def waiting(listening: socket.socket, seconds: float = 0.2) -> int:
    """Return how many connections came to a socket; they are closed."""
    came = 0
    listening.settimeout(seconds)
    with contextlib.suppress(TimeoutError):
        while True:
            listening.accept()[0].close()
            came += 1
            listening.settimeout(0.2)
    return came
