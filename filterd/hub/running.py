"""One hub process: opens what it needs, serves until it is told to stop.

Several share one listening socket, which their parent opened (`workers.py`); they share a database
and the feed's folder, and need nothing of each other.
"""

import asyncio
import logging
import os
import resource
import socket
import time
from functools import partial
from types import FrameType

import uvicorn
import uvloop

from filterd.config.addresses import ListenAddress
from filterd.config.hub import SQLITE, HubConfig
from filterd.control.notify import keep_alive, notify, watchdog_seconds
from filterd.hub.connection import Connection
from filterd.hub.database import open_database
from filterd.hub.events import Announcer
from filterd.hub.gauges import Gauges
from filterd.hub.intake import Intake
from filterd.hub.keeper import open_keeper
from filterd.hub.limits import Buckets, Desk
from filterd.hub.nodes import Nodes
from filterd.hub.numbers import Numbers
from filterd.hub.publishing import Publisher, Times
from filterd.hub.snapshots import Snapshots
from filterd.hub.state import Hub, terms_of
from filterd.hub.stream import Stream
from filterd.hub.web import build_app, not_ready
from filterd.metrics.http import MetricsServer
from filterd.model.clock import Clock
from filterd.policy.rulebook import default_directory, load_rulebook

logger = logging.getLogger(__name__)
THREADS = 8  # that speak to the database for nodes
ONE_WRITER = 2  # SQLite writes one after the other; the second thread looks nodes up meanwhile
WRITERS = 1  # a transaction at a time with what nodes send: the next takes all that came meanwhile
FOR_PEOPLE = 4
STUCK = 30_000  # milliseconds without an acknowledgement, after which the system gives a peer up
GRACE = 10  # seconds for what is at work when it is told to stop


def open_hub(config: HubConfig, environ: os._Environ[str] | dict[str, str]) -> Hub:
    """Return the parts of a process.

    Raises:
        ConfigError, DatabaseError, KeyFileError, Refused, RulesError: with what to do.
    """
    clock = Clock(time.time, time.monotonic)
    database = open_database(config.database, THREADS + FOR_PEOPLE + 2)
    book = load_rulebook(default_directory())
    for_nodes = Desk(
        ONE_WRITER if config.database.startswith(SQLITE) else THREADS,
        config.limits.waiting,
        "nodes",
    )
    publisher = Publisher(
        config.feed,
        None if config.log is None else open_keeper(config.feed, config.log, environ),
        database,
        book.must_not_block,
        clock,
        Times(config.publish_every, config.renew_every),
    )
    limits = config.limits
    hub = Hub(
        config=config,
        database=database,
        clock=clock,
        announcer=Announcer(config.feed, limits.subscribers),
        publisher=publisher,
        numbers=Numbers(),
        for_nodes=for_nodes,
        for_people=Desk(FOR_PEOPLE, limits.waiting, "people"),
        nodes=Nodes(database, for_nodes, clock),
        intake=Intake(database, for_nodes, WRITERS, limits.waiting),
        per_node=Buckets(limits.per_node, limits.node_burst),
        per_address=Buckets(limits.per_address, limits.per_address * 10),
        snapshots=Snapshots(config, clock),
        gauges=Gauges(database.read, time.monotonic, terms_of(config)),
    )
    _show(hub)
    if config.log is None:
        logger.info("publishes nothing: there is no `log` in its configuration")
    return hub


def serve(
    hub: Hub, listener: socket.socket, metrics: ListenAddress | None, parent: int | None = None
) -> None:
    """Serve on `listener` until SIGTERM or SIGINT, or until `parent` is this process's no more:
    who was left alone by a kill would keep the address from the next one.

    Raises:
        OSError: the metrics' address is taken.
        StreamError: NATS does not answer.
    """
    _raise_limit()
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, STUCK)
    config = uvicorn.Config(
        build_app(hub),
        http=Connection,
        ws="none",
        access_log=False,
        server_header=False,
        log_config=None,
        backlog=4096,
        timeout_keep_alive=60,
        timeout_graceful_shutdown=GRACE,
    )
    uvloop.run(_serve(_Server(config, hub, parent), listener, metrics, alone=parent is None))


class _Server(uvicorn.Server):
    """Ends subscriptions when it is told to stop; they would keep it waiting."""

    def __init__(self, config: uvicorn.Config, hub: Hub, parent: int | None) -> None:
        super().__init__(config)
        self._hub = hub
        self._parent = parent
        self._ticks = 0

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        super().handle_exit(sig, frame)
        self._captured_signals.clear()  # ending well is ending with status 0

    async def on_tick(self, counter: int) -> bool:
        if counter % 50 == 0:
            self._close_idle()
        if self._parent is not None and os.getppid() != self._parent:
            self.should_exit = True
        return await super().on_tick(counter)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        self._hub.announcer.close()
        await super().shutdown(sockets)

    def _close_idle(self) -> None:
        now = asyncio.get_running_loop().time()
        for each in list(self.server_state.connections):
            if isinstance(each, Connection):
                each.close_if_idle(now)


async def _serve(
    server: _Server, listener: socket.socket, metrics: ListenAddress | None, *, alone: bool
) -> None:
    hub = server._hub  # noqa: SLF001 - of this module
    door = MetricsServer(hub.numbers.registry, lambda: not_ready(hub), time.monotonic)
    if hub.config.nats is not None:
        hub.stream = await Stream.open([hub.config.nats])
    if metrics is not None:
        await door.start(metrics.host, metrics.port)
    telling = asyncio.create_task(_tell(server)) if alone else None  # else the parent tells
    try:
        await server.serve([listener])
    finally:
        if telling is not None:
            telling.cancel()
        await door.close()


async def _tell(server: _Server) -> None:
    """Tell systemd when it serves, and from then on that the loop turns."""
    while not server.started:  # noqa: ASYNC110 - uvicorn tells nobody
        await asyncio.sleep(0.05)
    notify("READY=1")
    await keep_alive(watchdog_seconds(os.getpid()), lambda: "")


def _raise_limit() -> None:
    """A subscriber is a descriptor; the soft limit of most systems is 1,024."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


def _show(hub: Hub) -> None:
    numbers, announcer = hub.numbers, hub.announcer
    numbers.watch(
        "filterd_hub_subscribers",
        "Subscribers of the feed's events, held by this process.",
        lambda: len(announcer.subscribers),
    )
    numbers.watch(
        "filterd_hub_announced_segments",
        "Segments of the newest checkpoint that this process tells its subscribers of.",
        lambda: announcer.newest.size,
    )
    numbers.watch(
        "filterd_hub_publish_problem",
        "1 while what waits cannot be published; the log says why.",
        lambda: float(hub.publisher.problem is not None),
    )
    numbers.watch(
        "filterd_hub_snapshot_problem",
        "1 while no new snapshot of the log can be made; the log says why.",
        lambda: float(hub.snapshots.problem is not None),
    )
    numbers.count(
        "filterd_hub_events",
        "Events sent to subscribers, heartbeats left out.",
        lambda: announcer.pushed,
    )
    numbers.count(
        "filterd_hub_subscribers_dropped",
        "Subscribers that took nothing for too long and were let go.",
        lambda: announcer.dropped,
    )
    numbers.count(
        "filterd_hub_published",
        "Orders and revocations put into the log by this process.",
        lambda: hub.publisher.published,
    )
    for word, desk in (("nodes", hub.for_nodes), ("people", hub.for_people)):
        numbers.watch(
            f"filterd_hub_{word}_waiting",
            f"Requests of {word} that wait for the database.",
            partial(getattr, desk, "waiting"),
        )
    numbers.add([hub.gauges])
