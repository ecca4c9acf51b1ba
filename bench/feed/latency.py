"""From an order sent to the hub until it is blocked at the sockets of many real nodes.

A hub with PostgreSQL, twenty nodes, each a process of its own with its own files; all on this
machine, so they share its cores and its disk. The clock starts when the signed order leaves for the
hub: checking it, publishing, pushing, verifying, keeping and swapping are all in the figure.
"""

import argparse
import asyncio
import contextlib
import json
import random
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from statistics import median

import httpx
from dnslib import EDNS0, DNSHeader, DNSQuestion, DNSRecord

from bench.feed import postgresql
from bench.process import free_port
from filterd.app.demo import DemoUpstream
from filterd.cli.demo_fleet import (
    HubAt,
    NodeAt,
    Process,
    enrol,
    prepare_hub,
    prepare_node,
    started,
    wait_ready,
)
from filterd.cli.demo_world import World, make_world, order
from filterd.feed.acts import signed_json
from filterd.feed.canonical import canonical
from filterd.model.order import Mandate

LOOPBACK = "127.0.0.1"
EVERY = 0.01  # seconds between two questions to a node
PAUSE = 1.0  # seconds between two orders
CENSORED = b"\x00\x0f"  # the option of an extended error; only a block has one here
PATIENCE = 20.0


class Watch(asyncio.DatagramProtocol):
    """Asks a node for one name until it is blocked."""

    def __init__(self) -> None:
        self.transport: asyncio.DatagramTransport | None = None
        self.number = 0
        self.when: asyncio.Future[float] = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport  # type: ignore[assignment]

    def datagram_received(self, data: bytes, _address: object) -> None:
        if data[:2] == self.number.to_bytes(2, "big") and not self.when.done():
            answers = int.from_bytes(data[6:8], "big")
            if answers and b"\x00\x00\x00\x00" in data[12:] and CENSORED in data:
                self.when.set_result(time.monotonic())

    async def blocked(self, name: str) -> float:
        """Return the steady time of the first answer that blocks `name`."""
        self.when = asyncio.get_running_loop().create_future()
        self.number = random.randrange(1 << 16)
        query = DNSRecord(DNSHeader(id=self.number, rd=1), q=DNSQuestion(name))
        query.add_ar(EDNS0(udp_len=1232))
        wire = query.pack()
        while not self.when.done():
            assert self.transport is not None
            self.transport.sendto(wire)
            await asyncio.wait([self.when], timeout=EVERY)
        return self.when.result()


def main(arguments: list[str]) -> int:
    """Measure, and print JSON."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--nodes", type=int, default=20)
    parser.add_argument("--orders", type=int, default=20)
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory(prefix="filterd-bench-") as folder:
        print(json.dumps(asyncio.run(_measure(Path(folder), options.nodes, options.orders))))
    return 0


async def _measure(folder: Path, many: int, orders: int) -> dict[str, object]:
    now = int(time.time())
    world = make_world(folder / "ministry", now, Mandate(per_hour=1_000_000, **_scope()))
    loop = asyncio.get_running_loop()
    upstream, _ = await loop.create_datagram_endpoint(DemoUpstream, local_addr=(LOOPBACK, 0))
    server = "{}:{}".format(*upstream.get_extra_info("sockname")[:2])
    with contextlib.ExitStack() as stack:
        began = time.monotonic()
        hub, nodes, running = await asyncio.to_thread(_open, stack, world, folder, server, many)
        print(f"{many} nodes are up after {time.monotonic() - began:.0f} s", file=sys.stderr)
        watches = []
        for node in nodes:
            _, watch = await loop.create_datagram_endpoint(
                Watch, remote_addr=(node.host, node.port)
            )
            watches.append(watch)
        await settled(hub, world, watches, "warm-0")
        took: list[float] = []
        for number in range(orders):
            took += await settled(hub, world, watches, f"bench-{number}")
            print(f"{number + 1}/{orders}: slowest {max(took[-many:]):.3f} s", file=sys.stderr)
            await asyncio.sleep(PAUSE)
        memory = max(_rss(each) for each in running)
    took.sort()
    return {
        "nodes": many,
        "orders": orders,
        "p50": median(took),
        "p95": took[int(len(took) * 0.95)],
        "worst": took[-1],
        "node_mb": memory / 1e6,
    }


async def settled(hub: HubAt, world: World, watches: Sequence[Watch], ident: str) -> list[float]:
    """Order something; return the seconds until each node blocks it. TimeoutError."""
    name, now = f"{ident}.ordered.example", int(time.time())
    body = canonical(signed_json(world.signed(order(ident, (name,), now), now)))
    watching = [asyncio.create_task(each.blocked(name)) for each in watches]
    await asyncio.sleep(0.05)
    async with httpx.AsyncClient(timeout=PATIENCE) as client:
        headers = {"Authorization": f"Bearer {hub.officer}"}
        began = time.monotonic()
        answer = await client.post(f"{hub.url}/v1/orders", content=body, headers=headers)
    answer.raise_for_status()
    async with asyncio.timeout(PATIENCE):
        return [when - began for when in await asyncio.gather(*watching)]


def open_hub(stack: contextlib.ExitStack, world: World, folder: Path) -> tuple[HubAt, Process]:
    """Serve a hub with a PostgreSQL of its own until the stack ends; its log is in `folder`."""
    database = postgresql.start({})
    stack.callback(database.stop)
    hub = prepare_hub(world, f"{LOOPBACK}:{free_port()}", database=database.url())
    stack.callback(hub.database.close)
    words = ("hub", "serve", "-c", str(hub.config))
    serving = stack.enter_context(started("the hub", words, folder / "hub.log"))
    wait_ready(serving, f"{hub.url}/feed/checkpoint")
    return hub, serving


def _open(
    stack: contextlib.ExitStack, world: World, folder: Path, server: str, many: int
) -> tuple[HubAt, list[NodeAt], list[Process]]:
    hub, _ = open_hub(stack, world, folder)
    changes = {
        "upstream": {"servers": [server]},
        "default_group": "pupils",
        "groups": {"pupils": {"age": 12}},
    }
    nodes, running = [], []
    for number in range(many):
        where = (LOOPBACK, free_port(), f"{LOOPBACK}:{free_port()}")
        node = prepare_node(folder / f"node-{number}", world, hub.url, where, changes)
        enrol(node, hub)
        log = node.config.parent / "filterd.log"
        words = ("serve", "-c", str(node.config))
        running.append(stack.enter_context(started(node.name, words, log)))
        nodes.append(node)
    for node, process in zip(nodes, running, strict=True):
        wait_ready(process, f"http://{node.metrics}/readyz")
    return hub, nodes, running


def _scope() -> dict[str, frozenset[str]]:
    return {
        "legal_bases": frozenset({"decree-147"}),
        "categories": frozenset({"gambling"}),
        "effects": frozenset({"block"}),
    }


def _rss(process: Process) -> int:
    pages = Path(f"/proc/{process.popen.pid}/statm").read_text().split()[1]
    return int(pages) * 4096


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
