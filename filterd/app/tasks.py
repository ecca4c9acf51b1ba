"""What a node does beside answering: events out, lists in, plans anew. Each chore is one task;
a fault in one is logged and tried again, and never touches the doors.
"""

import asyncio
import itertools
import logging
import time
from concurrent.futures import ThreadPoolExecutor

from filterd.app.again import again
from filterd.app.bypassing import SECONDS as BYPASS_SECONDS
from filterd.app.bypassing import Bypassing, wanted
from filterd.app.cases import case_folder, take_in
from filterd.app.change import Change, attempt
from filterd.app.following_clients import follow_everybody
from filterd.app.forwarding import NOTHING, look_after
from filterd.app.gating import watch_always
from filterd.app.handing_over import hand_over_always
from filterd.app.http_labels import follow_labels
from filterd.app.lists_work import wanted_lists
from filterd.app.node import Node
from filterd.feed.outbox import Outbox
from filterd.lists.status import ListStatus, State, status
from filterd.lists.store import ListStore
from filterd.report.courtesy import stand_back
from filterd.report.handoffs import FOLDER as HANDOFFS
from filterd.report.handoffs import KEPT, expire_handoffs

logger = logging.getLogger(__name__)
EVENTS_SECONDS = 1.0
# What is asked for again before counts are written is one row instead of two, and most is: seldom
# is cheap. `filterd log` has them written when it looks.
COUNTS_EVERY = 30  # of these
GATHER_EVERY = 5
MANY = 100_000  # rows of counts that are written sooner, while there is room for their names
LISTS_SECONDS = 15.0
UPSTREAMS_SECONDS = 2.0
CASES_SECONDS = 60.0
HANDOFFS_SECONDS = 86_400.0


class Chores:
    """The background tasks of a node."""

    def __init__(self, node: Node, change: Change) -> None:
        self._node = node
        self._change = change
        self._tasks: list[asyncio.Task[None]] = []
        self._outbox = Outbox(node.paths.state / "feed/receipts") if node.config.feed.hub else None
        self._clerk = ThreadPoolExecutor(1, "filterd-counts", stand_back)

    def start(self) -> None:
        """Start them all."""
        self._node.reports_soon = self._outbox is not None
        labels = self._node.http_told is not None and self._node.config.http.labels.on
        for chore in (
            self._events,
            self._lists,
            self._plan,
            self._who,
            self._upstreams,
            self._cases,
            *((self._feed,) if self._node.config.feed.url is not None else ()),
            *((self._reports,) if self._outbox is not None else ()),
            self._http,
            self._handoffs,
            *((self._bypass,) if wanted(self._node.config) else ()),
            self._gateway,
            *((self._labels,) if labels else ()),
        ):
            self._tasks.append(asyncio.create_task(chore(), name=chore.__name__))

    async def stop(self) -> None:
        """End them; events that wait are kept."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._clerk.shutdown()
        self._node.reports_soon = False
        self._node.flush_events()
        if self._node.bypass is not None:
            self._node.bypass.keep()

    async def _events(self) -> None:
        """Take events from the core and prefetches to upstream, every second; counts less often."""
        loop = asyncio.get_running_loop()
        for second in itertools.count(1):
            await asyncio.sleep(EVENTS_SECONDS)
            try:
                await loop.run_in_executor(self._clerk, self._keep_books, second)
            except (ValueError, KeyError, IndexError):
                logger.exception("events of the last second are lost")
            self._node.engine.poke()

    def _keep_books(self, second: int) -> None:
        many = second % GATHER_EVERY == 0 and self._node.engine.gather_counts() > MANY
        self._node.flush_events(counts=many or second % COUNTS_EVERY == 0)

    async def _lists(self) -> None:
        """Use what is on disk, then fetch each list when it is due."""
        node = self._node
        if node.config.lists:
            node.problems["lists"] = "what is on disk is being read"
            await attempt(self._change.use_lists(_silent), "compiling lists", node.problems)
        while True:
            now = time.time()
            node.lists = await self._looked_at(now)
            due = [s.name for s in node.lists if s.next_refresh is None or s.next_refresh <= now]
            missing = [s.name for s in node.lists if s.name in due and s.state is State.MISSING]
            if missing and "lists" in node.problems:  # only in the first round
                node.problems["lists"] = f"fetched for the first time: {', '.join(missing)}"
            else:
                node.problems.pop("lists", None)
            if due:
                work = self._change.refresh_lists(due, [], _silent)
                await attempt(work, "refreshing lists", node.problems)
                node.lists = await self._looked_at(time.time())
                node.problems.pop("lists", None)  # how each stands is for the metrics to tell
            await asyncio.sleep(LISTS_SECONDS)

    async def _looked_at(self, now: float) -> tuple[ListStatus, ...]:
        """Read how the lists stand, off the loop: a slow disk must not slow an answer."""
        node = self._node
        wanted = wanted_lists(node.config, node.book)
        return await asyncio.to_thread(status, wanted, ListStore(node.paths.state), now)

    async def _feed(self) -> None:
        """Follow the ministry's feed."""
        from filterd.app.ministry import follow  # noqa: PLC0415  loaded by now, see life.py

        await follow(self._node, self._change, self._outbox)

    async def _reports(self) -> None:
        """Report to the hub."""
        assert self._outbox is not None
        from filterd.app.ministry import report  # noqa: PLC0415  loaded by now, see life.py

        await report(self._node, self._outbox)

    async def _http(self) -> None:
        """Hand over what is in force to the HTTP filter, where there is one."""
        await again("http", lambda: hand_over_always(self._node))

    async def _labels(self) -> None:
        """Fetch age labels for the HTTP filter."""
        await again("labels", lambda: follow_labels(self._node))

    async def _bypass(self) -> None:
        """Count what signs there are of going round the filter."""
        node = self._node
        known = node.bypass = Bypassing(node.paths.state, lambda: node.config, node.names_of)
        await again("bypass", lambda: self._look_for_signs(known))

    async def _look_for_signs(self, known: Bypassing) -> None:
        while True:
            if self._node.http_told is not None:
                known.take_told(self._node.http_told.take_tried())
            await asyncio.to_thread(known.look)
            await asyncio.sleep(BYPASS_SECONDS)

    async def _handoffs(self) -> None:
        """Remove hand-offs whose time is over."""
        folder = self._node.paths.state / HANDOFFS
        while True:
            try:
                gone = await asyncio.to_thread(expire_handoffs, folder, int(time.time() - KEPT))
                if gone:
                    logger.info("hand-offs: %d were older than a year and are removed", gone)
                self._node.problems.pop("handoffs", None)
            except OSError as error:
                self._node.problems["handoffs"] = f"old ones cannot be removed: {error}"
                logger.error("hand-offs: %s", error)  # noqa: TRY400
            await asyncio.sleep(HANDOFFS_SECONDS)

    async def _gateway(self) -> None:
        """Follow the firewall's table, where this is a gateway."""
        await again("gateway", lambda: watch_always(self._node))

    async def _plan(self) -> None:
        """Build the plan anew before it ends, and follow what is said by hand on disk."""
        node = self._node
        while True:
            await asyncio.sleep(EVENTS_SECONDS)
            await attempt(self._change.listen(), "reading overrides", node.problems)
            until = node.ruling.until
            if until is not None and time.time() >= until:
                await attempt(self._change.rebuild(), "renewing the plan", node.problems)

    async def _who(self) -> None:
        """Follow clients to where they are."""
        await again("who", lambda: follow_everybody(self._node, self._change))

    async def _upstreams(self) -> None:
        """Follow how the servers do that the core asks."""
        seen = NOTHING
        while True:
            seen = look_after(self._node, seen)
            await asyncio.sleep(UPSTREAMS_SECONDS)

    async def _cases(self) -> None:
        """Take in what is said to be blocked by mistake."""
        folder = case_folder(self._node.paths)
        loop = asyncio.get_running_loop()
        while True:
            await loop.run_in_executor(self._clerk, take_in, folder, time.time())
            await asyncio.sleep(CASES_SECONDS)


def _silent(_step: str, _done: int, _total: int | None) -> None:
    """Nobody watches."""
