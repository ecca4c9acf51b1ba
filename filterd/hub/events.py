"""`GET /feed/events`: server-sent events to very many subscribers at once.

A bare ASGI endpoint: one task for each subscriber, which waits for it to leave, and a number, the
size of the log that it has. What it is told is made from that number when it can be sent, so there
is no queue that could grow: who is slow is told less often, and who takes nothing for `SLOW`
seconds is let go and comes back with `Last-Event-ID`. An event is rendered once for all who stand
at the same place. So it is with the hint that the trust root is another: each has heard one, and is
told the newest when it can be sent.
"""

import asyncio
import itertools
import logging
from collections.abc import Awaitable, Callable, MutableMapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import zstandard

from filterd.hub.connection import CONNECTION, Connection
from filterd.hub.hint import Hint, read_hint
from filterd.hub.newest import Newest, Stamp, read_newest, stamp_of

logger = logging.getLogger(__name__)

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
HEARTBEAT = 25  # seconds; not sooner than QUIET after something else
QUIET = 30.0  # with the above, less than the minute after which proxies give a stream up
BUSY = 62.0  # the same while there is an event a minute, which keeps proxies from that by itself
LEVEL = 12
LOOK = 0.05  # seconds between two looks at the checkpoint
TRUST_LOOK = 1.0  # seconds between two looks at the trust root, which changes each few weeks
SLOW = 30.0  # seconds that one event may take to leave
AT_ONCE = 500  # subscribers, before others get their turn on the loop
_COMMENT = b":\n\n"
_PACKED = (b"content-encoding", b"zstd")
_HEADERS = [
    (b"content-type", b"text/event-stream"),
    (b"cache-control", b"no-cache"),
    (b"x-accel-buffering", b"no"),  # a proxy must not wait for more
    (b"x-content-type-options", b"nosniff"),
]


@dataclass(slots=True, eq=False)
class Subscriber:
    """One connection; `size` is what it has by now, None: it has not said. `chunked`: HTTP/1.1."""

    connection: Connection
    owner: asyncio.Task[Any]
    chunked: bool
    packed: bool  # each event and comment is a frame of zstd (RFC 8878 section 3.1)
    size: int | None
    waiting: bool  # for the newest, whatever its size
    hint: str = ""  # that it was told
    full_since: float | None = None
    told_at: float = 0.0  # by the loop's clock


class Announcer:
    """Tells subscribers of every checkpoint that appears in the feed's folder, and of every trust
    root.
    """

    def __init__(self, folder: Path, most: int) -> None:
        self.newest = Newest()
        self.hint = Hint()
        self.subscribers: set[Subscriber] = set()
        self.pushed = 0  # events that were sent
        self.dropped = 0  # subscribers that were too slow
        self._folder = folder
        self._most = most
        self._stamp: Stamp | None = None
        self._rendered: dict[tuple[int | None, bool, bool], bytes] = {}
        self._hints: dict[tuple[bool, bool], bytes] = {}
        self._tasks: list[asyncio.Task[None]] = []
        self._closed = False
        self._pushed_at = 0.0  # by the loop's clock
        self._quiet = QUIET

    async def start(self) -> None:
        """Look at the feed, and go on looking."""
        await self.look()
        await self.look_at_trust()
        works = (self._watch(), self._watch_trust(), self._beat())
        self._tasks = [asyncio.create_task(each) for each in works]

    async def look(self) -> None:
        """Take up a new checkpoint if there is one, and tell everybody."""
        stamp = stamp_of(self._folder)
        if stamp is None or stamp == self._stamp:
            return
        self._stamp = stamp
        found = await asyncio.to_thread(read_newest, self._folder, self.newest)
        if found is self.newest:
            return
        self.newest = found
        now = asyncio.get_running_loop().time()
        self._quiet = BUSY if now - self._pushed_at < BUSY else QUIET
        self._pushed_at = now
        self._rendered.clear()
        for each in self.subscribers:
            each.waiting = True
        await self._tell_all()

    async def look_at_trust(self) -> None:
        """Take up another trust root if there is one, and tell everybody."""
        before, self.hint = self.hint, await asyncio.to_thread(read_hint, self._folder, self.hint)
        if self.hint.text != before.text:
            self._hints = {key: _written(self.hint.event(), *key) for key in _KEYS}
            await self._tell_all()

    async def _tell_all(self) -> None:
        for number, each in enumerate(list(self.subscribers), 1):
            self._tell(each)
            if number % AT_ONCE == 0:
                await asyncio.sleep(0)

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
        subscriber = Subscriber(
            connection=scope["state"][CONNECTION],
            owner=owner,
            chunked=scope["http_version"] == "1.1",
            packed=_takes_zstd(scope),
            size=last,
            waiting=last is None or last != self.newest.size,
        )
        if not subscriber.chunked:
            subscriber.connection.without_frames()
        headers = [*_HEADERS, _PACKED] if subscriber.packed else _HEADERS
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        self._comment(subscriber)  # so that whatever stands between lets it through
        self._tell(subscriber)
        self.subscribers.add(subscriber)
        try:
            while (await receive())["type"] != "http.disconnect":
                pass
        except asyncio.CancelledError:
            if not self._closed:
                raise
        finally:
            self.subscribers.discard(subscriber)
        await send({"type": "http.response.body", "body": b"", "more_body": False})

    def _tell(self, subscriber: Subscriber) -> None:
        """Write what is new to who has not got it; later, where what came before has not left."""
        connection = subscriber.connection
        if subscriber.waiting and not connection.is_full and self.newest.note:
            connection.write(self._event(subscriber))
            subscriber.told_at = asyncio.get_running_loop().time()
            subscriber.size = self.newest.size
            subscriber.waiting = False
            self.pushed += 1
        if subscriber.hint != self.hint.text and not connection.is_full:
            connection.write(self._hints[subscriber.packed, subscriber.chunked])
            subscriber.told_at = asyncio.get_running_loop().time()
            subscriber.hint = self.hint.text
            self.pushed += 1

    def _comment(self, subscriber: Subscriber) -> None:
        subscriber.connection.write(_COMMENTS[subscriber.packed, subscriber.chunked])
        subscriber.told_at = asyncio.get_running_loop().time()

    def _event(self, subscriber: Subscriber) -> bytes:
        key = subscriber.size, subscriber.packed, subscriber.chunked
        found = self._rendered.get(key)
        if found is None:
            found = _written(self.newest.event(subscriber.size), *key[1:])
            if len(self._rendered) < AT_ONCE:
                self._rendered[key] = found
        return found

    async def _watch(self) -> None:
        while True:
            await asyncio.sleep(LOOK)
            await self.look()

    async def _watch_trust(self) -> None:
        while True:
            await asyncio.sleep(TRUST_LOOK)
            await self.look_at_trust()

    async def _beat(self) -> None:
        """Send heartbeats, spread over the time between two; see after who was slow."""
        turn = 0
        while True:
            await asyncio.sleep(1.0)
            turn = (turn + 1) % HEARTBEAT
            now = asyncio.get_running_loop().time()
            quiet = self._quiet if now - self._pushed_at < 2 * BUSY else QUIET
            for number, each in enumerate(list(self.subscribers)):
                if each.connection.is_full:
                    self._drop_if_slow(each, now)
                    continue
                each.full_since = None
                if each.waiting or each.hint != self.hint.text:
                    self._tell(each)
                elif number % HEARTBEAT == turn and now - each.told_at > quiet:
                    self._comment(each)

    def _drop_if_slow(self, subscriber: Subscriber, now: float) -> None:
        if subscriber.full_since is None:
            subscriber.full_since = now
        elif now - subscriber.full_since > SLOW:
            self.dropped += 1
            self.subscribers.discard(subscriber)
            subscriber.connection.abort()


def _written(data: bytes, packed: bool, chunked: bool) -> bytes:  # noqa: FBT001 - a key
    """Return `data` as it goes over the wire: a frame of its own, so that all subscribers share it,
    in one chunk (RFC 9112 section 7.1).
    """
    if packed:
        data = zstandard.ZstdCompressor(LEVEL, write_content_size=True).compress(data)
    return b"%x\r\n%b\r\n" % (len(data), data) if chunked else data


_KEYS = tuple(itertools.product((False, True), (False, True)))  # packed, chunked
_COMMENTS = {key: _written(_COMMENT, *key) for key in _KEYS}


def _takes_zstd(scope: Message) -> bool:
    said = b",".join(value for name, value in scope["headers"] if name == b"accept-encoding")
    return any(each.strip().lower() == b"zstd" for each in said.split(b","))


def _last_event_id(scope: Message) -> int | None:
    for name, value in scope["headers"]:
        if name == b"last-event-id" and value.isdigit() and len(value) < 16:
            return int(value)
    return None


async def _refuse(send: Send) -> None:
    headers = [(b"retry-after", b"30"), (b"content-length", b"0")]
    await send({"type": "http.response.start", "status": 503, "headers": headers})
    await send({"type": "http.response.body", "body": b"", "more_body": False})
