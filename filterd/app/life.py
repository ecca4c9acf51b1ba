"""The life of a node from start to stop.

Order matters and is written out: state, rules, upstream, engine, doors, then the things that only
watch. Stopping goes the other way. Whatever fails at the start, nothing is left half open.
"""

import asyncio
import logging
import os
import secrets
import time
from collections.abc import Awaitable, Callable
from contextlib import ExitStack, closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from filterd.app.fitness import unfit
from filterd.app.forwarding import core_routing
from filterd.app.gating import gate_settings
from filterd.app.guarding import guarding
from filterd.app.inherited import Inherited, inherit
from filterd.app.node import SAMPLE, Node
from filterd.app.parts import (
    current_inputs,
    engine_settings,
    local_data,
    make_recorder,
    make_writer,
    upstream_settings,
)
from filterd.app.paths import Paths
from filterd.app.ruling import Inputs, build_ruling
from filterd.config.listen import ListenConfig
from filterd.config.schema import Config
from filterd.core import Proxies
from filterd.dns.base import Answering
from filterd.dns.proxied import ProxiedUdpDoor
from filterd.dns.tcp import TcpDoor, TcpLimits, open_tcp
from filterd.dns.udp import UdpDoor, open_udp
from filterd.dns.workers import processors, reuseport_sockets
from filterd.engine.engine import Engine, MissTimes
from filterd.model.clock import Clock
from filterd.model.errors import ConfigError
from filterd.model.group import RuleBook
from filterd.report.writer import Writer
from filterd.upstream.resolver import Resolver

if TYPE_CHECKING:
    from filterd.app.attending import Attendance

logger = logging.getLogger(__name__)
DRAIN_SECONDS = 3.0
BANDS_KEY_BYTES = 16
CLOCK = Clock(time.time, time.monotonic)


@dataclass(slots=True)
class Living:
    """A node and all that was opened for it."""

    node: Node
    writer: Writer | None
    doors: list[asyncio.DatagramTransport | asyncio.Server] = field(default_factory=list)
    connections: list[TcpDoor] = field(default_factory=list)
    attendance: "Attendance | None" = None


async def open_node(
    config: Config, book: RuleBook, config_path: Path | None, *, background: bool = True
) -> Living:
    """Open everything and answer queries.

    Raises:
        ConfigError, RulesError: nothing was started.
        OSError: an address or a file cannot be had; nothing is left open.
    """
    loop = asyncio.get_running_loop()
    paths = Paths.of(config, os.environ)
    paths.state.mkdir(parents=True, exist_ok=True)
    now = time.time()
    inputs = _before(current_inputs(config, book, paths), paths.state)
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
            clock=CLOCK,
            times=MissTimes(
                deadline=config.upstream.timeout,
                stale_wait=config.cache.stale.wait,
            ),
        ),
        recorder=make_recorder(config, paths, writer),
        started=now,
    )
    living = Living(node, writer)
    try:
        guard = guarding(config, paths.state, secrets.token_bytes)
        node.engine.set_guard(guard.settings, guard.secrets)
        node.engine.set_gate(gate_settings(config))
        if config.feed.url is not None or config.feed.hub is not None:
            # What orders would hit, and about how many clients they did: of no use without.
            sample = SAMPLE if config.feed.url is not None or config.report.candidates else 0
            node.engine.set_bands(secrets.token_bytes(BANDS_KEY_BYTES), sample)
        await _open(living, background=background)
    except BaseException:
        await close_node(living)
        raise
    return living


def _before(inputs: Inputs, state: Path) -> Inputs:
    if inputs.config.feed.url is None:
        return inputs
    from filterd.app.basing import in_force_before  # noqa: PLC0415  see ministry.py

    return in_force_before(inputs, state)


async def _open(living: Living, *, background: bool) -> None:
    node = living.node
    if living.writer is not None:
        living.writer.start()
    await _open_doors(living, node.config.listen)
    attend = await asyncio.to_thread(_attending, node.config)
    living.attendance = await attend(node, living.connections, background=background)


def _attending(config: Config) -> "Callable[..., Awaitable[Attendance]]":
    from filterd.app.attending import attend  # noqa: PLC0415  see there

    if config.feed.url is not None or config.feed.hub is not None:
        import filterd.app.ministry  # noqa: PLC0415, F401  here, not on the loop; see there
    return attend


async def _open_doors(living: Living, listen: ListenConfig) -> None:
    node = living.node
    proxies = Proxies(listen.proxies) if listen.proxies else None
    node.proxies = proxies
    node.engine.is_well = lambda: not unfit(node)
    with closing(inherit(os.environ, os.getpid(), listen)) as inherited:
        if listen.workers:
            _open_workers(node, listen, inherited, proxies)
        else:
            for address in listen.udp:
                transport, _ = await open_udp(
                    address.host,
                    address.port,
                    node.engine,
                    CLOCK,
                    sock=inherited.take("udp", address),
                    door=_udp_door(proxies),
                )
                living.doors.append(transport)
        node.engine.forward(core_routing(node.config))
        limits = TcpLimits(
            idle=listen.tcp_limits.idle_timeout,
            connections=listen.tcp_limits.max_connections,
            per_client=listen.tcp_limits.max_per_client,
        )
        for address in listen.tcp:
            server, door = await open_tcp(
                address.host,
                address.port,
                node.engine,
                CLOCK,
                limits,
                sock=inherited.take("tcp", address),
                proxies=proxies,
            )
            living.doors.append(server)
            living.connections.append(door)


def _udp_door(proxies: Proxies | None) -> Callable[[Answering, Clock], UdpDoor]:
    if proxies is None:
        return UdpDoor
    return lambda engine, clock: ProxiedUdpDoor(engine, clock, proxies)


def _open_workers(
    node: Node, listen: ListenConfig, inherited: Inherited, proxies: Proxies | None
) -> None:
    with ExitStack() as opened:
        sockets = []
        for address in listen.udp:
            shared = inherited.take("udp", address)
            if shared is not None:
                # All threads read from the one: where it is bound is not ours to choose again.
                sockets += [opened.enter_context(shared)] * listen.workers
                continue
            own = reuseport_sockets(address.host, address.port, listen.workers)
            sockets += [opened.enter_context(sock) for sock in own]
        try:
            cpus = processors(listen.pin, listen.workers)
        except ValueError as error:
            raise ConfigError((str(error),)) from error
        node.engine.open_doors(sockets, cpus, proxies)


async def close_node(living: Living) -> None:
    """Answer what waits, for `DRAIN_SECONDS` at most, then close everything."""
    node = living.node
    if living.attendance is not None:
        await living.attendance.leave()
    for door in living.doors:
        if isinstance(door, asyncio.Server):
            door.close()
    await asyncio.to_thread(node.engine.stop_workers)
    loop = asyncio.get_running_loop()
    end = loop.time() + DRAIN_SECONDS
    while not node.engine.idle and loop.time() < end:  # noqa: ASYNC110 - the engine tells nobody
        await asyncio.sleep(0.05)
    for connection in living.connections:
        connection.close()
    for door in living.doors:
        door.close()
    if living.attendance is not None:
        await living.attendance.close()
    node.engine.close()
    node.resolver.close()
    # What the threads counted last.
    await asyncio.to_thread(node.flush_events)
    if living.writer is not None:
        await asyncio.to_thread(living.writer.close)
