"""What a hub process does by the clock: look at the books for whoever scrapes, let go of what is
too old. Any process does it; two at once do no harm.
"""

import asyncio
import logging
import time

from filterd.hub.database import DatabaseError
from filterd.hub.gauges import FRESH
from filterd.hub.problems import Problem
from filterd.hub.retention import sweep
from filterd.hub.state import Hub

logger = logging.getLogger(__name__)
DAILY = 86_400.0  # seconds
_FIRST = 600.0  # seconds after the start; whoever is started again and again sweeps never at once
_BREATH = 0.05  # seconds between two transactions of a sweep


async def supervise(hub: Hub) -> None:
    """Look at the books every so often, for ever."""
    while True:
        try:
            await hub.for_people.run(hub.gauges.refresh, hub.now_ms)
        except (DatabaseError, Problem) as error:
            logger.warning("supervision waits: %s", error)
        await asyncio.sleep(FRESH)


async def tidy(hub: Hub) -> None:
    """Let go of what is too old every day, for ever."""
    await asyncio.sleep(_FIRST)
    while True:
        try:
            swept = await hub.for_people.run(
                sweep, hub.database, hub.now_ms // 1000, None, _breathe
            )
            logger.info("let go: counts: %d, others: %d", swept.counts, swept.others)
        except (DatabaseError, Problem) as error:
            logger.warning("what is too old stays until tomorrow: %s", error)
        await asyncio.sleep(DAILY)


def _breathe() -> None:
    time.sleep(_BREATH)
