"""Ten million ordered rules: the snapshot, a node that begins with it, more orders, a restart.

    python -m bench.feed.snapshot [--rules 10000000] [--folder build/bench/feed] [--again]

Prints JSON. The names are synthetic, 10,000 an order, sorted within it as an import does. The node
follows a hub with PostgreSQL: what is ordered is sent to the hub, published, pushed, and timed
until it is blocked at the node's socket.
"""

import argparse
import asyncio
import contextlib
import json
import resource
import shutil
import statistics
import time
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import httpx

from bench.feed.latency import Watch, open_hub, settled
from bench.feed.ministry import (
    fill,
    keep_officers,
    names,
    open_log,
    recall,
    sorted_as_packed,
    wide_mandate,
)
from bench.feed.node import LOOPBACK, Following, following, prepare
from bench.saying import say
from filterd.app.demo import DemoUpstream
from filterd.cli.demo_fleet import HubAt, Process
from filterd.cli.demo_world import AUTHORITY, World, make_world
from filterd.feed.acts import signed_json
from filterd.feed.canonical import canonical
from filterd.feed.stored import read_snapshot
from filterd.feed.summing import publish_snapshot
from filterd.model.order import Revocation

PER_ORDER = 10_000
MORE = 40  # orders after it
PAUSE = 0.5  # seconds between two
SETTLING = 2.0  # seconds until what is in force is on the disk
PATIENCE = 900.0
SAMPLE = "sample.json"  # one name of each order, the first order's first
Found = dict[str, object]


def main() -> None:
    """Measure."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rules", type=int, default=10_000_000)
    parser.add_argument("--folder", type=Path, default=Path("build/bench/feed"))
    parser.add_argument("--again", action="store_true", help="with the ministry of the last time")
    args = parser.parse_args()
    folder = args.folder.resolve()
    found: Found = {"rules": args.rules}
    world = _recalled(folder, found) if args.again else _made(folder, args.rules, found)
    found |= asyncio.run(_measure(folder, world, json.loads((folder / SAMPLE).read_text())))
    print(json.dumps(found, indent=1))


def _made(folder: Path, rules: int, found: Found) -> World:
    shutil.rmtree(folder, ignore_errors=True)
    world = make_world(folder / "ministry", int(time.time()), wide_mandate(PER_ORDER))
    keep_officers(world)
    log, began, made = open_log(world), time.monotonic(), names(rules)
    some = list[str]()

    def batches() -> Iterator[list[str]]:
        for number in range(-(-rules // PER_ORDER)):
            if number % 100 == 0:
                say(f"order {number}")
            batch = sorted_as_packed(list(islice(made, PER_ORDER)))
            some.append(batch[number % len(batch)])
            yield batch

    fill(world, log, batches())
    (folder / SAMPLE).write_text(json.dumps(some))
    found["build_log_s"] = round(time.monotonic() - began, 1)
    say("the snapshot")
    began, used = time.monotonic(), time.process_time()
    publish_snapshot(log)
    found |= {
        "publish_s": round(time.monotonic() - began, 1),
        "publish_cpu_s": round(time.process_time() - used, 1),
        "keeper_peak_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
    }
    return _recalled(folder, found)


def _recalled(folder: Path, found: Found) -> World:
    """Return the ministry as it was made; what is ordered now goes into a copy."""
    shutil.rmtree(folder / "now", ignore_errors=True)
    shutil.copytree(folder / "ministry", folder / "now")
    world = recall(folder / "now")
    known = read_snapshot(world.feed, open_log(world).key)
    assert known is not None, "there is no snapshot"
    statement, _ = known
    found |= {
        "orders": statement.orders,
        "snapshot_mb": round(statement.length / 1e6, 1),
        "bytes_a_rule": round(statement.length / statement.patterns, 2),
        "log_mb": round(statement.log_length / 1e6, 1),
    }
    return world


async def _measure(folder: Path, world: World, some: list[str]) -> Found:
    loop, found = asyncio.get_running_loop(), Found()
    upstream, _ = await loop.create_datagram_endpoint(DemoUpstream, local_addr=(LOOPBACK, 0))
    server = "{}:{}".format(*upstream.get_extra_info("sockname")[:2])
    shutil.rmtree(folder / "node", ignore_errors=True)
    with contextlib.ExitStack() as stack:
        hub, process = await asyncio.to_thread(open_hub, stack, world, folder)
        say("the hub registers the log")
        began = time.monotonic()
        await _registered(hub, process, len(some))
        found["hub_registers_s"] = round(time.monotonic() - began, 1)
        node = await asyncio.to_thread(prepare, folder / "node", world, hub, server)
        _, watch = await loop.create_datagram_endpoint(Watch, remote_addr=(node.host, node.port))
        say("an empty node")
        began = time.monotonic()
        with following(node) as running:
            fetched = await asyncio.to_thread(running.until_fetched)
            blocked = await asyncio.to_thread(running.until_blocked, some[-1], 0.05)
            found |= {
                "empty_node_s": round(blocked - began, 1),
                "in_force_s": round(blocked - fetched, 1),
                "all_of_a_sample": await asyncio.to_thread(_blocks_all, running, some),
            }
            found |= {f"peak_{who}_mib": peak for who, peak in running.peaks.items()}
            found["memory_after_mib"] = running.memory()
            say("more orders")
            found["one_more_s"] = await _more(hub, world, watch)
            found["revoked_s"] = await _revoked(hub, world, running, some[0])
            await asyncio.sleep(SETTLING)
        say("a restart")
        began = time.monotonic()
        with following(node) as running:
            blocked = await asyncio.to_thread(running.until_blocked, some[-1], 0.005)
            newest = await asyncio.to_thread(
                running.until_blocked, f"more-{MORE - 1}.ordered.example"
            )
            found["restart_s"] = round(blocked - began, 2)
            found["restart_newest_s"] = round(newest - began, 2)
            found["still_revoked"] = not await asyncio.to_thread(running.blocks, some[0])
            found["restart_peaks_mib"] = dict(running.peaks)
    upstream.close()
    return found


async def _registered(hub: HubAt, process: Process, orders: int) -> None:
    """Wait until the hub knows all orders of the log: it has read each of them, once."""
    last = f"{hub.url}/v1/orders?limit=1&offset={orders - 1}"
    async with asyncio.timeout(PATIENCE), httpx.AsyncClient(timeout=30.0) as client:
        headers = {"Authorization": f"Bearer {hub.officer}"}
        while True:
            answer = await client.get(last, headers=headers)
            if answer.raise_for_status().json():
                return
            if process.popen.poll() is not None:
                raise RuntimeError(process.log.read_text()[-2000:])
            await asyncio.sleep(0.2)


def _blocks_all(node: Following, some: list[str]) -> bool:
    return all(node.blocks(name) for name in some)


async def _more(hub: HubAt, world: World, watch: Watch) -> Found:
    """One order after the other, each from when it is sent until the node's socket blocks it."""
    await settled(hub, world, (watch,), "warm")
    took: list[float] = []
    for number in range(MORE):
        took += await settled(hub, world, (watch,), f"more-{number}")
        await asyncio.sleep(PAUSE)
    ordered = sorted(took)
    return {
        "median": round(statistics.median(took), 3),
        "p95": round(ordered[int(len(ordered) * 0.95)], 3),
        "max": round(ordered[-1], 3),
        "each": [round(each, 3) for each in took],
    }


async def _revoked(hub: HubAt, world: World, node: Following, name: str) -> float:
    """Take an order of the base back; return the seconds until its name is free."""
    now = int(time.time())
    act = Revocation("2026-0", AUTHORITY, "a mistake", now)
    body = canonical(signed_json(world.signed(act, now)))
    headers = {"Authorization": f"Bearer {hub.officer}"}
    began = time.monotonic()
    async with httpx.AsyncClient(timeout=30.0) as client:
        answer = await client.post(f"{hub.url}/v1/orders", content=body, headers=headers)
        answer.raise_for_status()
    await asyncio.to_thread(_until_free, node, name)
    return round(time.monotonic() - began, 3)


def _until_free(node: Following, name: str) -> None:
    give_up = time.monotonic() + PATIENCE
    while node.blocks(name):
        if time.monotonic() > give_up:
            raise TimeoutError(f"{name} is still blocked")
        time.sleep(0.01)


if __name__ == "__main__":
    main()
