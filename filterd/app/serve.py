"""Running until told to stop: signals, the log, and what a person reads at the start."""

import asyncio
import logging
import os
import signal
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import uvloop

from filterd.app.change import attempt
from filterd.app.demo import Demonstration, open_demonstration, what_to_try
from filterd.app.node import Node, start_node, stop_node, upstream_settings
from filterd.app.notify import notify
from filterd.config.schema import Config
from filterd.model.group import RuleBook

logger = logging.getLogger(__name__)


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
    uvloop.run(_serve(serving))


async def _serve(serving: Serving) -> None:
    demonstration: Demonstration | None = None
    config = serving.config
    if serving.demo:
        demonstration = await open_demonstration(config, upstream_settings(config))
        config = demonstration.config
    try:
        node = await start_node(config, serving.book, serving.path)
    except BaseException:
        if demonstration is not None:
            demonstration.close()
        raise
    loop = asyncio.get_running_loop()
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    reloads: set[asyncio.Task[bool]] = set()

    def on_hangup() -> None:
        task = loop.create_task(_reload(node))
        reloads.add(task)
        task.add_done_callback(reloads.discard)

    loop.add_signal_handler(signal.SIGHUP, on_hangup)
    _greet(node, demonstration, serving.say)
    notify("READY=1")
    try:
        await stop.wait()
    finally:
        notify("STOPPING=1")
        serving.say("stopping")
        await stop_node(node)
        if demonstration is not None:
            demonstration.close()


async def _reload(node: Node) -> bool:
    notify("RELOADING=1")
    change = node.change
    assert change is not None  # an open node has one

    async def both() -> None:
        await change.reload()
        if node.config.lists:
            await change.use_lists(lambda _step, _done, _total: None)

    done = await attempt(both(), "reloading", node.problems)
    notify("READY=1")
    return done


def _greet(node: Node, demonstration: Demonstration | None, say: Callable[[str], None]) -> None:
    doors = ", ".join(str(address) for address in node.config.listen.udp)
    say(f"filterd answers on {doors} (pid {os.getpid()}); Ctrl-C ends it")
    if demonstration is not None:
        metrics = node.config.metrics.listen
        where = str(metrics) if metrics is not None else None
        port = node.config.listen.udp[0].port
        for line in what_to_try(port, where, internet=demonstration.internet):
            say(line)
