"""One worker: mitmproxy with our add-on and nothing that we do not need.

    python -m filterd.http.worker SETTINGS.json

runs in the environment of the HTTP filter until SIGTERM, or until standard input ends (then who
started it is gone). It writes `ready` to standard output once it listens. Rules are looked for five
times a second; on SIGTERM it listens no more and lets connections end by themselves for a while.
"""

import asyncio
import contextlib
import datetime as dt
import functools
import ipaddress
import logging
import secrets
import signal
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mitmproxy import certs, options
from mitmproxy.addons import core, disable_h2c, next_layer, proxyserver, tlsconfig
from mitmproxy.master import Master

from filterd.http.addon import Filter
from filterd.http.answering import Answering, open_desk
from filterd.http.daemon import Daemon, Events, Names, read_settings
from filterd.http.exchange import Exchange, tell, tell_always
from filterd.http.gate import Gate, GateSettings
from filterd.http.never import Learned
from filterd.http.rules import Rules
from filterd.model.clock import Clock
from filterd.model.orphan import end_with_parent

logger = logging.getLogger(__name__)
LOOK_SECONDS = 0.2
EVENTS_SECONDS = 1.0
DRAIN_SECONDS = 20.0
# Chromium takes no leaf that is valid for more than 200 days; ours are made again at every start.
LEAF_VALIDITY = dt.timedelta(days=30)


def run(settings: Mapping[str, Any]) -> None:
    """Serve until told to end."""
    logging.basicConfig(level=logging.INFO, format="%(levelname)s %(name)s: %(message)s")
    # mitmproxy tells of every connection, and of addresses and names in it.
    logging.getLogger("mitmproxy").setLevel(logging.ERROR)
    certs.CERT_EXPIRY = LEAF_VALIDITY
    asyncio.run(_run(settings))


async def _run(settings: Mapping[str, Any]) -> None:
    # Workers share their addresses; the kernel spreads connections over them. mitmproxy has no word
    # for it, and calls this by its module.
    asyncio.start_server = functools.partial(asyncio.start_server, reuse_port=True)
    clock = Clock(time.time, time.monotonic)
    rules, learned = Rules(Path(settings["folder"])), Learned()
    daemon = Daemon(Path(settings["socket"]))
    events = Events(daemon)
    rules.look()
    exchange = Exchange(learned, clock.steady, lambda: rules.generation, secrets.token_hex(8))
    gate = Gate(_gate_settings(settings), learned, inspecting=settings["inspecting"])
    master = _master()
    names = Names(daemon, clock.steady)
    folder = Path(settings["folder"])
    desk = open_desk(folder, Path(settings["page_key"]), secrets.randbelow)
    master.addons.add(
        Filter(
            rules=rules,
            gate=gate,
            learned=learned,
            names=names,
            events=events,
            exchange=exchange,
            clock=clock,
            answering=Answering(desk),
        )
    )
    master.options.update(**_options(settings))
    serving = asyncio.create_task(master.run())
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    chores = [asyncio.create_task(_look(rules)), asyncio.create_task(_send(events))]
    chores.append(asyncio.create_task(tell_always(exchange, daemon)))
    server = master.addons.get("proxyserver")
    if await _listens(server):
        with contextlib.suppress(OSError):
            sys.stdout.write("ready\n")
            sys.stdout.flush()
        ended = asyncio.create_task(stop.wait())
        await asyncio.wait([serving, ended], return_when=asyncio.FIRST_COMPLETED)
    if not serving.done():
        # `shutdown` alone would leave the sockets listening (mitmproxy 6245).
        master.options.update(server=False)
        give_up = clock.steady() + DRAIN_SECONDS
        while server.connections and clock.steady() < give_up:  # noqa: ASYNC110 - it tells nobody
            await asyncio.sleep(0.1)
        master.shutdown()
        await serving
    for chore in chores:
        chore.cancel()
    await events.send()
    await tell(exchange, daemon)


def _master() -> Master:
    master = Master(options.Options(), event_loop=asyncio.get_running_loop())
    master.addons.add(
        core.Core(),
        disable_h2c.DisableH2C(),
        proxyserver.Proxyserver(),
        next_layer.NextLayer(),
        tlsconfig.TlsConfig(),
    )
    return master


def _options(settings: Mapping[str, Any]) -> dict[str, Any]:
    listen = settings["listen"]
    explicit = [f"regular@{each}" for each in listen["explicit"]]
    transparent = [f"transparent@{each}" for each in listen["transparent"]]
    return {
        "mode": explicit + transparent,
        "confdir": settings["confdir"],
        "connection_strategy": "lazy",
        "upstream_cert": False,
        "http2": False,
        "http3": False,
        "ssl_insecure": False,
        "ssl_verify_upstream_trusted_ca": settings["upstream_ca"],
        "stream_large_bodies": settings["stream"],
        "validate_inbound_headers": True,
    }


def _gate_settings(settings: Mapping[str, Any]) -> GateSettings:
    return GateSettings(
        ports=frozenset(settings["ports"]),
        nameless=tuple(ipaddress.ip_network(each) for each in settings["nameless"]),
        learning=frozenset(settings["learning"]),
        undecided=settings["undecided"],
    )


async def _look(rules: Rules) -> None:
    while True:
        await asyncio.sleep(LOOK_SECONDS)
        await asyncio.to_thread(rules.look)


async def _send(events: Events) -> None:
    while True:
        await asyncio.sleep(EVENTS_SECONDS)
        await events.send()


async def _listens(server: proxyserver.Proxyserver) -> bool:
    """Wait until it listens everywhere; False where it cannot."""
    while True:
        await asyncio.sleep(0.02)
        faults = [each.last_exception for each in server.servers if each.last_exception]
        for fault in faults:
            logger.error("cannot listen: %s", fault)
        if faults:
            return False
        if server.is_running and all(each.is_running for each in server.servers):
            return True


if __name__ == "__main__":
    end_with_parent()
    run(read_settings(Path(sys.argv[1])))
