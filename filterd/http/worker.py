"""One worker: what it is made of, and what it does beside serving.

    python -m filterd.http.worker SETTINGS.json

runs in the environment of the HTTP filter until SIGTERM, or until standard input ends (then who
started it is gone). It writes `ready` to standard output once it listens. Rules are looked for five
times a second; on SIGTERM it listens no more and lets connections end by themselves for a while.
"""

import asyncio
import contextlib
import gc
import ipaddress
import os
import resource
import secrets
import signal
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from filterd.http.addon.connections import Connections
from filterd.http.addon.proxy import Proxy
from filterd.http.addon.requests import Requests
from filterd.http.answering import Answering, open_desk
from filterd.http.daemon import Daemon, Events, Names, read_settings
from filterd.http.exchange import Exchange, tell, tell_always
from filterd.http.failing import Failing
from filterd.http.gate import Gate, GateSettings
from filterd.http.labels.cache import LabelCache
from filterd.http.labels.following import Following
from filterd.http.labels.keeping import FILE
from filterd.http.media.guard import Media, MediaSettings
from filterd.http.never import Learned
from filterd.http.reading import Reading
from filterd.http.reticent import write_reticently
from filterd.http.rules import Rules
from filterd.http.standing import Most, Standings
from filterd.model.clock import Clock
from filterd.model.orphan import end_with_parent

LOOK_SECONDS = 0.2
EVENTS_SECONDS = 1.0


def run(settings: Mapping[str, Any]) -> None:
    """Serve until told to end."""
    write_reticently()
    asyncio.run(_run(settings))


async def _run(settings: Mapping[str, Any]) -> None:
    _, most_files = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most_files, most_files))
    clock = Clock(time.time, time.monotonic)
    folder = Path(settings["folder"])
    rules, learned, daemon = Rules(folder), Learned(), Daemon(Path(settings["socket"]))
    exchange = Exchange(learned, clock.steady, lambda: rules.generation, secrets.token_hex(8))
    events, reading = Events(daemon), _reading(settings, clock, exchange)
    rules.look()
    gate = Gate(_gate_settings(settings), learned, inspecting=settings["inspecting"])
    # Two descriptors for each connection, and some for everything else.
    most = Most(all=max(100, min(Most().all, (most_files - 200) // 2)))
    standings = Standings(events, exchange, clock, most)
    connections = Connections(
        rules=rules,
        gate=gate,
        learned=learned,
        names=Names(daemon, clock.steady),
        standings=standings,
        clock=clock,
    )
    page_words = settings["page_words"]
    desk = open_desk(
        folder,
        Path(settings["page_key"]),
        secrets.randbelow,
        None if page_words is None else Path(page_words),
    )
    requests = Requests(
        rules=rules,
        gate=gate,
        standings=standings,
        clock=clock,
        answering=Answering(desk),
        reading=reading,
    )
    proxy = Proxy(settings, connections, requests)
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    following = None if reading.labels is None else Following(reading.labels, folder / FILE)
    chores = [
        asyncio.create_task(_look(rules, reading, following)),
        asyncio.create_task(_send(events)),
        asyncio.create_task(tell_always(exchange, daemon)),
    ]
    await proxy.serve(stop.wait(), _say_ready)
    for chore in chores:
        chore.cancel()
    await events.send()
    await tell(exchange, daemon)
    if reading.media is not None:
        reading.media.close()


def _say_ready() -> None:
    # What is there now stays: collecting it again and again would be a twentieth of the time.
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 10, 10)
    with contextlib.suppress(OSError):
        sys.stdout.write("ready\n")
        sys.stdout.flush()


def _reading(settings: Mapping[str, Any], clock: Clock, exchange: Exchange) -> Reading:
    labels = settings["labels"]
    told = settings["media"]
    media = None
    if told is not None:
        further = told["further"]
        where = MediaSettings(
            Path(told["sets"]),
            Path(told["handoffs"]),
            told["node"],
            told["decoders"],
            None if further is None else Path(further),
        )
        media = Media(where, os.environ, clock.unix, os.urandom)
        exchange.follow("media", media.told)
    cache = None if labels is None else LabelCache(Path(labels["key"]).read_bytes())
    return Reading(cache, media, exchange.saw)


def _gate_settings(settings: Mapping[str, Any]) -> GateSettings:
    return GateSettings(
        ports=frozenset(settings["ports"]),
        nameless=tuple(ipaddress.ip_network(each) for each in settings["nameless"]),
        failing=Failing(frozenset(settings["learning"]), settings["inappropriate"] == "open"),
    )


async def _look(rules: Rules, reading: Reading, following: Following | None) -> None:
    while True:
        await asyncio.sleep(LOOK_SECONDS)
        await asyncio.to_thread(rules.look)
        if following is not None:
            await asyncio.to_thread(following.look, time.time())
        if reading.media is not None:
            await asyncio.to_thread(reading.media.refresh)


async def _send(events: Events) -> None:
    while True:
        await asyncio.sleep(EVENTS_SECONDS)
        await events.send()


if __name__ == "__main__":
    end_with_parent()
    run(read_settings(Path(sys.argv[1])))
