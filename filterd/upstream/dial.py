"""Making a connection to one of several addresses, the quickest first (after RFC 8305).

Addresses of both families take turns. The next one is tried when the last has failed or has kept
us waiting a quarter of a second; the first connection that is complete (TLS included) is taken,
the others are closed.
"""

import asyncio
import ssl
from collections.abc import Callable, Sequence
from typing import TypeVar

from filterd.upstream.base import ExchangeError, Fault

HEAD_START = 0.25  # seconds (RFC 8305 section 5)
P = TypeVar("P", bound=asyncio.Protocol)


async def dial(
    addresses: Sequence[str],
    port: int,
    protocol: Callable[[], P],
    context: ssl.SSLContext | None = None,
    server_name: str | None = None,
) -> P:
    """Return the protocol of the first connection made. Raises ExchangeError."""
    loop = asyncio.get_running_loop()

    async def attempt(address: str) -> tuple[asyncio.BaseTransport, P]:
        return await loop.create_connection(
            protocol, address, port, ssl=context, server_hostname=server_name
        )

    left = list(interleaved(addresses))
    running: set[asyncio.Task[tuple[asyncio.BaseTransport, P]]] = set()
    failure: Exception = OSError("no address")
    try:
        while left or running:
            if left:
                running.add(loop.create_task(attempt(left.pop(0))))
            finished, running = await asyncio.wait(
                running,
                timeout=HEAD_START if left else None,
                return_when=asyncio.FIRST_COMPLETED,
            )
            for task in finished:
                error = task.exception()
                if error is None:
                    return task.result()[1]
                if not isinstance(error, Exception):
                    raise error
                failure = error
    finally:
        for task in running:
            task.cancel()
            task.add_done_callback(_discard)
    raise ExchangeError(fault_of(failure), str(failure))


def _discard(task: "asyncio.Task[tuple[asyncio.BaseTransport, P]]") -> None:
    """Close a connection that came second."""
    if not task.cancelled() and task.exception() is None:
        transport = task.result()[0]
        transport.close()


def interleaved(addresses: Sequence[str]) -> list[str]:
    """Return the addresses with the families taking turns, beginning with the first one's."""
    first_is_v6 = bool(addresses) and ":" in addresses[0]
    ours = [a for a in addresses if (":" in a) is first_is_v6]
    theirs = [a for a in addresses if (":" in a) is not first_is_v6]
    mixed: list[str] = []
    for i in range(max(len(ours), len(theirs))):
        mixed += ours[i : i + 1] + theirs[i : i + 1]
    return mixed


def fault_of(error: Exception) -> Fault:
    """Name what kept a connection from being made."""
    if isinstance(error, ExchangeError):
        return error.fault
    if isinstance(error, ssl.SSLError | ssl.CertificateError):
        return Fault.TLS
    if isinstance(error, ConnectionRefusedError):
        return Fault.REFUSED
    if isinstance(error, ConnectionError):
        return Fault.CLOSED
    if isinstance(error, TimeoutError):
        return Fault.TIMEOUT
    return Fault.UNREACHABLE
