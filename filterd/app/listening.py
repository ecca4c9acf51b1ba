"""Listening to the feed's stream: what is pushed is in force within milliseconds.

Looking at the feed from time to time goes on as a floor, so a stream that breaks, lies or is held
back by a proxy costs time and nothing else.
"""

import asyncio
import logging
import random
from collections.abc import Awaitable, Callable
from contextlib import aclosing

import httpx

from filterd.app.feed_state import Feed
from filterd.feed.events import EventReader, Hinted, Pushed, read_pushed
from filterd.feed.refusal import Refused
from filterd.feed.remote import SILENCE, HearTime, NoStreamError, pieces, unheard

logger = logging.getLogger(__name__)
Take = Callable[[Pushed | Hinted], Awaitable[None]]  # never raises what the feed can bring about


async def listen(
    client: httpx.AsyncClient, feed: Feed, take: Take, hear_time: HearTime = unheard
) -> None:
    """Keep a stream open until cancelled, and hand over what is pushed."""
    loop = asyncio.get_running_loop()
    while True:
        try:
            feed.stream.asked(loop.time())
            await _hear(client, feed, take, hear_time)
            _broke(feed, loop.time(), "the other side closed it")
        except NoStreamError as error:
            feed.stream.missing(str(error))
        except Refused as refused:
            feed.faults[refused.fault] += 1
            _broke(feed, loop.time(), str(refused))
        except OSError as error:
            _broke(feed, loop.time(), str(error))
        await asyncio.sleep(feed.stream.wait(random.uniform))


async def _hear(client: httpx.AsyncClient, feed: Feed, take: Take, hear_time: HearTime) -> None:
    reader, url = EventReader(), feed.config.url or ""
    size = 0 if feed.mirror is None else feed.mirror.position.edge.size
    async with aclosing(pieces(client, url, size, SILENCE, hear_time)) as stream:
        async for piece in stream:
            if piece:
                feed.stream.heard()
            for event in reader.feed(piece):
                pushed = read_pushed(event)
                if isinstance(pushed, Pushed):
                    feed.stream.event()
                elif pushed is not None:
                    feed.stream.hinted()
                if pushed is not None:
                    await take(pushed)


def _broke(feed: Feed, now: float, why: str) -> None:
    if feed.stream.why != why:
        logger.info(
            "feed: no news are pushed: %s; it is looked at every %g s", why, feed.config.poll
        )
    feed.stream.broke(now, why)
