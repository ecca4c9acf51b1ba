"""`filterd demo`: the ministry's loop on this machine, from an order to its end."""

import argparse
import asyncio
import contextlib
import logging
import signal
import tempfile
import time
from collections import Counter
from collections.abc import AsyncIterator, Iterator, Sequence
from pathlib import Path
from typing import Any

import httpx

from filterd.app.demo import open_demonstration, what_to_try
from filterd.app.enrolling import EnrolmentError
from filterd.app.parts import upstream_settings
from filterd.app.probing import is_ordered
from filterd.cli.base import Command, Exit, complain, paint
from filterd.cli.demo_fleet import (
    FleetError,
    HubAt,
    NodeAt,
    enrol,
    prepare_hub,
    prepare_node,
    started,
    wait_ready,
)
from filterd.cli.demo_world import World, make_world, order
from filterd.config.addresses import ListenAddress
from filterd.config.defaults import DEMO
from filterd.config.load import default_config
from filterd.config.schema import Config
from filterd.feed.acts import signed_json
from filterd.feed.canonical import canonical
from filterd.hub import views
from filterd.hub.compliance import Look
from filterd.hub.tables import counts
from filterd.model.order import Order

EXAMPLES = """\
  filterd demo                  a hub, an authority and two nodes; Ctrl-C ends them all
  filterd demo --once           tell the story and end
  filterd demo --keep DIR       leave everything in DIR, to be looked at
"""
HUB = "127.0.0.1:5380"
NODES = (("127.0.0.1", 5300, "127.0.0.1:9353"), ("127.0.0.1", 5301, "127.0.0.1:9354"))
NAME = "ordered.demo.test"
LASTS = 10  # seconds that the order is in force
LOOK = 0.005  # seconds between two questions
PATIENCE = 30.0
ASKED = 7  # questions for the blocked name, so that there is something to report


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options."""
    parser.add_argument("--once", action="store_true", help="end when the story has ended")
    parser.add_argument("--keep", metavar="DIR", help="an empty folder for all that is made")


def run(args: argparse.Namespace) -> int:
    """Run the demonstration."""
    keep = None if args.keep is None else Path(args.keep)
    if keep is not None and keep.exists() and any(keep.iterdir()):
        complain(f"{keep} is not empty")
        return Exit.USAGE
    logging.basicConfig(level="ERROR", format="%(levelname)s %(name)s: %(message)s")
    with _folder(keep) as folder:
        # What they raise at their end is the end of this.
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, _interrupted)
        try:
            asyncio.run(_demo(folder, once=args.once))
        except KeyboardInterrupt:
            _say("\nstopping")
        except (FleetError, EnrolmentError) as error:
            complain(str(error))
            return Exit.UNAVAILABLE
    return Exit.OK


async def _demo(folder: Path, *, once: bool) -> None:
    _say("starting a hub, an authority and two nodes ...")
    world = make_world(folder, int(time.time()))
    async with _upstream() as (config, internet):
        with contextlib.ExitStack() as stack:
            hub, nodes = await asyncio.to_thread(_open, stack, world, config)
            await _story(world, hub, nodes)
            if once:
                return
            _say("")
            for line in what_to_try(NODES[0][1], NODES[0][2], internet=internet):
                _say(line)
            _say("  the ministry's side:")
            for words in ("status", "orders", "nodes"):
                _say(f"    .venv/bin/filterd hub {words} -c {hub.config}")
            _say("  what would leave the school next:")
            _say(f"    .venv/bin/filterd report --show-next -c {nodes[0].config}")
            _say("\nCtrl-C ends it all.")
            await asyncio.Event().wait()


def _open(
    stack: contextlib.ExitStack, world: World, config: Config
) -> tuple[HubAt, Sequence[NodeAt]]:
    """Start everything; it ends with `stack`."""
    hub = prepare_hub(world, HUB)
    stack.callback(hub.database.close)
    serving = ("hub", "serve", "-c", str(hub.config))
    process = stack.enter_context(started("the hub", serving, world.folder / "hub.log"))
    wait_ready(process, f"{hub.url}/feed/checkpoint")
    upstream = {
        "servers": [str(each) for each in config.upstream.servers],
        "zones": {name: [str(s) for s in to] for name, to in config.upstream.zones.items()},
    }
    groups = {name: _plain(each) for name, each in DEMO["groups"].items()}
    changes = {"upstream": upstream, "groups": groups, "report": {"every": "2s"}}
    nodes = []
    waiting = []
    for number, where in enumerate(NODES, 1):
        node = prepare_node(world.folder / f"node-{number}", world, hub.url, where, changes)
        enrol(node, hub)
        log = node.config.parent / "filterd.log"
        words = ("serve", "-c", str(node.config))
        waiting.append((stack.enter_context(started(node.name, words, log)), where[2]))
        nodes.append(node)
    for one, metrics in waiting:
        wait_ready(one, f"http://{metrics}/readyz")
    _say(f"  hub     {hub.url}")
    for node in nodes:
        _say(f"  {node.name}  {node.host} port {node.port}, enrolled, follows {hub.url}/feed")
    return hub, nodes


async def _story(world: World, hub: HubAt, nodes: Sequence[NodeAt]) -> None:
    canary = await _first_receipts(hub, nodes)
    _say(f"  both follow the log ({canary} segments) and wait for orders")
    now = int(time.time())
    made = order(f"demo-{now}", (NAME,), now, LASTS)
    signed = world.signed(made, now)
    _head("An order")
    _say(f"  {made.authority}/{made.id}: block {NAME} and what is under it, for {LASTS} seconds")
    for each in signed.signatures:
        _say(f"  signed by officer {each.key[:16]}…")
    async with httpx.AsyncClient() as client:
        began = time.monotonic()
        watching = [asyncio.create_task(_until(node, blocked=True)) for node in nodes]
        answer = await client.post(
            f"{hub.url}/v1/orders",
            content=canonical(signed_json(signed)),
            headers={"Authorization": f"Bearer {hub.officer}"},
        )
    if answer.is_error:
        raise FleetError(f"the hub refused the order: {answer.text}")
    for node, when in zip(nodes, await asyncio.gather(*watching), strict=True):
        _say(f"  {node.name} blocks it {_ms(when - began)} after it was sent to the hub")
    _head("Receipts")
    for line in await _receipts(hub, made, len(nodes)):
        _say(f"  {line}")
    for _ in range(ASKED):
        await is_ordered(NAME, _door(nodes[0]))
    _head("The report")
    for line in await _report(hub, f"order:{made.authority}/{made.id}"):
        _say(f"  {line}")
    _say("  that is all that left: no name that was asked for, nobody who asked")
    _head("Its end")
    await asyncio.sleep(max(0.0, made.not_after - time.time()))
    for node in nodes:
        await _until(node, blocked=False)
        late = time.time() - made.not_after
        _say(f"  {node.name} answers {NAME} again, {_ms(late)} after the order ended by itself")


async def _until(node: NodeAt, *, blocked: bool) -> float:
    """Return the steady time at which `NAME` is first blocked, or answered, at a node's door."""
    give_up = time.monotonic() + PATIENCE
    while time.monotonic() < give_up:
        if await is_ordered(NAME, _door(node)) is blocked:
            return time.monotonic()
        await asyncio.sleep(LOOK)
    word = "blocked" if blocked else "answered"
    raise FleetError(f"{node.name}: {NAME} was not {word} in time; look at {node.config.parent}")


async def _first_receipts(hub: HubAt, nodes: Sequence[NodeAt]) -> int:
    """Wait until the hub has heard of all nodes; return the size of the log."""

    def heard() -> int | None:
        with hub.database.read() as connection:
            status = views.status(Look(connection, _now_ms()))
        return None if status["nodes"]["enrolled"] < len(nodes) else int(status["size"] or 0)

    return int(await _eventually(heard, "the nodes to be known"))


async def _receipts(hub: HubAt, made: Order, most: int) -> list[str]:
    def arrived() -> list[str] | None:
        with hub.database.read() as connection:
            told = views.order(Look(connection, _now_ms()), made.authority, made.id)
        times = [] if told is None else told["times"]
        if told is None or sum(each["size"] is not None for each in times) < most:
            return None
        since = told["published_at"]
        return [
            f"{each['name']}: received {each['node_received_at'] - since} ms after it was "
            f"published, in force {each['node_applied_at'] - since} ms, seen blocked at its own "
            f"door {each['observed_at'] - since} ms"
            for each in times
        ]

    return list(await _eventually(arrived, "receipts"))


async def _report(hub: HubAt, rule: str) -> list[str]:
    def arrived() -> list[str] | None:
        with hub.database.read() as connection:
            found = connection.execute(counts.select().where(counts.c.rule == rule)).mappings()
            rows = found.all()
        if sum(int(row["count"]) for row in rows) < ASKED:
            return None
        total = Counter[tuple[str, ...]]()
        for row in rows:
            total[tuple(row[name] for name in ("rule", "bracket", "deed", "clients"))] += row[
                "count"
            ]
        return [
            f"{rule}, ages {ages}: {deed} x {count}, by {clients} clients"
            for (rule, ages, deed, clients), count in total.items()
        ]

    return list(await _eventually(arrived, "the report"))


async def _eventually(look: Any, what: str) -> Any:
    give_up = time.monotonic() + PATIENCE
    while time.monotonic() < give_up:
        found = await asyncio.to_thread(look)
        if found is not None:
            return found
        await asyncio.sleep(0.05)
    raise FleetError(f"waited {PATIENCE:g} s for {what} in vain")


@contextlib.asynccontextmanager
async def _upstream() -> AsyncIterator[tuple[Config, bool]]:
    """An upstream for the nodes: this machine's own, or a small one where none answers."""
    config = default_config()
    demonstration = await open_demonstration(config, upstream_settings(config))
    try:
        yield demonstration.config, demonstration.internet
    finally:
        demonstration.close()


@contextlib.contextmanager
def _folder(keep: Path | None) -> Iterator[Path]:
    if keep is not None:
        keep.mkdir(parents=True, exist_ok=True)
        yield keep.resolve()
        return
    with tempfile.TemporaryDirectory(prefix="filterd-demo-") as folder:
        yield Path(folder)


def _plain(value: Any) -> Any:
    return {k: list(v) if isinstance(v, tuple) else v for k, v in value.items()}


def _door(node: NodeAt) -> ListenAddress:
    return ListenAddress(node.host, node.port)


def _ms(seconds: float) -> str:
    return paint(f"{seconds * 1000:.0f} ms", "bold")


def _head(text: str) -> None:
    _say(f"\n{paint(text, 'bold')}")


def _say(line: str) -> None:
    print(line, flush=True)


def _interrupted(_number: int, _frame: object) -> None:
    raise KeyboardInterrupt


def _now_ms() -> int:
    return time.time_ns() // 1_000_000


COMMAND = Command("demo", EXAMPLES, arguments, run)
