"""`GET /feed/events`: server-sent events to very many subscribers at once.

A bare ASGI endpoint: one task for each subscriber, which waits for it to leave, and a number, the
size of the log that it has. What it is told is made from that number when it can be sent, so there
is no queue that could grow: who is slow is told less often, and who takes nothing for `SLOW`
seconds is let go and comes back with `Last-Event-ID`. An event is rendered once for all who stand
at the same place.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, MutableMapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from filterd.hub.newest import Newest, Stamp, read_newest, stamp_of

logger = logging.getLogger(__name__)

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
HEARTBEAT = 25  # seconds
LOOK = 0.05  # seconds between two looks at the checkpoint
SLOW = 30.0  # seconds that one event may take to leave
AT_ONCE = 500  # subscribers, before others get their turn on the loop
_HEARTBEAT = b":\n\n"
_HEADERS = [
    (b"content-type", b"text/event-stream"),
    (b"cache-control", b"no-cache"),
    (b"x-accel-buffering", b"no"),  # a proxy must not wait for more
    (b"x-content-type-options", b"nosniff"),
]


@dataclass(slots=True, eq=False)
class Subscriber:
    """One connection; `size` is what it has by now, None: it has not said."""

    send: Send
    owner: asyncio.Task[Any]
    size: int | None
    waiting: bool  # for the newest, whatever its size
    sending: asyncio.Task[None] | None = None
    since: float = 0.0  # when `sending` began
    slow: bool = False


class Announcer:
    """Tells subscribers of every checkpoint that appears in the feed's folder."""

    def __init__(self, folder: Path, most: int, *, heartbeat: int = HEARTBEAT) -> None:
        self.newest = Newest()
        self.subscribers: set[Subscriber] = set()
        self.pushed = 0  # events that were sent
        self.dropped = 0  # subscribers that were too slow
        self._folder = folder
        self._most = most
        self._heartbeat = heartbeat
        self._stamp: Stamp | None = None
        self._rendered: dict[int | None, bytes] = {}
        self._tasks: list[asyncio.Task[None]] = []
        self._closed = False

    async def start(self) -> None:
        """Look at the feed, and go on looking."""
        await self.look()
        self._tasks = [asyncio.create_task(each) for each in (self._watch(), self._beat())]

    async def look(self) -> None:
        """Take up a new checkpoint if there is one, and tell everybody."""
        stamp = stamp_of(self._folder)
        if stamp is None or stamp == self._stamp:
            return
        self._stamp = stamp
        found = await asyncio.to_thread(read_newest, self._folder, self.newest)
        if found is not self.newest:
            self.newest = found
            self._rendered.clear()
            await self._tell_all()

    def close(self) -> None:
        """End all subscriptions; each comes back to whoever is there then."""
        self._closed = True
        for task in self._tasks:
            task.cancel()
        for each in self.subscribers:
            each.owner.cancel()

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """Serve one subscriber until it leaves."""
        owner = asyncio.current_task()
        if owner is None or self._closed or len(self.subscribers) >= self._most:
            await _refuse(send)
            return
        last = _last_event_id(scope)
        behind = last is None or last != self.newest.size
        subscriber = Subscriber(send, owner, last, waiting=behind)
        await send({"type": "http.response.start", "status": 200, "headers": _HEADERS})
        await _write(send, _HEARTBEAT)  # so that whatever stands between lets it through
        self.subscribers.add(subscriber)
        try:
            self._tell(subscriber)
            while (await receive())["type"] != "http.disconnect":
                pass
        except asyncio.CancelledError:
            if not subscriber.slow and not self._closed:
                raise
        finally:
            self.subscribers.discard(subscriber)
            if subscriber.sending is not None:
                subscriber.sending.cancel()
        if not subscriber.slow:
            await send({"type": "http.response.body", "body": b"", "more_body": False})

    async def _tell_all(self) -> None:
        for number, each in enumerate(list(self.subscribers), 1):
            each.waiting = True
            self._tell(each)
            if number % AT_ONCE == 0:
                await asyncio.sleep(0)

    def _tell(self, subscriber: Subscriber) -> None:
        """Begin to send, unless it is still busy with what came before."""
        if subscriber.waiting and subscriber.sending is None and self.newest.note:
            loop = asyncio.get_running_loop()
            subscriber.since = loop.time()
            subscriber.sending = loop.create_task(self._send(subscriber))

    async def _send(self, subscriber: Subscriber) -> None:
        try:
            while subscriber.waiting:
                subscriber.waiting = False
                newest = self.newest
                await _write(subscriber.send, self._event(subscriber.size))
                subscriber.size = newest.size
                self.pushed += 1
        finally:
            subscriber.sending = None

    def _event(self, size: int | None) -> bytes:
        found = self._rendered.get(size)
        if found is None:
            found = self.newest.event(size)
            if len(self._rendered) < AT_ONCE:
                self._rendered[size] = found
        return found

    async def _watch(self) -> None:
        while True:
            await asyncio.sleep(LOOK)
            await self.look()

    async def _beat(self) -> None:
        """Send heartbeats, spread over the time between two, and let go of who takes nothing."""
        turn = 0
        while True:
            await asyncio.sleep(1.0)
            turn = (turn + 1) % self._heartbeat
            now = asyncio.get_running_loop().time()
            for number, each in enumerate(list(self.subscribers)):
                if each.sending is not None:
                    self._drop_if_slow(each, now)
                elif number % self._heartbeat == turn:
                    each.since = now
                    each.sending = asyncio.create_task(self._comment(each))

    async def _comment(self, subscriber: Subscriber) -> None:
        try:
            await _write(subscriber.send, _HEARTBEAT)
        finally:
            subscriber.sending = None
        self._tell(subscriber)

    def _drop_if_slow(self, subscriber: Subscriber, now: float) -> None:
        if now - subscriber.since > SLOW and not subscriber.slow:
            subscriber.slow = True
            self.dropped += 1
            subscriber.owner.cancel()


def _last_event_id(scope: Message) -> int | None:
    for name, value in scope["headers"]:
        if name == b"last-event-id" and value.isdigit() and len(value) < 16:
            return int(value)
    return None


async def _write(send: Send, data: bytes) -> None:
    await send({"type": "http.response.body", "body": data, "more_body": True})


async def _refuse(send: Send) -> None:
    headers = [(b"retry-after", b"30"), (b"content-length", b"0")]
    await send({"type": "http.response.start", "status": 503, "headers": headers})
    await send({"type": "http.response.body", "body": b"", "more_body": False})
