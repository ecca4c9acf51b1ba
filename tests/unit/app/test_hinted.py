"""A follower that is hinted at another trust root: when it looks, and when it does not.

TUF stands aside here, so that looks can be counted; see `tests/e2e/test_following.py` for all of it.
"""

import asyncio
import time
from contextlib import asynccontextmanager
from dataclasses import replace

import httpx
import pytest

from filterd.app.listening import listen
from filterd.config.feed import FeedConfig
from filterd.feed.events import Hinted
from filterd.feed.hint import DOUBT_SECONDS, HINTED_SECONDS, TRUST_SECONDS
from filterd.feed.refusal import Fault
from filterd.feed.stream import State
from tests.support.stream_server import StreamServer
from tests.unit.app.test_following import World


class Looks:
    """Stands in for TUF: counts looks, and finds `trust` or fails."""

    def __init__(self, trust):
        self.number, self.trust, self.fault = 0, trust, None

    def __call__(self, *_):
        self.number += 1
        if self.fault is not None:
            raise self.fault
        return self.trust


@pytest.fixture
def world(tmp_path, monkeypatch):
    world = World(tmp_path, now=int(time.time()))
    world.order("bet.example")
    (tmp_path / "root.json").write_text("{}")
    world.feed.folder.mkdir(exist_ok=True)  # as TUF does
    url = f"file://{world.log.folder}"
    world.feed.config = FeedConfig(url=url, root=str(tmp_path / "root.json"))
    asyncio.run(world.follower._use(world.trust))
    world.looks = Looks(replace(world.trust, word="1.1"))
    monkeypatch.setattr("filterd.app.following.refresh", world.looks)
    monkeypatch.setattr("filterd.feed.hint.SPREAD_SECONDS", 0.01)
    world.feed.hints.answer("", "1.1")
    return world


@asynccontextmanager
async def answering(world):
    task = asyncio.create_task(world.follower.answer_hints(world.fetch))
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def until(check):
    async with asyncio.timeout(20):
        while not check():
            await asyncio.sleep(0.005)


@asynccontextmanager
async def hinted(world, word):
    """Give a hint and go on once its look is over."""
    number = world.looks.number
    async with answering(world):
        world.follower.hear_hint(Hinted(word))
        await until(lambda: world.looks.number > number)
        async with world.follower._turn:
            yield


def settle(world):
    """Let half a minute pass since the last hint was answered."""
    world.feed.hints.begun_at -= DOUBT_SECONDS


def test_a_hint_brings_another_trust_in_force_without_a_poll(world):
    world.step()
    assert (world.names, world.looks.number) == ({"bet.example"}, 0)
    registry = replace(world.trust.registry, authorities=())
    world.looks.trust = replace(world.trust, registry=registry, word="1.2")

    async def work():
        async with answering(world):
            world.follower.hear_hint(Hinted("1.2"))
            await until(lambda: world.names == set())

    asyncio.run(work())
    assert world.looks.number == 1


def test_what_is_hinted_again_or_known_already_is_not_looked_at(world):
    async def work():
        async with answering(world):
            for word in ("1.1", "1.1"):
                world.follower.hear_hint(Hinted(word))
            await asyncio.sleep(0.1)
        assert world.looks.number == 0
        async with hinted(world, "a lie"):
            settle(world)
        async with answering(world):
            world.follower.hear_hint(Hinted("a lie"))
            await asyncio.sleep(0.1)
        assert world.looks.number == 1, "although the look found nothing new"

    asyncio.run(work())


def test_a_stream_that_hints_each_time_at_another_gets_one_look_each_half_minute(world):
    async def work():
        async with answering(world):
            for number in range(100):
                world.follower.hear_hint(Hinted(f"lie {number}"))
                await asyncio.sleep(0.003)
            await until(lambda: world.looks.number == 1)
            for _ in range(3):  # nor by other rounds
                await world.follower.step(world.fetch, world.now)
            assert world.looks.number == 1
            assert (
                world.feed.hints.wait(asyncio.get_running_loop().time(), lambda low, high: low)
                > DOUBT_SECONDS - 5
            )
        settle(world)
        await world.follower.step(world.fetch, world.now)
        assert world.looks.number == 2

    asyncio.run(work())


def test_a_look_that_failed_is_made_again(world):
    world.looks.fault = OSError("away")

    async def work():
        async with hinted(world, "1.2"):
            pass
        assert world.feed.hints.is_open
        assert "away" in world.feed.problem
        world.looks.fault = None
        settle(world)
        async with answering(world):
            world.follower.hear_hint(Hinted("1.2"))  # it comes back with the stream
            await until(lambda: not world.feed.hints.is_open)
        assert (world.feed.hints.answered, world.looks.number) == ("1.2", 2)

    asyncio.run(work())


def test_who_is_not_set_up_to_trust_anybody_says_so_and_does_not_spin(world):
    world.feed.config = FeedConfig(url=world.feed.config.url)

    async def work():
        async with answering(world):
            world.follower.hear_hint(Hinted("1.2"))
            await until(lambda: world.feed.problem is not None)
        assert "feed.root" in world.feed.problem
        assert world.feed.hints.failed == 1

    asyncio.run(work())


def looked(world, after):
    """Say whether a round so long after the last look makes another."""
    number = world.looks.number
    world.feed.looked_at = float(world.now)
    world.step(world.now + after)
    return world.looks.number > number


def test_where_hints_come_the_trust_root_is_looked_at_once_an_hour(world):
    stream = world.feed.stream
    assert looked(world, TRUST_SECONDS + 1)
    stream.state = State.LIVE
    assert looked(world, TRUST_SECONDS + 1), "an older hub gives no hints"
    stream.hinted()
    assert not looked(world, TRUST_SECONDS + 1)
    assert not looked(world, HINTED_SECONDS - 1)
    assert looked(world, HINTED_SECONDS + 1)
    world.feed.doubt = True
    assert looked(world, DOUBT_SECONDS + 1)
    stream.state = State.HELD
    assert looked(world, TRUST_SECONDS + 1), "a proxy that keeps news keeps hints"


def test_hints_are_heard_in_the_stream_and_are_no_news(world):
    async def work():
        async with StreamServer(world.log.folder).running() as server:
            world.feed.config = FeedConfig(url=server.url)
            heard = []

            async def take(pushed):
                heard.append(pushed)

            async with httpx.AsyncClient() as client:
                task = asyncio.create_task(listen(client, world.feed, take))
                await until(lambda: server.streams == 1)
                await server.say(b'event: trust\ndata: {"trust":"1.2"}\n\n')
                await until(lambda: heard == [Hinted("1.2")])
                assert world.feed.stream.is_hinting
                assert world.feed.stream.events == 0
                await server.say(b'event: trust\ndata: {"trust":"%s"}\n\n' % (b"x" * 999))
                await until(lambda: world.feed.faults[Fault.TOO_LARGE] == 1)
                assert not world.feed.stream.is_hinting
                task.cancel()
                await asyncio.gather(task, return_exceptions=True)
            assert len(heard) == 1

    asyncio.run(work())
