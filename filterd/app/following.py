"""Following the feed: trust, log, orders in force, receipt. One task of a node.

Whatever goes wrong, what was in force stays in force: the feed fails static. Each refusal is
counted by its fault and said once.
"""

import asyncio
import itertools
import logging
import random
import time
from collections.abc import Awaitable

import httpx

from filterd import __version__
from filterd.app.change import Change
from filterd.app.feed_state import Feed
from filterd.app.listening import listen
from filterd.app.node import Node
from filterd.app.probing import is_ordered
from filterd.feed.breadth import breadth_of
from filterd.feed.canary import KEPT
from filterd.feed.canonical import canonical
from filterd.feed.events import Pushed
from filterd.feed.follow import Position, check_fresh
from filterd.feed.judge import judge
from filterd.feed.keys import node_key, public_key
from filterd.feed.mirror import Mirror
from filterd.feed.receipt import Receipt, sign_receipt
from filterd.feed.refusal import Refused
from filterd.feed.remote import PATIENCE, from_folder, over_http
from filterd.feed.sync import Fetch, fetch_new
from filterd.feed.trust import FolderFetcher, Trust, recall, refresh, remember
from filterd.model.durable import write_atomically
from filterd.model.errors import RulesError

logger = logging.getLogger(__name__)
TRUST_SECONDS = 900.0  # between two looks at the trust root
SPREAD = 0.2  # of the time between two looks
KEPT_TRUST = "trust.json"
RECEIPT = "receipt.json"


class Follower:
    """Keeps a node at the newest position of its feed."""

    def __init__(self, node: Node, change: Change, feed: Feed) -> None:
        self._node = node
        self._change = change
        self._feed = feed
        self._turn = asyncio.Lock()  # one round at a time, whoever begins it

    async def run(self) -> None:
        """Follow until cancelled."""
        await self._guarded(self._recall())
        url = self._feed.config.url or ""
        if url.startswith("file:"):
            await self._run(from_folder(url))
        async with httpx.AsyncClient(timeout=PATIENCE) as client, asyncio.TaskGroup() as both:
            fetch = over_http(client, url)

            async def take(pushed: Pushed) -> None:
                await self._guarded(self.step(fetch, time.time(), pushed))

            both.create_task(self._run(fetch))
            both.create_task(listen(client, self._feed, take))

    async def _run(self, fetch: Fetch) -> None:
        for look in itertools.count():
            if self._feed.problem is not None or self._feed.stream.is_due(look):
                await self._guarded(self.step(fetch, time.time()))
            wait = self._feed.config.poll * random.uniform(1 - SPREAD, 1 + SPREAD)  # noqa: S311
            await asyncio.sleep(wait)

    async def _guarded(self, work: Awaitable[None]) -> None:
        """Do something that may go wrong: it is counted and said, and changes nothing."""
        try:
            await work
            self._feed.problem = None
        except Refused as refused:
            self._feed.faults[refused.fault] += 1
            self._complain(f"refused ({refused.fault.value}): {refused}")
        except OSError as error:
            self._complain(f"cannot be had: {error}")
        except RulesError as error:
            self._complain(f"cannot be put in force: {error}")

    async def step(self, fetch: Fetch, now: float, pushed: Pushed | None = None) -> None:
        """One round: look at the feed, or take what it pushed. Raises Refused or OSError; what was
        in force stays.
        """
        async with self._turn:
            await self._step(fetch, now, pushed)

    async def _step(self, fetch: Fetch, now: float, pushed: Pushed | None) -> None:
        feed = self._feed
        if pushed is None and now - feed.looked_at > TRUST_SECONDS:
            await self._look_at_trust(now)
        mirror = feed.mirror
        if feed.trust is None or mirror is None:
            return
        found = await fetch_new(mirror, fetch, int(now), pushed)
        if found.taken is not None:
            if pushed is None and found.files:
                feed.stream.overtook()
            await asyncio.to_thread(mirror.keep, found.taken, found.note, found.files)
            feed.segments = (*feed.segments, *found.taken.segments)[-KEPT:]
        # What went wrong the last time is tried again, whether or not there is something new.
        if feed.enforced is not mirror.position:
            await self._enforce(mirror.position, feed.trust)
        for finding in feed.confront(mirror.position):
            logger.error("feed: alarm: %s; what is in force stays in force", finding.why)
        if feed.proved != mirror.position.edge.size:
            await self._prove(mirror.position, int(now * 1000))
        check_fresh(mirror.position, int(now), feed.trust.policy.stale_after)

    async def _recall(self) -> None:
        """Put in force what was in force before, whether or not there is a network."""
        trust = await asyncio.to_thread(recall, self._feed.folder / KEPT_TRUST)
        if trust is not None:
            await self._use(trust)

    async def _look_at_trust(self, now: float) -> None:
        feed = self._feed
        if feed.config.root is None or feed.config.url is None:
            raise OSError("feed.root is not set: nothing to begin trust with")
        root = await asyncio.to_thread(feed.config.root.read_bytes)
        fetcher = FolderFetcher() if feed.config.url.startswith("file:") else None
        folder = feed.folder / "trust"
        trust = await asyncio.to_thread(refresh, folder, root, feed.config.url, fetcher)
        await asyncio.to_thread(remember, feed.folder / KEPT_TRUST, trust)
        feed.looked_at = now
        for doubt in feed.hear(trust.manifests, trust.doubts):
            logger.warning("feed: %s: %s", doubt.authority, doubt.why)
        await self._use(trust)

    async def _use(self, trust: Trust) -> None:
        feed = self._feed
        if feed.trust != trust:
            feed.trust, feed.judged, feed.enforced = trust, {}, None
        if feed.mirror is None or feed.mirror.log != trust.policy.log:
            feed.mirror = Mirror(feed.folder / "log", trust.policy.log)
            taken = await asyncio.to_thread(feed.mirror.load)
            feed.segments = () if taken is None else taken.segments[-KEPT:]
            if taken is not None:
                await self._enforce(taken.position, trust)

    async def _enforce(self, position: Position, trust: Trust) -> None:
        feed = self._feed
        breadth = breadth_of(self._node.book.must_not_block)
        before = feed.judged
        judged = await asyncio.to_thread(judge, position.ledger, trust.registry, breadth, before)
        for key, each in judged.items():
            known = before.get(key)
            if each.fault is not None and (known is None or known.fault is not each.fault):
                feed.faults[each.fault] += 1
                name = "/".join(each.entry.name)
                logger.warning("feed: order %s is not enforced: %s", name, each.why)
        feed.judged = judged
        orders = feed.orders()
        if orders != self._node.ruling.inputs.orders:  # a checkpoint signed anew changes nothing
            await self._change.enforce(orders)
            logger.info("feed: orders up to segment %d are in force", position.edge.size)
        feed.enforced = position

    async def _prove(self, position: Position, received_at: int) -> None:
        """Sign a receipt once the newest canary is seen blocked at our own door."""
        feed, applied_at = self._feed, _milliseconds()
        doors = self._node.config.listen.udp
        if not feed.segments or not doors:
            return
        canary = feed.segments[-1].canary
        if not await is_ordered(canary, doors[0]):
            raise OSError(f"the canary {canary} is not blocked here; no receipt is signed")
        signer = await asyncio.to_thread(node_key, feed.folder / "node.key")
        receipt = Receipt(
            node=public_key(signer).id,
            size=position.edge.size,
            root=position.edge.root,
            state=position.ledger.root,
            received_at=received_at,
            applied_at=applied_at,
            observed_at=_milliseconds(),
            refused=sum(each.fault is not None for each in feed.judged.values()),
            software=f"filterd {__version__}",
        )
        feed.receipt = sign_receipt(receipt, signer)
        await asyncio.to_thread(write_atomically, feed.folder / RECEIPT, canonical(feed.receipt))
        if feed.outbox is not None:
            await asyncio.to_thread(feed.outbox.put, feed.receipt)
        feed.proved = position.edge.size

    def _complain(self, problem: str) -> None:
        if problem != self._feed.problem:
            logger.warning("feed: %s; what is in force stays in force", problem)
        self._feed.problem = problem


def _milliseconds() -> int:
    return time.time_ns() // 1_000_000
