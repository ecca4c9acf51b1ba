"""Sending to the hub: receipts first, then counts, signs of going round, then candidates. One task
of a node.

What is sent waits on disk until the hub has it. Whatever the hub or the way to it does costs this
task, nobody else.
"""

import asyncio
import logging
import random
import time
from typing import Any

import httpx

from filterd.app.node import Node
from filterd.app.reporting import Reporting
from filterd.feed.delivery import RECEIPTS, Fate, Outcome, outcome, parcel, pause
from filterd.report.outgoing import Made

logger = logging.getLogger(__name__)
PATIENCE = httpx.Timeout(30.0, connect=10.0)
LONGEST = 60.0  # seconds for one request and its answer
MOST_ANSWER = 65_536  # bytes that are read of an answer
LOOK = 5.0  # seconds between two looks whether the node is enrolled
SPREAD = 0.2  # of the time between two sendings of counts
GATHERED = (
    720.0  # seconds that receipts for what was not urgent may wait for others; see `late_after`
)
SOON = 2.0  # seconds within which a receipt leaves: not every node's in the same moment
Json = Any
_PLAIN = {"Accept-Encoding": "identity"}


class Sender:
    """Sends what a node reports, until cancelled."""

    def __init__(self, node: Node, reporting: Reporting, client: httpx.AsyncClient) -> None:
        self._node = node
        self._reporting = reporting
        self._sent = reporting.sent
        self._client = client
        self._hub = node.config.feed.hub or ""
        self._rng = random.Random()  # noqa: S311 - it spreads load
        self._failures = 0  # in a row
        self._receipts_due = 0.0
        self._due = 0.0  # when counts are sent next, in seconds of the steady clock
        self._flushed = False  # for this sending
        self._one_by_one = False  # receipts: one of many was refused
        self._arrived = asyncio.Event()
        loop = asyncio.get_running_loop()
        reporting.outbox.arrived = lambda: _ring(loop, self._arrived)

    async def run(self) -> None:
        """Send what is due, wait, and again."""
        while True:
            try:
                wait = await self.step()
            except OSError as error:
                wait = self._failed(Outcome(Fate.LATER, f"the spool: {error.strerror or error}"))
            if wait is not None:
                await asyncio.sleep(wait)
            elif await self._woken(max(0.0, self._next_due - time.monotonic())):
                await asyncio.sleep(self._rng.uniform(0.0, SOON))

    @property
    def _next_due(self) -> float:
        waiting = bool(self._reporting.outbox.sizes)
        return min(self._due, self._receipts_due) if waiting else self._due

    async def step(self) -> float | None:
        """Send all that is due. Returns the seconds in which nothing is to be sent; None: whatever
        comes. OSError: the disk.
        """
        if await asyncio.to_thread(self._reporting.enrolled) is None:
            self._complain("this node is not enrolled: `filterd feed enrol CODE`")
            return LOOK
        while True:
            done = await self._send_receipts() or await self._send_batch()
            if done is None:
                if not self._failures:
                    self._sent.problem = None
                return None
            if done.fate in {Fate.LATER, Fate.UNKNOWN_NODE}:
                return self._failed(done)
            self._failures, self._sent.problem = 0, None

    async def _send_receipts(self) -> Outcome | None:
        """Send the newest receipts; None: there are none."""
        outbox = self._reporting.outbox
        if not outbox.is_urgent and time.monotonic() < self._receipts_due:
            return None
        taken = outbox.take(1 if self._one_by_one else RECEIPTS)
        if not taken:
            self._one_by_one = False
            self._receipts_due = time.monotonic() + GATHERED
            return None
        body = await asyncio.to_thread(self._reporting.told, taken.values())
        done = await self._post("/v1/receipts", body)
        if done.fate is Fate.TAKEN:
            await asyncio.to_thread(outbox.done, taken)
            self._sent.receipts += len(taken)
        elif done.fate is Fate.REFUSED and len(taken) > 1:
            self._one_by_one = True  # the others are good
        elif done.fate is Fate.REFUSED:
            logger.error("report: a receipt is set aside: %s", done.why)
            await asyncio.to_thread(outbox.refuse, taken, done.why)
        return done

    async def _send_batch(self) -> Outcome | None:
        """Send the next batch, if it is time; None: there is none."""
        if time.monotonic() < self._due:
            return None
        made = await asyncio.to_thread(self._next)
        if made is None:
            self._flushed = False
            spread = self._rng.uniform(1 - SPREAD, 1 + SPREAD)
            self._due = time.monotonic() + self._node.config.report.every * spread
            return None
        spool = self._reporting.spool
        done = await self._post("/v1/reports", made.sealed)
        if done.fate is Fate.TAKEN:
            await asyncio.to_thread(spool.done, made)
            self._sent.batches += 1
        elif done.fate is Fate.REFUSED:
            logger.error("report: a batch is set aside: %s", done.why)
            await asyncio.to_thread(spool.refuse, made, done.why)
        return done

    def _next(self) -> Made | None:
        now = time.time()
        if not self._flushed:
            self._node.flush_events()
            self._reporting.look_for_candidates(now)
            self._reporting.look_for_sites(now)
            self._reporting.look_for_signals(now)
            self._flushed = True
        return self._reporting.next(now)

    async def _post(self, path: str, body: bytes) -> Outcome:
        url, signer = f"{self._hub}{path}", self._reporting.signer
        made = await asyncio.to_thread(parcel, url, body, signer, int(time.time()))
        self._sent.requests += 1
        self._sent.bytes += len(made.content)
        try:
            async with (
                asyncio.timeout(LONGEST),
                self._client.stream(
                    "POST",
                    url,
                    content=made.content,
                    headers=_PLAIN | dict(made.headers),
                ) as answer,
            ):
                said = b""
                # Packed, 64 KiB may be gigabytes; nothing that is answered needs that.
                if "content-encoding" not in answer.headers:
                    async for piece in answer.aiter_bytes():
                        said += piece
                        if len(said) > MOST_ANSWER:
                            break
                headers = {name.lower(): value for name, value in answer.headers.items()}
                done = outcome(answer.status_code, headers, said, time.time())
        except (httpx.HTTPError, TimeoutError) as error:
            return Outcome(Fate.LATER, f"cannot be reached: {error or type(error).__name__}")
        if done.fate is Fate.TAKEN:
            self._sent.at = time.time()
        if done.fate in {Fate.TAKEN, Fate.REFUSED}:
            self._reporting.takes = done.takes  # of a refusal none: several days' signs may wait
        return done

    async def _woken(self, seconds: float) -> bool:
        """Wait; True: a receipt came."""
        try:
            async with asyncio.timeout(seconds):
                await self._arrived.wait()
        except TimeoutError:
            return False
        self._arrived.clear()
        return True

    def _failed(self, done: Outcome) -> float:
        wait = pause(self._failures, done.wait, self._rng)
        self._failures += 1
        self._sent.failures += 1
        self._complain(done.why)
        return wait

    def _complain(self, problem: str) -> None:
        if problem != self._sent.problem:
            logger.warning("report: %s (%s); what is to be sent waits on disk", problem, self._hub)
        self._sent.problem = problem


def _ring(loop: asyncio.AbstractEventLoop, event: asyncio.Event) -> None:
    loop.call_soon_threadsafe(event.set)
