"""Running until told to stop: signals, the log, and what a person reads at the start."""

import asyncio
import contextlib
import logging
import os
import signal
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import uvloop

from filterd.app.life import Living, close_node, open_node
from filterd.app.node import Node
from filterd.app.parts import upstream_settings
from filterd.config.schema import Config
from filterd.control.notify import keep_alive, notify, reloading, watchdog_seconds
from filterd.model.group import RuleBook

if TYPE_CHECKING:
    from filterd.app.demo import Demonstration

logger = logging.getLogger(__name__)
SWITCH_SECONDS = 0.0005


@dataclass(frozen=True, slots=True)
class Serving:
    """How to serve. `say` prints a line for a person."""

    config: Config
    book: RuleBook
    path: Path | None
    demo: bool
    say: Callable[[str], None]


def serve(serving: Serving) -> None:
    """Serve until SIGTERM or SIGINT; SIGHUP reloads.

    Raises:
        ConfigError, RulesError, OSError: nothing was started.
    """
    # Writing the log and building rules run on threads beside the loop; an answer must not wait
    # 5 ms, Python's default, each time one of them is at work.
    sys.setswitchinterval(SWITCH_SECONDS)
    uvloop.run(_serve(serving))


async def _serve(serving: Serving) -> None:
    demonstration: Demonstration | None = None
    config = serving.config
    if serving.demo:
        from filterd.app.demo import open_demonstration  # noqa: PLC0415  few ask for it

        demonstration = await open_demonstration(config, upstream_settings(config))
        config = demonstration.config
    try:
        living = await open_node(config, serving.book, serving.path)
    except BaseException:
        if demonstration is not None:
            demonstration.close()
        raise
    loop = asyncio.get_running_loop()
    stop = asyncio.Event()
    at_once = asyncio.Event()

    def on_stop() -> None:
        (at_once if stop.is_set() else stop).set()

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, on_stop)
    reloads: set[asyncio.Task[None]] = set()

    def on_hangup() -> None:
        task = loop.create_task(_reload(living))
        reloads.add(task)
        task.add_done_callback(reloads.discard)

    loop.add_signal_handler(signal.SIGHUP, on_hangup)
    _greet(living.node, demonstration, serving.say)
    notify("READY=1")
    alive = loop.create_task(_keep_alive(living.node))
    try:
        await stop.wait()
    finally:
        notify("STOPPING=1")
        serving.say("stopping")
        await _drain(living.node, at_once)
        alive.cancel()
        await close_node(living)
        if demonstration is not None:
            demonstration.close()


async def _keep_alive(node: Node) -> None:
    """Tell the watchdog that the loop turns and the threads run, which is what answering takes."""
    from filterd.app.fitness import thread_faults  # noqa: PLC0415  loaded by now, see life.py

    await keep_alive(
        watchdog_seconds(os.getpid()), lambda: "; ".join(thread_faults(node.engine.doors()))
    )


async def _drain(node: Node, at_once: asyncio.Event) -> None:
    """Answer for a while longer, and say at the health name that it is not for long. Being told to
    stop once more ends it.
    """
    node.draining = True
    seconds = node.config.listen.drain
    if seconds:
        logger.info("clients are still answered for %g s", seconds)
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(at_once.wait(), seconds)


async def _reload(living: Living) -> None:
    notify(reloading())
    if living.attendance is not None:
        await living.attendance.reload()
    notify("READY=1")


def _greet(node: Node, demonstration: "Demonstration | None", say: Callable[[str], None]) -> None:
    doors = ", ".join(str(address) for address in node.config.listen.udp)
    say(f"filterd answers on {doors} (pid {os.getpid()}); Ctrl-C ends it")
    if demonstration is not None:
        from filterd.app.demo import what_to_try  # noqa: PLC0415

        metrics = node.config.metrics.listen
        where = str(metrics) if metrics is not None else None
        port = node.config.listen.udp[0].port
        for line in what_to_try(port, where, internet=demonstration.internet):
            say(line)
