"""What one sender may take of the hub: rates, bodies on their way, and a place in the queue.

Everything is bounded, also what is remembered of senders: the longest silent is forgotten first,
and would have a full bucket anyway.
"""

import asyncio
from collections import Counter, OrderedDict
from collections.abc import Awaitable, Callable, MutableMapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

from filterd.config.hub import HubLimits
from filterd.hub.problems import Problem

T = TypeVar("T")
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Message, Receive, Send], Awaitable[None]]
MOST_SENDERS = 100_000


class Buckets:
    """A token bucket for each sender: `rate` a second, `burst` at once."""

    def __init__(self, rate: float, burst: float) -> None:
        self._rate = rate
        self._burst = burst
        self._left: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def take(self, sender: str, now: float) -> float:
        """Take one; return 0, or the seconds until there is one. `now` never goes back."""
        left, at = self._left.pop(sender, (self._burst, now))
        left = min(self._burst, left + (now - at) * self._rate)
        wait = 0.0 if left >= 1 else (1 - left) / self._rate
        self._left[sender] = (left if wait else left - 1), now
        if len(self._left) > MOST_SENDERS:
            self._left.popitem(last=False)
        return wait


class Desk:
    """Threads that speak to the database, and a queue before them that is never long."""

    def __init__(self, threads: int, most: int, name: str) -> None:
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix=name)
        self._most = most
        self.waiting = 0

    async def run(self, work: Callable[..., T], *given: Any) -> T:
        """Run `work` on a thread. Problem 503: too many wait already."""
        if self.waiting >= self._most:
            raise Problem(503, "the hub has more to do than it can; send it again", after=5)
        self.waiting += 1
        try:
            return await asyncio.get_running_loop().run_in_executor(self._pool, work, *given)
        finally:
            self.waiting -= 1

    def close(self) -> None:
        """Wait for what is at work; the rest is not begun."""
        self._pool.shutdown(wait=True, cancel_futures=True)


class Bounded:
    """ASGI: bodies are no longer, come no slower and are no more at once than the limits say.

    Counted while they are read; what a header promises is only looked at to say no sooner.
    """

    def __init__(self, app: App, limits: HubLimits) -> None:
        self._app = app
        self._limits = limits
        self._reading: Counter[str] = Counter()

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        await self._app(scope, _Body(self._limits, self._reading, scope, receive).read, send)


class _Body:
    """The body of one request while it comes."""

    def __init__(
        self, limits: HubLimits, reading: Counter[str], scope: Message, receive: Receive
    ) -> None:
        self._limits = limits
        self._reading = reading  # how many of each sender
        self._sender = address_of(scope)
        self._promised = dict(scope["headers"]).get(b"content-length", b"0")
        self._receive = receive
        self._read = 0
        self._until = 0.0
        self._whole = False

    async def read(self) -> Message:
        """Return the next message. Problem 408, 413, 429."""
        if self._whole:
            return await self._receive()  # only its end can come
        if self._reading[self._sender] >= self._limits.bodies_per_address:
            raise Problem(429, "too many bodies at once from one address", after=5)
        self._reading[self._sender] += 1
        try:
            message = await self._piece()
        finally:
            self._reading[self._sender] -= 1
            if not self._reading[self._sender]:
                del self._reading[self._sender]
        self._whole = not message.get("more_body", False)
        return message

    async def _piece(self) -> Message:
        if not self._until:
            self._until = asyncio.get_running_loop().time() + self._limits.body_time
            if not self._promised.isdigit() or int(self._promised[:18]) > self._limits.body:
                raise too_long(self._limits.body)
        try:
            async with asyncio.timeout_at(self._until):
                message = await self._receive()
        except TimeoutError:
            patience = self._limits.body_time
            raise Problem(408, f"the body did not come within {patience:g} s") from None
        self._read += len(message.get("body", b""))
        if self._read > self._limits.body:
            raise too_long(self._limits.body)
        return message


def address_of(scope: Message) -> str:
    """Return where a request comes from; the proxy's word for it where one is trusted."""
    client = scope.get("client")
    return str(client[0]) if client else "local"


def too_long(most: int) -> Problem:
    """Return what is said of a body that is too long."""
    return Problem(413, f"the body is longer than {most} bytes; send less at once")
