"""What a node does with its ministry: it follows the feed, and reports to the hub.

Loaded only by a node that has one. What verifies signatures takes as long to load as all that
answers queries, and must not stand between a start and its first answer.
"""

import asyncio
import logging
import time

import httpx

from filterd.app.again import REST, again
from filterd.app.change import Change
from filterd.app.feed_state import Feed
from filterd.app.following import Follower
from filterd.app.node import Node
from filterd.app.reporting import Reporting
from filterd.app.sending import PATIENCE, Sender
from filterd.feed.outbox import Outbox
from filterd.model.errors import FilterdError

logger = logging.getLogger(__name__)


async def follow(node: Node, change: Change, outbox: Outbox | None) -> None:
    """Follow the feed for ever."""
    feed = node.feed = Feed(node.config.feed, node.paths.state / "feed", outbox=outbox)
    await again("feed", lambda: Follower(node, change, feed).run())


async def report(node: Node, outbox: Outbox) -> None:
    """Report for ever: what cannot be spooled or signed here is told, and tried again."""
    reporting = None
    while reporting is None:
        try:
            reporting = await asyncio.to_thread(Reporting, node, outbox, time.time())
            node.problems.pop("report", None)
            node.reporting = reporting
            node.reports_soon = False
        except (OSError, FilterdError) as error:
            node.reports_soon = False  # the local log goes on without
            node.problems["report"] = f"nothing can be reported: {error}"
            logger.error("report: %s", error)  # noqa: TRY400
            await asyncio.sleep(REST)
    async with httpx.AsyncClient(timeout=PATIENCE) as client:
        known = reporting
        await again("report", lambda: Sender(node, known, client).run())
