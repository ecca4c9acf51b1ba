"""Proof that orders are in force here: names asked at our own door, and receipts for what was seen.

The newest canary is seen blocked before a receipt is signed; an older one is seen answered again
after its end, without a network; and of what must never be blocked one name is asked from time to
time.
"""

import asyncio
import logging
import random
import time
from collections.abc import Awaitable, Callable

from filterd import __version__
from filterd.app.feed_state import Feed
from filterd.app.node import Node
from filterd.app.probing import LONG, is_blocked, is_ordered
from filterd.config.addresses import ListenAddress
from filterd.feed.canary import is_canary
from filterd.feed.canonical import canonical, read_object
from filterd.feed.follow import Position
from filterd.feed.keys import node_key, public_key
from filterd.feed.receipt import MOST_HELD, Check, Receipt, sign_receipt
from filterd.feed.refusal import Fault, Refused
from filterd.model.durable import write_atomically
from filterd.model.order import Order, Priority

logger = logging.getLogger(__name__)
RECEIPT = "receipt.json"
KEY = "node.key"
MOST = 64 * 1024  # bytes of a receipt
TICK = 0.5  # seconds between looks at what has ended
OPEN_SECONDS = 3600.0  # between two names that must not be blocked
AGAIN = 5.0  # seconds until a receipt that could not be signed is tried again
GRACE = 5.0  # seconds after which a canary that is still blocked is told


class Prover:
    """Signs receipts for a node."""

    def __init__(self, node: Node, feed: Feed) -> None:
        self._node = node
        self._feed = feed
        self._said: tuple[int, tuple[int, ...]] = (0, ())  # size and held of the newest receipt
        self._tried_at = 0.0
        self._ended = -1  # the newest segment whose canary was seen to end

    @property
    def _door(self) -> ListenAddress | None:
        doors = self._node.config.listen.udp
        return doors[0] if doors else None

    @property
    def _proxies(self) -> tuple[str, ...]:
        return self._node.config.listen.proxies

    def recall(self) -> None:
        """Take up where the last run ended. OSError, Refused: what it kept does not read."""
        file = self._feed.folder / RECEIPT
        if file.exists():
            kept = read_object(file.read_bytes(), MOST)
            plain = kept.get("receipt")
            if not isinstance(plain, dict) or type(plain.get("size")) is not int:
                raise Refused(Fault.MALFORMED, f"{file.name} is damaged; another will be signed")
            self._feed.receipt, self._feed.proved = kept, plain["size"]
            self._said = (plain["size"], tuple(plain.get("held", ())))

    def is_due(self) -> bool:
        """Say whether there is something to sign. A receipt waits while all that is new waits for
        its turn in a staged roll-out.
        """
        feed = self._feed
        size = 0 if feed.enforced is None else feed.enforced.edge.size
        if size == 0 or not feed.segments or self._door is None:
            return False
        moment = self._node.ruling.made_at
        if size > feed.proved:
            return feed.has_begun(feed.proved, moment)
        return (size, feed.held(moment)) != self._said

    async def prove(self, position: Position) -> None:
        """Sign a receipt for `position`, whose orders are in force.

        Raises:
            OSError: its canary is not seen blocked, or too much is held back; none is signed.
        """
        feed, door, applied_at = self._feed, self._door, milliseconds()
        self._tried_at = time.monotonic()
        if door is None:
            return
        held = feed.held(self._node.ruling.made_at)
        if len(held) > MOST_HELD:
            raise OSError(f"{len(held)} segments are held back; no receipt can name them all")
        canary = feed.segments[-1].canary
        if feed.trust is None or not is_canary(feed.segments[-1], feed.trust.policy.canaries):
            feed.failed["canary"] += 1
            raise OSError(f"no canary, no receipt: {canary[:80]!r} is none")
        if not await is_ordered(canary, door, proxies=self._proxies):
            feed.failed["canary"] += 1
            raise OSError(f"the canary {canary} is not blocked here; no receipt is signed")
        signer = await asyncio.to_thread(node_key, feed.folder / KEY)
        checks = tuple(feed.checks)
        receipt = Receipt(
            node=public_key(signer).id,
            size=position.edge.size,
            root=position.edge.root,
            state=position.ledger.root,
            received_at=min(feed.received_at or applied_at, applied_at),
            applied_at=applied_at,
            observed_at=milliseconds(),
            refused=sum(each.fault is not None for each in feed.judged.values()),
            software=f"filterd {__version__}",
            checks=checks,
            held=held,
        )
        feed.receipt = sign_receipt(receipt, signer)
        # On its way before it is noted as signed: whoever is cut off in between signs another.
        if feed.outbox is not None:
            await asyncio.to_thread(feed.outbox.put, feed.receipt, urgent=self._is_urgent())
        for check in checks:
            feed.checks.remove(check)
        feed.proved, self._said = position.edge.size, (position.edge.size, held)
        await asyncio.to_thread(write_atomically, feed.folder / RECEIPT, canonical(feed.receipt))

    def _is_urgent(self) -> bool:
        """Say whether something that is new was urgent, or ends an order."""
        feed = self._feed
        acts = (
            signed.act
            for segment in feed.segments
            if segment.number >= feed.proved
            for signed in segment.acts
        )
        return any(not isinstance(a, Order) or a.priority is Priority.URGENT for a in acts)

    async def watch(self, renew: Callable[[], Awaitable[None]]) -> None:
        """Look at what ends, until cancelled. `renew` signs a receipt if one is due."""
        asked_at = time.time() - random.uniform(0, OPEN_SECONDS)  # noqa: S311 - not all at once
        while True:
            await asyncio.sleep(TICK)
            now = time.time()
            try:
                await self._see_end(now)
                if now - asked_at > OPEN_SECONDS and self._feed.proved:
                    asked_at = now
                    await self._see_open(now)
            except OSError as error:
                logger.warning("feed: a name cannot be checked at our own door: %s", error)
            if self._feed.is_turn(now) or (
                self.is_due() and time.monotonic() - self._tried_at > AGAIN
            ):
                await renew()

    async def _see_end(self, now: float) -> None:
        """See that the newest canary that has ended is not blocked any more."""
        feed, door = self._feed, self._door
        over = (
            each
            for each in feed.segments
            if each.number < feed.proved and self._ended < each.number and feed.ends.of(each) <= now
            if feed.trust is not None and is_canary(each, feed.trust.policy.canaries)
        )
        newest = max(over, key=lambda each: each.number, default=None)
        if newest is None or door is None:
            return
        due, asked_at = feed.ends.of(newest), milliseconds()  # upstream's time is not ours
        good = not await is_ordered(newest.canary, door, LONG, self._proxies)
        if good or now - due > GRACE:
            self._ended = newest.number
            self._note(Check("expiry", str(newest.number), due * 1000, asked_at, good))
        if not good and now - due > GRACE:
            logger.warning("feed: the canary %s is blocked after its end", newest.canary)

    async def _see_open(self, now: float) -> None:
        """See that a name that must never be blocked is not."""
        names, door = self._node.book.must_not_block, self._door
        if not names or door is None:
            return
        name = random.choice(names)  # noqa: S311 - any of them
        good = not await is_blocked(name, door, LONG, self._proxies)
        self._note(Check("open", name, int(now * 1000), milliseconds(), good))
        if not good:
            logger.warning("feed: %s is blocked here, and must never be", name)

    def _note(self, check: Check) -> None:
        self._feed.checks.append(check)
        if not check.good:
            self._feed.failed[check.kind] += 1


def milliseconds() -> int:
    """Return the time in unix milliseconds."""
    return time.time_ns() // 1_000_000
