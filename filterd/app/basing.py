"""The base of a node's orders: begun from a snapshot, merged in the background, there at the start.

What is expensive runs in a child process, niced unless nothing is in force. Until it is done, and
if it fails, what is in force stays: a base that was made is put in force first, then it becomes the
one in use.
"""

import asyncio
import logging
import secrets
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from filterd.app.feed_state import Feed
from filterd.app.node import Node
from filterd.app.ruling import Inputs
from filterd.feed.base import Base, forget, load_base, missing_class, open_base, use
from filterd.feed.basing import make_job, scales_hash
from filterd.feed.beginning import fetch_snapshot
from filterd.feed.follow import Position
from filterd.feed.inforce import FILE, InForce, recall_orders, remember_orders
from filterd.feed.mirror import Mirror
from filterd.feed.refusal import Refused
from filterd.feed.stored import read_snapshot
from filterd.feed.sync import Fetch
from filterd.feed.trust import Trust, recall
from filterd.lists.compile import run_job
from filterd.model.errors import RulesError
from filterd.model.order import DAY, Order
from filterd.policy.order_base import OrderBase

logger = logging.getLogger(__name__)
MOST_OVER = 20_000  # patterns that lie over a base before it is merged
RunJob = Callable[[Mapping[str, Any]], Awaitable[Mapping[str, Any]]]
run_basing: RunJob = partial(run_job, module="filterd.feed.basing")
AWAY = DAY  # seconds without a checkpoint after which a snapshot may be worth it
TRIES = 5  # to take a snapshot, before it goes by the log
REST = 600  # seconds between two tries to make a base
LOG = "log"  # the mirror, beside the base
KEPT_TRUST = "trust.json"


class Basing:
    """Keeps the base of a node's orders."""

    def __init__(self, node: Node, feed: Feed, run: RunJob = run_basing) -> None:
        self._node = node
        self._feed = feed
        self._run = run
        self._making: asyncio.Task[str] | None = None
        self._tries = TRIES
        self._rest = 0  # until these unix seconds, after making one failed

    async def load(self) -> Position | None:
        """Open the base in use; return how far it goes, None: there is none that is whole."""
        feed = self._feed
        try:
            feed.base = await asyncio.to_thread(load_base, feed.folder)
        except (Refused, OSError) as error:
            logger.warning("feed: %s; it is made anew, what is in force stays", error)
            await asyncio.to_thread(forget, feed.folder)
        if feed.base is None:
            return None
        feed.judged = feed.base.state.judged
        return feed.base.state.position

    async def begin(self, fetch: Fetch, now: int) -> None:
        """Take the snapshot of the feed, where there is nothing yet or all is from long ago. If it
        cannot be taken, the log has it all.

        Raises:
            OSError: a part of it cannot be had now.
        """
        mirror, trust = self._feed.mirror, self._feed.trust
        if mirror is None or trust is None or not self._tries or self._making is not None:
            return
        if mirror.position.edge.size and now - mirror.position.time < AWAY:
            return
        self._tries -= 1
        try:
            await self._begin(mirror, trust, fetch, now)
        except Refused as refused:
            self._feed.faults[refused.fault] += 1
            self._tries = 0
            logger.warning("feed: %s; it goes by the log", refused)
        except RulesError as error:
            self._tries = 0
            logger.warning("feed: the snapshot: %s; it goes by the log", error)

    async def _begin(self, mirror: Mirror, trust: Trust, fetch: Fetch, now: int) -> None:
        feed = self._feed
        statement = await fetch_snapshot(mirror, fetch, now)
        if statement is None:
            self._tries = 0
            return
        found = await asyncio.to_thread(read_snapshot, mirror.folder, mirror.log)
        if found is None:
            return
        pieces = tuple(f"{LOG}/{path}" for path in statement.paths)
        # Until there are orders in force, nothing that this node does matters more.
        nice = bool(self._node.ruling.inputs.orders) or feed.base is not None
        name = await self._make(found[1], pieces, statement.size, trust, now, nice=nice)
        base = await asyncio.to_thread(open_base, feed.folder, name)
        await asyncio.to_thread(use, feed.folder, name)
        feed.base, feed.judged = base, base.state.judged
        mirror.position = base.state.position
        logger.info("feed: begun with the snapshot of %d segments", statement.size)

    def start(self, trust: Trust, now: int) -> None:
        """Have a base made in the background, if it is time and none is being made."""
        feed = self._feed
        position = None if feed.mirror is None else feed.mirror.position
        if self._making is not None or position is None or feed.enforced is not position:
            return
        if now < self._rest or not self._is_due(position, trust, now):
            return
        self._rest = now + REST
        base = feed.base
        body, first = ((), 0) if base is None else (base.state.body, base.state.position.edge.size)
        self._making = asyncio.ensure_future(self._make(position, body, first, trust, now))

    async def finished(self) -> Base | None:
        """Return a base that has been made meanwhile; it is not in use yet."""
        if self._making is None or not self._making.done():
            return None
        task, self._making = self._making, None
        try:
            return await asyncio.to_thread(open_base, self._feed.folder, task.result())
        except (Refused, RulesError, OSError) as error:
            logger.warning("feed: orders are not merged, what is in force stays: %s", error)
            return None

    def remember(self, orders: tuple[Order, ...], base: OrderBase | None) -> None:
        """Keep what is in force now, for the next start. OSError."""
        name = "" if self._feed.base is None or base is None else self._feed.base.name
        off = frozenset[int]() if base is None else base.off
        self._feed.folder.mkdir(parents=True, exist_ok=True)
        remember_orders(self._feed.folder / FILE, InForce(name, off, orders))

    def _is_due(self, position: Position, trust: Trust, now: int) -> bool:
        base = self._feed.base
        over = sum(each.count for each in position.ledger.entries.values() if not each.held)
        if base is None:
            return over > MOST_OVER
        is_old = now - base.state.made_at > DAY and position.edge != base.state.position.edge
        others = base.state.scales != scales_hash(trust.registry, self._names(trust), trust.popular)
        lacks = missing_class(base, self._feed.judged.values())
        return over > MOST_OVER or is_old or others or lacks

    async def _make(  # noqa: PLR0913 - what a base is made of
        self,
        position: Position,
        body: tuple[str, ...],
        first: int,
        trust: Trust,
        now: int,
        *,
        nice: bool = True,
    ) -> str:
        name = f"{position.edge.size}-{secrets.token_hex(4)}"
        job = make_job(
            self._feed.folder,
            name,
            position,
            body=body,
            first=first,
            registry=trust.registry,
            must_not_block=self._names(trust),
            popular=trust.popular,
            now=now,
            nice=nice,
        )
        await self._run(job)
        return name

    def _names(self, trust: Trust) -> tuple[str, ...]:
        return tuple(sorted({*self._node.book.must_not_block, trust.policy.canaries}))


def in_force_before(inputs: Inputs, state: Path) -> Inputs:
    """Return `inputs` with what was in force of the feed when this node ended, however it ended:
    orders, and the core of what is never decrypted.
    """
    folder = state / "feed"
    known: InForce | None = None
    try:
        known = recall_orders(folder / FILE)
    except (Refused, OSError) as error:
        logger.warning("feed: %s; orders come back as they are read", error)
    base = None
    try:
        base = _base_before(folder, known)
    except (Refused, OSError) as error:
        logger.warning("feed: %s; its orders come back as they are read", error)
    never = None
    try:
        trust = recall(folder / KEPT_TRUST)
        never = None if trust is None else trust.never
    except (Refused, OSError) as error:
        logger.warning("feed: %s; never decrypted is what the package names, meanwhile", error)
    orders = () if known is None else known.orders
    return replace(inputs, orders=orders, base=base, never=never)


def _base_before(folder: Path, known: InForce | None) -> OrderBase | None:
    if known is not None and known.base:
        try:
            found = open_base(folder, known.base)
        except FileNotFoundError:
            pass  # a merge came after it
        else:
            return replace(found.rules(found.state.judged), off=known.off)
    current = load_base(folder)
    return None if current is None else current.rules(current.state.judged)
