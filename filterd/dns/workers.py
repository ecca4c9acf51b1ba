"""The fast UDP doors: threads of the core, each with a socket of its own on the same address.

The kernel spreads clients over sockets that share an address (SO_REUSEPORT). Here they are only
opened; what comes in is answered without Python, and what must be resolved is taken from the
engine's queue.
"""

import os
import socket
from collections.abc import Sequence
from contextlib import ExitStack

from filterd.dns.udp import udp_socket


def reuseport_sockets(host: str, port: int, count: int) -> list[socket.socket]:
    """Return `count` UDP sockets bound to `host`:`port`.

    OSError when the address cannot be had: somebody else's sockets are never joined. The first is
    bound alone and kept, so that of two that start at once one has the address and one has none.
    """
    with ExitStack() as opened:
        first = opened.enter_context(udp_socket(host, port))
        sockets = [first]
        if count > 1:
            first.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
            port = first.getsockname()[1]
        while len(sockets) < count:
            sockets.append(opened.enter_context(udp_socket(host, port, shared=True)))
        opened.pop_all()
    return sockets


def processors(pin: Sequence[int], workers: int) -> list[int]:
    """Return the processor of each worker; none: the system chooses.

    ValueError names those that this process may not use.
    """
    allowed = os.sched_getaffinity(0)
    missing = sorted(set(pin) - allowed)
    if missing:
        listed = ", ".join(map(str, missing))
        raise ValueError(f"listen.pin: this process may not use processor {listed}")
    return [pin[number % len(pin)] for number in range(workers)] if pin else []
