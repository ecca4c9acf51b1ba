"""Following the feed: trust, log, orders in force, receipt. One task of a node.

Whatever goes wrong, what was in force stays in force: the feed fails static. Each refusal is
counted by its fault and said once.
"""

import asyncio
import itertools
import logging
import random
import time
from collections.abc import Awaitable, Mapping

import httpx

from filterd.app.basing import KEPT_TRUST, Basing
from filterd.app.change import Change
from filterd.app.feed_state import Feed
from filterd.app.listening import listen
from filterd.app.media_sets import MediaSets
from filterd.app.node import Node
from filterd.app.proving import KEY, Prover
from filterd.app.scales import Guard
from filterd.feed.base import use
from filterd.feed.breadth import breadth_of
from filterd.feed.events import Hinted, Pushed
from filterd.feed.follow import Position, check_fresh
from filterd.feed.hint import pause
from filterd.feed.judge import held_of, judge
from filterd.feed.keys import node_key, public_key
from filterd.feed.mirror import Mirror
from filterd.feed.never import NeverList
from filterd.feed.refusal import Refused
from filterd.feed.remote import (
    PATIENCE,
    from_folder,
    over_http,
    pieces_from_folder,
    pieces_over_http,
)
from filterd.feed.request import signed_headers
from filterd.feed.sync import Fetch, Round, fetch_new
from filterd.feed.trust import FolderFetcher, Trust, recall, refresh, remember
from filterd.model.errors import FilterdError
from filterd.model.order import Order
from filterd.policy.order_base import OrderBase

logger = logging.getLogger(__name__)
SPREAD = 0.2  # of the time between two looks


class Follower:
    """Keeps a node at the newest position of its feed."""

    def __init__(self, node: Node, change: Change, feed: Feed) -> None:
        self._node = node
        self._change = change
        self._feed = feed
        self._prover = Prover(node, feed)
        self._remembered: tuple[tuple[Order, ...] | None, OrderBase | None] = (None, None)
        self._turn = asyncio.Lock()  # one round at a time, whoever begins it
        self._hinted = asyncio.Event()
        self._basing = Basing(node, feed)
        self._media = MediaSets(node, feed)

    async def run(self) -> None:
        """Follow until cancelled."""
        await self._guarded(self._open())
        await self._guarded(self._recall())
        url = self._feed.config.url or ""
        async with httpx.AsyncClient(timeout=PATIENCE) as client, asyncio.TaskGroup() as tasks:
            tasks.create_task(self._prover.watch(self._prove_again))
            if url.startswith("file:"):
                tasks.create_task(self._media.run(pieces_from_folder(url)))
                tasks.create_task(self._run(from_folder(url)))
                return
            fetch = over_http(client, url, self._hear_time)

            async def take(pushed: Pushed | Hinted) -> None:
                if isinstance(pushed, Hinted):
                    self.hear_hint(pushed)
                else:
                    await self._guarded(self.step(fetch, time.time(), pushed))

            tasks.create_task(self._media.run(pieces_over_http(client, url, self._signed)))
            tasks.create_task(self._run(fetch))
            tasks.create_task(self.answer_hints(fetch))
            tasks.create_task(listen(client, self._feed, take, self._hear_time))

    async def _run(self, fetch: Fetch) -> None:
        for look in itertools.count():
            if self._feed.problem is not None or self._feed.stream.is_due(look):
                await self._guarded(self.step(fetch, time.time()))
            wait = self._feed.config.poll * random.uniform(1 - SPREAD, 1 + SPREAD)  # noqa: S311
            await asyncio.sleep(wait)

    def hear_hint(self, hinted: Hinted) -> None:
        """Take a hint of the trust root; whether to look is `answer_hints`' business."""
        self._feed.hints.given = hinted.trust
        self._hinted.set()

    async def answer_hints(self, fetch: Fetch) -> None:
        """Look at the trust root when there is a hint, until cancelled. Polls keep their rhythm."""
        hints, clock = self._feed.hints, asyncio.get_running_loop().time
        while True:
            await self._hinted.wait()
            self._hinted.clear()
            while hints.is_open:
                await asyncio.sleep(hints.wait(clock(), random.uniform))
                if hints.is_open:  # a poll may have looked meanwhile
                    await self._guarded(self.step(fetch, time.time()))

    async def _guarded(self, work: Awaitable[None]) -> None:
        """Do something that may go wrong: it is counted and said, and changes nothing."""
        try:
            await work
            self._feed.problem = None
        except Refused as refused:
            self._feed.faults[refused.fault] += 1
            self._feed.doubt = True
            self._complain(f"refused ({refused.fault.value}): {refused}")
        except OSError as error:
            self._complain(f"cannot be had: {error}")
        except FilterdError as error:
            self._complain(f"cannot be put in force: {error}")

    async def step(self, fetch: Fetch, now: float, pushed: Pushed | None = None) -> None:
        """One round: look at the feed, or take what it pushed. Raises Refused or OSError; what was
        in force stays.
        """
        begun = asyncio.get_running_loop().time()
        async with self._turn:
            await self._step(fetch, now, pushed, begun)

    async def _step(self, fetch: Fetch, now: float, pushed: Pushed | None, begun: float) -> None:
        feed, clock = self._feed, asyncio.get_running_loop().time
        every = pause(doubt=feed.doubt, hinted=feed.stream.is_hinting and not feed.hints.is_open)
        if pushed is None and (now - feed.looked_at > every or feed.hints.is_due(clock())):
            await self._look_at_trust(now)
        mirror = feed.mirror
        if feed.trust is None or mirror is None:
            return
        await self._protect(feed.trust.never)
        await self._basing.begin(fetch, int(now))
        await self._merge(feed.trust, int(now))
        found = await fetch_new(mirror, fetch, int(now), pushed)
        if found.taken is not None and found.taken.segments:
            if pushed is None:
                feed.stream.overtook(clock())
            feed.take_segments(found.taken.segments)
            # Not `now`: a round that began before the segment was published has it later.
            feed.received_at = int((now + clock() - begun) * 1000)
        # A disk may be slow or full, so what was verified is in force meanwhile; what is said of
        # it, to the hub and to the next start, is said once it is kept.
        keeping = asyncio.create_task(self._keep(mirror, found))
        try:
            # What went wrong the last time is tried again, whether or not there is something new.
            position = mirror.position if found.taken is None else found.taken.position
            if feed.enforced is not position:
                await self._enforce(position, feed.trust)
        finally:
            await keeping
        await self._tell(mirror, feed.trust, now)

    async def _keep(self, mirror: Mirror, found: Round) -> None:
        if found.taken is not None:
            await asyncio.to_thread(mirror.keep, found.taken, found.note, found.files)

    async def _tell(self, mirror: Mirror, trust: Trust, now: float) -> None:
        """Say what is in force, to whom it may concern. Refused (FROZEN), OSError."""
        feed = self._feed
        for finding in feed.confront(mirror.position):
            logger.error("feed: alarm: %s; what is in force stays in force", finding.why)
        try:
            if self._prover.is_due():
                await self._prove()
        finally:
            await self._remember()
        check_fresh(mirror.position, int(now), trust.policy.stale_after)

    async def _remember(self) -> None:
        """Keep what is in force for the next start, if it has changed."""
        orders, base = self._node.ruling.inputs.orders, self._node.ruling.inputs.base
        known_orders, known_base = self._remembered
        if known_orders is not orders or known_base is not base:
            await asyncio.to_thread(self._basing.remember, orders, base)
            self._remembered = (orders, base)

    async def _prove(self) -> None:
        """Sign a receipt for what is in force."""
        feed, position = self._feed, self._feed.enforced
        if position is None or feed.trust is None:
            return
        newest = feed.segments[-1]
        if feed.ends.of(newest) <= time.time():  # it came late, or the node was down
            feed.begun = {newest.number: int(time.time())}
            await self._put_in_force(position)
        await self._prover.prove(position)

    async def _prove_again(self) -> None:
        async with self._turn:
            await self._guarded(self._renew())

    async def _renew(self) -> None:
        """Begin with what has waited for its turn, and sign what there is to sign."""
        feed = self._feed
        if feed.enforced is not None and feed.is_turn(time.time()):
            await self._put_in_force(feed.enforced)
        if self._prover.is_due():
            await self._prove()
        await self._remember()

    async def _open(self) -> None:
        """Take up what this node knew of itself; without it, orders are in force all the same."""
        feed = self._feed
        feed.guard = Guard(feed.folder, feed.config.guard)
        await asyncio.to_thread(feed.guard.open)
        self._node.sampled.append(feed.guard.take)
        feed.node = public_key(await asyncio.to_thread(node_key, feed.folder / KEY)).id
        await asyncio.to_thread(self._prover.recall)

    async def _recall(self) -> None:
        """Put in force what was in force before, whether or not there is a network."""
        trust = await asyncio.to_thread(recall, self._feed.folder / KEPT_TRUST)
        if trust is not None:
            await self._use(trust)

    async def _look_at_trust(self, now: float) -> None:
        feed = self._feed
        hint = feed.hints.begin(asyncio.get_running_loop().time())
        if feed.config.root is None or feed.config.url is None:
            raise OSError("feed.root is not set: nothing to begin trust with")
        root = await asyncio.to_thread(feed.config.root.read_bytes)
        fetcher = FolderFetcher() if feed.config.url.startswith("file:") else None
        folder = feed.folder / "trust"
        trust = await asyncio.to_thread(refresh, folder, root, feed.config.url, fetcher)
        await asyncio.to_thread(remember, feed.folder / KEPT_TRUST, trust)
        feed.looked_at, feed.doubt = now, False
        feed.hints.answer(hint, trust.word)
        for doubt in feed.hear(trust.manifests, trust.doubts):
            logger.warning("feed: %s: %s", doubt.authority, doubt.why)
        await self._use(trust)

    async def _protect(self, never: NeverList | None) -> None:
        """Put the feed's core of what is never decrypted in force; tried anew with each round."""
        if never == self._node.ruling.inputs.never:
            return
        await self._change.protect(never)
        whose = "the package's" if never is None else f"version {never.version}"
        logger.info("feed: the core of what is never decrypted is %s", whose)

    async def _use(self, trust: Trust) -> None:
        feed = self._feed
        if feed.trust != trust:
            feed.judged, feed.enforced = held_of(feed.judged), None
        feed.trust = trust
        self._media.wake()
        log, known = trust.policy.log, feed.mirror
        if known is not None and known.log != log and known.log.origin == log.origin:
            # Another key or other witnesses of the same log: its history goes on from here.
            feed.mirror = Mirror(feed.folder / "log", log, known.position)
        if feed.mirror is None or feed.mirror.log != log:
            feed.mirror = Mirror(feed.folder / "log", trust.policy.log)
            start = await self._basing.load()
            taken = await asyncio.to_thread(feed.mirror.load, start)
            feed.segments = ()
            feed.take_segments(() if taken is None else taken.segments)
            if feed.mirror.position.edge.size:
                await self._enforce(feed.mirror.position, trust)

    async def _merge(self, trust: Trust, now: int) -> None:
        """Put a base in force that has been made meanwhile; have one made if it is time."""
        feed = self._feed
        made = await self._basing.finished()
        if made is not None and feed.mirror is not None:
            taken = await asyncio.to_thread(feed.mirror.load, made.state.position)
            if taken is not None:
                feed.take_segments(taken.segments)
            feed.base, feed.judged = made, made.state.judged
            await self._enforce(feed.mirror.position, trust)
            await self._remember()  # before the base is gone that the last start would want
            await asyncio.to_thread(use, feed.folder, made.name)
        self._basing.start(trust, now)

    async def _enforce(self, position: Position, trust: Trust) -> None:
        feed = self._feed
        # Of an order over the canaries every receipt would seem to be true.
        kept = (*self._node.book.must_not_block, trust.policy.canaries)
        breadth = breadth_of(kept, trust.popular)
        before = feed.judged
        judged = await asyncio.to_thread(judge, position.ledger, trust.registry, breadth, before)
        for key, each in judged.items():
            known = before.get(key)
            if each.fault is not None and (known is None or known.fault is not each.fault):
                feed.faults[each.fault] += 1
                feed.doubt = True
                name = "/".join(each.entry.name)
                logger.warning("feed: order %s is not enforced: %s", name, each.why)
        feed.judged = judged
        guard = feed.guard
        if guard is not None:
            size, body = position.edge.size, () if feed.base is None else feed.base.state.body
            weighed = await asyncio.to_thread(guard.weigh, judged, size, trust, breadth, body)
            for key in weighed.withheld.keys() - guard.weighed.withheld.keys():
                name = "/".join(judged[key].entry.name)
                logger.error("feed: order %s is held back: %s", name, weighed.withheld[key].why)
            changed, guard.weighed = weighed != guard.weighed, weighed
        await self._put_in_force(position)
        feed.enforced = position
        if guard is not None and changed:
            await asyncio.to_thread(guard.keep)

    async def _put_in_force(self, position: Position) -> None:
        feed, inputs = self._feed, self._node.ruling.inputs
        orders, base = feed.orders(), feed.rules(time.time())
        if (orders, base) != (inputs.orders, inputs.base):  # a new signature alone changes nothing
            await self._change.enforce(orders, base)
            logger.info("feed: orders up to segment %d are in force", position.edge.size)

    def _signed(self, path: str) -> Mapping[str, str]:
        """Return the headers that say to a hub which node asks; to nobody else."""
        if self._feed.config.hub is None:
            return {}
        signer = node_key(self._feed.folder / KEY)
        return signed_headers("GET", path, b"", signer, int(time.time()))

    def _hear_time(self, theirs: int) -> None:
        if self._feed.hear_time(theirs, time.time()):
            skew = self._feed.skew
            logger.warning("feed: this clock is %+d s off that of the feed; look at both", skew)

    def _complain(self, problem: str) -> None:
        if problem != self._feed.problem:
            logger.warning("feed: %s; what is in force stays in force", problem)
        self._feed.problem = problem
