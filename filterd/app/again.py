"""Doing a piece of work for ever, whatever comes of it."""

import asyncio
import logging
from collections.abc import Awaitable, Callable

logger = logging.getLogger(__name__)
REST = 15.0  # seconds from an end to the next beginning


async def again(what: str, work: Callable[[], Awaitable[None]]) -> None:
    """Do `work` for ever. What comes from outside may bring about a fault that nobody thought of;
    it must not be the last thing that comes in.
    """
    while True:
        try:
            await work()
        except Exception:
            logger.exception("%s: it ended by a fault of ours, and is begun again", what)
        await asyncio.sleep(REST)
