"""The fast UDP doors: threads of the core, each with a socket of its own on the same address.

The kernel spreads clients over sockets that share an address (SO_REUSEPORT). Here they are only
opened; what comes in is answered without Python, and what must be resolved is taken from the
engine's queue.
"""

import os
import socket
from collections.abc import Sequence
from contextlib import ExitStack

from filterd.dns.udp import RECEIVE_BUFFER, udp_socket


def reuseport_sockets(host: str, port: int, count: int) -> list[socket.socket]:
    """Return `count` UDP sockets bound to `host`:`port`.

    OSError when the address cannot be had: somebody else's sockets are never joined.
    """
    first = udp_socket(host, port)
    if count == 1:
        return [first]
    port = first.getsockname()[1]
    first.close()  # it was free; from here on it is shared
    with ExitStack() as opened:
        sockets = [opened.enter_context(_shared(host, port)) for _ in range(count)]
        opened.pop_all()
    return sockets


def _shared(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    sock = socket.socket(family, socket.SOCK_DGRAM)
    try:
        if family == socket.AF_INET6:
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BUFFER)
        sock.bind((host, port))
    except OSError as error:
        sock.close()
        why = os.strerror(error.errno) if error.errno else str(error)
        raise OSError(error.errno, f"no UDP on {host} port {port}: {why}") from error
    return sock


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
