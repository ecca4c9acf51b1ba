"""What it means to ask another resolver: one query out, one outcome back.

Rules every transport keeps: `ask` returns at once; its `done` is called exactly once, never before
`ask` has returned, and never after the deadline by more than a turn of the loop, unless it was
cancelled, in which case it is not called at all. Time is the event loop's clock in seconds.
"""

import asyncio
import random
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from filterd.model.errors import UpstreamError


class Fault(StrEnum):
    """Why no usable answer came. The values are metric labels, so the set is closed."""

    TIMEOUT = "timeout"
    REFUSED = "refused"  # the port is closed (TCP reset, ICMP port unreachable)
    UNREACHABLE = "unreachable"  # no route, no local socket
    CLOSED = "closed"  # the connection ended before the answer
    GARBAGE = "garbage"  # not the protocol it should speak
    TRUNCATED = "truncated"  # TC even over a stream
    TLS = "tls"  # handshake failed or the certificate is not for this name
    HTTP = "http"  # a status, type or size that RFC 8484 does not allow
    BOOTSTRAP = "bootstrap"  # the server's own name has no address
    RCODE = "rcode"  # FORMERR, SERVFAIL, NOTIMP or REFUSED


# Nobody there to talk to: EDE 22 (RFC 8914 section 4.23); every other fault is EDE 23.
ABSENT = frozenset({Fault.TIMEOUT, Fault.REFUSED, Fault.UNREACHABLE, Fault.CLOSED, Fault.BOOTSTRAP})

Outcome = bytes | Fault
Done = Callable[[Outcome], None]
Cancel = Callable[[], None]


class ExchangeError(UpstreamError):
    """An exchange ended with `fault` instead of an answer."""

    def __init__(self, fault: Fault, detail: str = "") -> None:
        super().__init__(f"{fault}: {detail}" if detail else fault.value)
        self.fault = fault


class Transport(Protocol):
    """A way to one server."""

    def ask(self, query: bytes, deadline: float, done: Done) -> Cancel:
        """Send `query` (a whole DNS message with id 0) and call `done` with the answer (id 0, the
        question spelled as in `query`) or a fault. Returns what withdraws the question.
        """
        ...

    def close(self) -> None:
        """Close every socket; open questions end with CLOSED."""
        ...


class Locator(Protocol):
    """Who knows the addresses of servers that are known by name."""

    async def addresses(self, name: str) -> tuple[str, ...]:
        """Return the addresses of `name`. Raises ExchangeError(BOOTSTRAP)."""
        ...


@dataclass(frozen=True, slots=True)
class Means:
    """What transports work with, handed in once: the loop (clock, timers, sockets), the source
    of randomness, who resolves server names, and the certificates to trust (None: the system's).
    """

    loop: asyncio.AbstractEventLoop
    rng: random.Random
    bootstrap: Locator | None = None
    ca_file: str | None = None


async def exchange(transport: Transport, query: bytes, deadline: float) -> bytes:
    """Ask and wait. Raises ExchangeError; cancelling the waiter withdraws the question."""
    waiter: asyncio.Future[Outcome] = asyncio.get_running_loop().create_future()

    def settle(outcome: Outcome) -> None:
        if not waiter.done():
            waiter.set_result(outcome)

    cancel = transport.ask(query, deadline, settle)
    try:
        outcome = await waiter
    except asyncio.CancelledError:
        cancel()
        raise
    if isinstance(outcome, Fault):
        raise ExchangeError(outcome)
    return outcome
