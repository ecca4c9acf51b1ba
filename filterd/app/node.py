"""A running node: what it is made of, and its life from start to stop.

Order matters and is written out: state, rules, upstream, engine, doors, then the things that only
watch. Stopping goes the other way. Whatever fails at the start, nothing is left half open.
"""

import asyncio
import contextlib
import logging
import os
import secrets
import time
from collections import deque
from dataclasses import dataclass, field
from pathlib import Path
from zoneinfo import ZoneInfo

from filterd.app.change import Change
from filterd.app.handlers import handlers
from filterd.app.observing import events_of, source_of
from filterd.app.paths import Paths
from filterd.app.ruling import Inputs, Ruling, build_ruling, list_specs
from filterd.app.system_dns import system_nameservers
from filterd.app.tasks import Chores
from filterd.app.watching import open_metrics
from filterd.config.schema import Config
from filterd.control.server import ControlServer
from filterd.dns.tcp import TcpDoor, TcpLimits, open_tcp
from filterd.dns.udp import open_udp
from filterd.engine.engine import Engine, EngineSettings, MissTimes
from filterd.engine.local import LocalData, LocalRecord
from filterd.lists.index_store import IndexStore, Loaded
from filterd.metrics.http import MetricsServer
from filterd.model.group import RuleBook
from filterd.policy.overrides import read as read_overrides
from filterd.report.daykey import DayKey
from filterd.report.privacy import Level
from filterd.report.recorder import Recorder
from filterd.report.store import Retention, SqliteSink
from filterd.report.writer import Writer
from filterd.upstream.resolver import Resolver, Settings

logger = logging.getLogger(__name__)
DRAIN_SECONDS = 3.0
DNS_PORT = 53
EARLIER = 8  # generations whose counts the core may still tell
EVENTS = 5000  # taken from the core at once


@dataclass(slots=True)
class Node:
    """One filterd process. Everything in it runs on one event loop."""

    config: Config
    book: RuleBook
    paths: Paths
    config_path: Path | None
    ruling: Ruling
    resolver: Resolver
    engine: Engine
    recorder: Recorder
    writer: Writer | None
    started: float
    doors: list[asyncio.DatagramTransport | asyncio.Server] = field(default_factory=list)
    connections: list[TcpDoor] = field(default_factory=list)
    metrics: MetricsServer | None = None
    control: ControlServer | None = None
    chores: Chores | None = None
    change: Change | None = None
    problems: dict[str, str] = field(default_factory=dict)  # what -> why, for /readyz and status
    earlier: deque[Ruling] = field(default_factory=lambda: deque(maxlen=EARLIER))

    @property
    def generation(self) -> int:
        """The number of the ruling in force."""
        return self.ruling.snapshot.generation

    def put_in_force(self, ruling: Ruling) -> None:
        """Swap the ruling for every query from now on."""
        self.flush_events()
        self.earlier.append(self.ruling)
        self.engine.swap(ruling.snapshot)
        self.ruling = ruling
        logger.info("rules in force: generation %d", self.generation)

    def names_of(self, generation: int, class_id: int) -> tuple[str | None, str | None] | None:
        """Return list and category of a class of a recent generation."""
        for ruling in (self.ruling, *self.earlier):
            if ruling.snapshot.generation == generation and class_id < len(ruling.classes):
                rule = ruling.classes[class_id]
                return source_of(rule), rule.category
        return None

    def flush_events(self) -> None:
        """Hand the core's events to the recorder. Called before each swap too, because an event's
        class number belongs to the ruling that made it.
        """
        while rows := self.engine.events(EVENTS):
            self.recorder.record(events_of(rows, self.ruling), time.time())
        self.recorder.record((), time.time())


async def start_node(
    config: Config, book: RuleBook, config_path: Path | None, *, background: bool = True
) -> Node:
    """Open everything and answer queries.

    Raises:
        ConfigError, RulesError: nothing was started.
        OSError: an address or a file cannot be had; nothing is left open.
    """
    loop = asyncio.get_running_loop()
    paths = Paths.of(config, os.environ)
    paths.state.mkdir(parents=True, exist_ok=True)
    now = time.time()
    inputs = current_inputs(config, book, paths)
    ruling = build_ruling(inputs, now, 1)
    resolver = Resolver(upstream_settings(config), loop)
    writer = make_writer(config, paths)
    node = Node(
        config=config,
        book=book,
        paths=paths,
        config_path=config_path,
        ruling=ruling,
        resolver=resolver,
        engine=Engine(
            ruling.snapshot,
            engine_settings(config),
            resolver,
            local_data(config),
            clock=time.time,
            times=MissTimes(
                deadline=config.upstream.timeout,
                stale_wait=config.cache.stale.wait,
            ),
        ),
        recorder=make_recorder(config, paths, writer),
        writer=writer,
        started=now,
    )
    try:
        await _open(node, background=background)
    except BaseException:
        await stop_node(node)
        raise
    return node


async def _open(node: Node, *, background: bool) -> None:
    config = node.config
    if node.writer is not None:
        node.writer.start()
    for address in config.listen.udp:
        transport, _ = await open_udp(address.host, address.port, node.engine, time.time)
        node.doors.append(transport)
    limits = TcpLimits(
        idle=config.listen.tcp_limits.idle_timeout,
        connections=config.listen.tcp_limits.max_connections,
        per_client=config.listen.tcp_limits.max_per_client,
    )
    for address in config.listen.tcp:
        server, door = await open_tcp(address.host, address.port, node.engine, time.time, limits)
        node.doors.append(server)
        node.connections.append(door)
    change = node.change = Change(node)
    if config.metrics.listen is not None:
        node.metrics = open_metrics(node)
        await node.metrics.start(config.metrics.listen.host, config.metrics.listen.port)
    node.control = ControlServer(node.paths.control, handlers(node, change))
    await node.control.start()
    if background:
        node.chores = Chores(node, change)
        node.chores.start()


async def stop_node(node: Node) -> None:
    """Answer what waits, for `DRAIN_SECONDS` at most, then close everything."""
    if node.chores is not None:
        await node.chores.stop()
    if node.control is not None:
        await node.control.close()
    for door in node.doors:
        if isinstance(door, asyncio.Server):
            door.close()
    loop = asyncio.get_running_loop()
    end = loop.time() + DRAIN_SECONDS
    while not node.engine.idle and loop.time() < end:  # noqa: ASYNC110 - the engine tells nobody
        await asyncio.sleep(0.05)
    for connection in node.connections:
        connection.close()
    for door in node.doors:
        door.close()
    if node.metrics is not None:
        await node.metrics.close()
    node.engine.close()
    node.resolver.close()
    if node.writer is not None:
        await asyncio.to_thread(node.writer.close)


def current_inputs(config: Config, book: RuleBook, paths: Paths) -> Inputs:
    """Read what a ruling needs from disk: compiled lists and overrides."""
    overrides = read_overrides(paths.overrides, ZoneInfo(config.timezone))
    for problem in overrides.problems:
        logger.warning("overrides: line %d left out: %s", problem.line, problem.message)
    return Inputs(config, book, overrides.items, load_lists(config, book, paths))


def load_lists(config: Config, book: RuleBook, paths: Paths) -> Loaded | None:
    """Return the compiled lists in use, if any are configured and compiled."""
    if not list_specs(config, book):
        return None
    with contextlib.suppress(OSError):
        return IndexStore(paths.state).load()
    return None


def upstream_settings(config: Config) -> Settings:
    """Return the upstream floor's settings."""
    upstream = config.upstream
    ours = [door.host for door in config.listen.udp if door.port == DNS_PORT]
    system = system_nameservers(ours)
    return Settings(
        servers=tuple(str(each) for each in upstream.servers) or system,
        strategy=upstream.strategy,
        zones=tuple(
            (zone, tuple(str(each) for each in servers)) for zone, servers in upstream.zones.items()
        ),
        bootstrap=tuple(str(each) for each in upstream.bootstrap) or system,
        max_in_flight=upstream.max_waiting,
        ca_file=None if upstream.ca_file is None else str(upstream.ca_file),
    )


def engine_settings(config: Config) -> EngineSettings:
    """Return the core's settings."""
    cache = config.cache
    return EngineSettings(
        cache_bytes=cache.size,
        max_misses=config.upstream.max_waiting,
        min_ttl=cache.min_ttl,
        max_ttl=cache.max_ttl,
        negative_ttl=cache.negative_ttl,
        stale_ttl=cache.stale.ttl,
        stale_answer_ttl=cache.stale.answer_ttl,
        prefetch=cache.prefetch,
        # What passes is only worth an event where single queries are kept.
        log_pass=config.privacy.level in {"pseudonym", "full"},
    )


def local_data(config: Config) -> LocalData:
    """Return the local records and the zones that are forwarded."""
    records = [LocalRecord(r.name, r.type, r.value, r.ttl) for r in config.records]
    return LocalData(records, tuple(config.upstream.zones))


def make_writer(config: Config, paths: Paths) -> Writer | None:
    """Return the writer of the local log; None where nothing is kept."""
    if config.privacy.level == "none":
        return None
    retention = config.privacy.retention
    kept = Retention(
        aggregates=retention.aggregates,
        pseudonym=retention.pseudonym,
        full=retention.full,
        max_bytes=config.log.max_size,
    )
    paths.log.parent.mkdir(parents=True, exist_ok=True)
    return Writer(SqliteSink(paths.log, kept), clock=time.time, monotonic=time.monotonic)


def make_recorder(config: Config, paths: Paths, writer: Writer | None) -> Recorder:
    """Return the recorder: the privacy step in front of the writer."""
    key = DayKey(paths.day_key, ZoneInfo(config.timezone), secrets.token_bytes)
    return Recorder(Level(config.privacy.level), [writer] if writer is not None else [], key)


def readiness(node: Node) -> list[str]:
    """Return why the node is not ready; nothing: it is."""
    reasons = [f"{what}: {why}" for what, why in sorted(node.problems.items())]
    if node.config.lists and node.ruling.inputs.lists is None:
        reasons.append("lists: none is compiled yet, only the school's own rules are in force")
    return reasons
