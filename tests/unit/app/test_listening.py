"""A follower on a feed that pushes, over a real socket: flaky, hostile, silent or none."""

import asyncio
import time
from contextlib import asynccontextmanager

import httpx
import pytest

from filterd.app.listening import listen
from filterd.config.feed import FeedConfig
from filterd.feed.refusal import Fault
from filterd.feed.remote import over_http, pieces
from filterd.feed.stream import State
from tests.support.stream_server import StreamServer, event_of
from tests.unit.app.test_following import World


@pytest.fixture
def world(tmp_path):
    world = World(tmp_path, now=int(time.time()))
    world.order("bet.example")
    asyncio.run(world.follower._use(world.trust))
    world.step()
    return world


@asynccontextmanager
async def listening(world, server):
    """Follow the stream only: nothing is found by looking."""
    world.feed.config = FeedConfig(url=server.url)
    world.feed.looked_at = time.time()
    async with httpx.AsyncClient() as client:
        fetch = over_http(client, server.url)

        async def take(pushed):
            await world.follower._guarded(world.follower.step(fetch, time.time(), pushed))

        task = asyncio.create_task(listen(client, world.feed, take))
        try:
            await until(lambda: server.streams == 1)
            yield
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)


async def until(check):
    async with asyncio.timeout(10):
        while not check():
            await asyncio.sleep(0.005)


def run(world, work):
    async def all_of_it():
        async with StreamServer(world.log.folder).running() as server, listening(world, server):
            await work(server)

    asyncio.run(all_of_it())


def test_what_is_pushed_is_in_force_without_another_request(world):
    async def work(server):
        assert server.last_ids == ["1"]
        world.order("win.example", id="2026-2")
        await server.say(event_of(world.log.folder, 1, 2))
        await until(lambda: "win.example" in world.names)
        assert server.asked == ["/events"]
        assert world.feed.stream.state is State.LIVE

    run(world, work)


def test_what_an_event_leaves_out_is_fetched(world):
    async def work(server):
        for number in range(2, 5):
            world.order(f"win{number}.example", id=f"2026-{number}")
        await server.say(event_of(world.log.folder, 3, 4))  # of four, only the last
        await until(lambda: "win4.example" in world.names)
        assert len(world.names) == 4
        assert [path for path in server.asked if path.startswith("/log")]

    run(world, work)


def test_an_event_with_more_than_is_missing_is_taken(world):
    async def work(server):
        world.order("win.example", id="2026-2")
        await server.say(event_of(world.log.folder, 0, 2))
        await until(lambda: "win.example" in world.names)

    run(world, work)


def test_a_link_that_is_cut_at_any_byte_of_an_event_loses_nothing(world, monkeypatch):
    monkeypatch.setattr("filterd.feed.stream.FIRST", 0.0)

    async def work(server):
        world.order("win.example", id="2026-2")
        event = event_of(world.log.folder, 1, 2)
        for end in range(0, len(event), max(1, len(event) // 25)):
            streams = len(server.last_ids)
            world.feed.stream.breaks = 0
            await server.say(event[:end])
            server.cut()
            await until(lambda: len(server.last_ids) > streams and server.streams)  # noqa: B023
            assert "win.example" not in world.names
        await server.say(event)
        await until(lambda: "win.example" in world.names)
        assert world.feed.faults.total() == 0

    run(world, work)


def test_an_endless_line_is_cut_off(world):
    async def work(server):
        for _ in range(40):
            await server.say(b"x" * 10_000)
        await until(lambda: world.feed.faults[Fault.TOO_LARGE] == 1)
        assert world.feed.stream.state is State.DOWN
        assert world.names == {"bet.example"}

    run(world, work)


def test_garbage_ends_the_stream_and_changes_nothing(world):
    async def work(server):
        await server.say(b"event: checkpoint\ndata: {\xff}\n\n")
        await until(lambda: world.feed.faults[Fault.MALFORMED] == 1)
        assert world.names == {"bet.example"}

    run(world, work)


def test_another_logs_checkpoint_is_refused(world, tmp_path):
    other = World(tmp_path / "other", now=int(time.time()))
    for number in range(3):
        other.order(f"other{number}.example", id=f"o-{number}")

    async def work(server):
        await server.say(event_of(other.log.folder, 1, 3))
        await until(lambda: world.feed.faults[Fault.UNSIGNED] == 1)
        assert world.names == {"bet.example"}
        assert world.feed.problem is not None
        world.order("win.example", id="2026-2")
        await server.say(event_of(world.log.folder, 1, 2))
        await until(lambda: "win.example" in world.names)
        assert world.feed.problem is None

    run(world, work)


def test_an_older_event_played_again_is_a_rollback(world):
    async def work(server):
        old = event_of(world.log.folder, 0, 1)
        world.order("win.example", id="2026-2")
        await server.say(event_of(world.log.folder, 1, 2))
        await until(lambda: "win.example" in world.names)
        await server.say(old)
        await until(lambda: world.feed.faults[Fault.ROLLBACK] == 1)
        assert world.names == {"bet.example", "win.example"}

    run(world, work)


def test_a_segment_that_was_changed_on_the_way_is_refused(world):
    async def work(server):
        world.order("win.example", id="2026-2")
        good = event_of(world.log.folder, 1, 2)
        await server.say(good.replace(good[-60:-50], b"AAAAAAAAAA"))
        await until(lambda: world.feed.faults.total() == 1)
        assert world.names == {"bet.example"}
        await server.say(good)
        await until(lambda: "win.example" in world.names)

    run(world, work)


def test_a_feed_of_files_has_no_stream(world):
    async def work():
        async with StreamServer(world.log.folder, pushes=False).running() as server:
            world.feed.config = FeedConfig(url=server.url)
            async with httpx.AsyncClient() as client:
                task = asyncio.create_task(listen(client, world.feed, None))
                await until(lambda: "404" in world.feed.stream.why)
                task.cancel()
                await asyncio.gather(task, return_exceptions=True)
        assert world.feed.stream.state is State.NONE
        assert world.feed.problem is None, "nothing is wrong with that"

    asyncio.run(work())


def test_a_stream_without_a_heartbeat_is_dead(world):
    async def work():
        server = StreamServer(world.log.folder)
        async with server.running(), httpx.AsyncClient() as client:
            stream = pieces(client, server.url, 0, silence=0.05)
            assert await anext(stream) == b""
            with pytest.raises(OSError, match="ReadTimeout"):
                await anext(stream)

    asyncio.run(work())
