"""What a hub process does by the clock: look at the books for whoever scrapes, let go of what is
too old. Any process does it; two at once do no harm.
"""

import asyncio
import logging
import threading

from filterd.hub.database import DatabaseError
from filterd.hub.gauges import FRESH
from filterd.hub.problems import Problem
from filterd.hub.retention import DAY, sweep
from filterd.hub.state import Hub

logger = logging.getLogger(__name__)
_FIRST = 600.0  # seconds after the start; whoever is started again and again sweeps never at once


async def supervise(hub: Hub) -> None:
    """Look at the books every so often, for ever."""
    while True:
        try:
            await hub.for_people.run(hub.gauges.refresh, hub.now_ms)
        except (DatabaseError, Problem) as error:
            logger.warning("supervision waits: %s", error)
        await asyncio.sleep(FRESH)


async def tidy(hub: Hub) -> None:
    """Let go of what is too old: a while after the start, then each day, for ever."""
    stopped = threading.Event()
    await asyncio.sleep(_FIRST)
    try:
        while True:
            now = hub.now_ms // 1000
            try:
                swept = await asyncio.to_thread(
                    sweep, hub.database, now, wanted=lambda: not stopped.is_set()
                )
            except DatabaseError as error:
                logger.warning("what is too old is still kept: %s", error)
            else:
                logger.info("let go: counts: %d, others: %d", swept.counts, swept.others)
            await asyncio.sleep(DAY)
    finally:
        stopped.set()
