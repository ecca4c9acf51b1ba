"""What subscribers are told: the newest and the hint of the trust root, each when it can leave."""

import asyncio
from dataclasses import dataclass, field
from types import SimpleNamespace

import pytest
import zstandard

from filterd.feed.events import EventReader, Hinted, Pushed, read_pushed
from filterd.hub.connection import CONNECTION
from filterd.hub.events import Announcer
from filterd.hub.hint import Hint
from filterd.hub.newest import Newest

NOTE = b"log.example\n0\nx\n"


@dataclass
class Link:
    """Stands in for a connection: what is written, and whether the other side takes it."""

    packed: bool = False
    is_full: bool = False
    written: list = field(default_factory=list)

    def write(self, data):
        assert not self.is_full
        self.written.append(data)

    @property
    def heard(self):
        """What a node makes of it."""
        reader, found = EventReader(), []
        for each in self.written:
            length, _, rest = each.partition(b"\r\n")
            body = rest.removesuffix(b"\r\n")
            assert len(body) == int(length, 16)
            if self.packed:
                body = zstandard.ZstdDecompressor().decompress(body)
            found += [read_pushed(event) for event in reader.feed(body)]
        return found


@pytest.fixture
def announcer(tmp_path, monkeypatch):
    made = Announcer(tmp_path, most=10)
    made.there = SimpleNamespace(hint=Hint())
    monkeypatch.setattr("filterd.hub.events.read_hint", lambda folder, before: made.there.hint)
    return made


async def subscribe(announcer, link):
    headers = [(b"accept-encoding", b"zstd")] if link.packed else []
    scope = {"state": {CONNECTION: link}, "http_version": "1.1", "headers": headers}
    left = asyncio.Event()

    async def receive():
        await left.wait()
        return {"type": "http.disconnect"}

    async def send(message):
        pass

    task = asyncio.create_task(announcer(scope, receive, send))
    before = len(announcer.subscribers)
    while len(announcer.subscribers) == before:
        await asyncio.sleep(0)
    task.left = left
    return task


async def put(announcer, root, targets):
    announcer.there.hint = Hint(root, targets)
    await announcer.look_at_trust()


def run(work):
    async def all_of_it():
        await work
        for each in asyncio.all_tasks() - {asyncio.current_task()}:
            each.left.set()
            await each

    asyncio.run(all_of_it())


@pytest.mark.parametrize("packed", [False, True])
def test_a_hint_comes_with_the_subscription_and_with_each_change(announcer, packed):
    async def work():
        await put(announcer, 1, 1)
        one, other = Link(packed), Link(packed)
        await subscribe(announcer, one)
        assert one.heard == [Hinted("1.1")]
        await put(announcer, 1, 1)
        assert one.heard == [Hinted("1.1")], "once"
        await subscribe(announcer, other)
        await put(announcer, 2, 3)
        assert one.heard == other.heard == [Hinted("1.1"), Hinted("2.3")]
        assert one.written[-1] is other.written[-1], "rendered once for all"
        assert announcer.pushed == 4

    run(work())


def test_who_is_slow_hears_the_newest_hint_once_it_can_leave(announcer):
    async def work():
        announcer.newest = Newest(0, NOTE)
        await put(announcer, 1, 1)
        slow, quick = Link(), Link()
        await subscribe(announcer, slow)
        await subscribe(announcer, quick)
        slow.is_full = True
        for targets in range(2, 9):
            await put(announcer, 1, targets)
        assert quick.heard[-1] == Hinted("1.8")
        assert slow.heard == [Pushed(NOTE), Hinted("1.1")]
        slow.is_full = False
        beat = asyncio.create_task(announcer._beat())
        async with asyncio.timeout(20):
            while len(slow.written) == 3:
                await asyncio.sleep(0.02)
        beat.cancel()
        await asyncio.gather(beat, return_exceptions=True)
        assert slow.heard == [Pushed(NOTE), Hinted("1.1"), Hinted("1.8")], "no queue"

    run(work())


def test_without_a_trust_root_nothing_is_hinted(announcer):
    async def work():
        await announcer.look_at_trust()
        link = Link()
        await subscribe(announcer, link)
        await announcer.look_at_trust()
        assert link.heard == []
        assert announcer.pushed == 0

    run(work())


def test_checkpoints_go_first(announcer):
    async def work():
        announcer.newest = Newest(0, NOTE)
        await put(announcer, 1, 1)
        link = Link()
        await subscribe(announcer, link)
        assert link.heard == [Pushed(NOTE), Hinted("1.1")]

    run(work())
