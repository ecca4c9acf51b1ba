"""What a node's line carries: a minute's orders each minute, on a wire of its own, for a while.

1,000 changes an hour are 17 names a minute, in one order that two officers sign. All that a node
does is on the wire: the stream with its events and signs of life, the polls beneath it, looks at
the trust root, receipts and reports. Without TLS, which adds a handshake for each connection and 22
bytes or so a record.
"""

import argparse
import contextlib
import json
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from bench.feed.wire import HUB, Wire, wire
from filterd.cli.demo_fleet import (
    FleetError,
    invitation,
    prepare_hub,
    prepare_node,
    started,
)
from filterd.cli.demo_world import World, make_world, order
from filterd.feed.acts import signed_json
from filterd.feed.canonical import canonical
from filterd.model.order import Priority

PORT = 9800
INSIDE = f"http://127.0.0.1:{PORT}"  # of the hub's namespace
PER_MINUTE = 17  # names; 1,000 an hour
NODES = 28_000
DAY = 1440  # minutes
SETTLE = 20.0
PARTS = (
    "xo",
    "so",
    "bet",
    "ca",
    "do",
    "game",
    "hay",
    "nha",
    "cai",
    "uy",
    "tin",
    "mien",
    "88",
    "79",
)
ENDS = (".com", ".net", ".vn", ".xyz", ".top")


def main(arguments: list[str]) -> int:
    """Measure, and print JSON."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--minutes", type=int, default=62)  # an hour and its look
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory(prefix="filterd-bench-") as folder, wire() as line:
        print(json.dumps(_measure(Path(folder), line, options.minutes)))
    return 0


def _measure(folder: Path, line: Wire, minutes: int) -> dict[str, object]:
    rng = random.Random(1)
    world = make_world(folder / "ministry", int(time.time()))
    with contextlib.ExitStack() as stack:
        _open(stack, world, folder, line)
        time.sleep(SETTLE)
        before, began = line.bytes(), time.monotonic()
        for minute in range(minutes):
            _submit(world, line, minute, [_name(rng) for _ in range(PER_MINUTE)])
            time.sleep(max(0.0, began + 60 * (minute + 1) - time.monotonic()))
            down, up = (now - then for now, then in zip(line.bytes(), before, strict=True))
            print(f"minute {minute + 1}: down {down:,} up {up:,} bytes", file=sys.stderr)
    return {
        "minutes": minutes,
        "down_mb_a_day": down * DAY / minutes / 1e6,
        "up_mb_a_day": up * DAY / minutes / 1e6,
        "country_gb_a_day": (down + up) * DAY / minutes * NODES / 1e9,
        "country_mbit_s": (down + up) * 8 * NODES / minutes / 60 / 1e6,
    }


def _open(stack: contextlib.ExitStack, world: World, folder: Path, line: Wire) -> None:
    hub = prepare_hub(world, f"0.0.0.0:{PORT}", {"publish_every": 1})
    stack.callback(hub.database.close)
    (folder / "token").touch(mode=0o600)
    (folder / "token").write_text(hub.officer)
    words = ("hub", "serve", "-c", str(hub.config))
    stack.enter_context(started("the hub", words, folder / "hub.log", line.at_hub()))
    where = ("127.0.0.1", 5300, "127.0.0.1:9353")
    changes = {"upstream": {"servers": ["127.0.0.1:9"]}}  # nobody asks anything
    node = prepare_node(folder / "node", world, f"http://{HUB}:{PORT}", where, changes)
    code = invitation(hub, "node")
    give_up = time.monotonic() + 60
    while _run(line.at_node(), "feed", "enrol", code, "-c", str(node.config)):
        if time.monotonic() > give_up:
            raise FleetError("the node cannot be enrolled")
        time.sleep(0.5)
    log = folder / "node.log"
    words = ("serve", "-c", str(node.config))
    stack.enter_context(started("the node", words, log, line.at_node()))
    while "orders up to segment" not in log.read_text():
        _submit(world, line, -1, ["first.example"])
        time.sleep(5.0)
        if time.monotonic() > give_up + 60:
            raise FleetError(f"the node does not follow: {log.read_text()[-1000:]}")


def _submit(world: World, line: Wire, number: int, names: Sequence[str]) -> None:
    """Hand an order to the hub, from its own end of the wire."""
    now = int(time.time())
    made = order(f"order-{number}", tuple(names), now)
    if number >= 0:
        made = replace(made, priority=Priority.NORMAL)
    file, token = world.folder / "order.json", world.folder.parent / "token"
    file.write_bytes(canonical(signed_json(world.signed(made, now))))
    words = ("order", "publish", str(file), "--hub", INSIDE, "--token-file", str(token))
    if _run(line.at_hub(), *words) and number >= 0:
        raise FleetError("the hub does not take the order")


def _run(before: Sequence[str], *words: str) -> int:
    command = [*before, sys.executable, "-m", "filterd", *words]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        print(done.stderr, file=sys.stderr)
    return done.returncode


def _name(rng: random.Random) -> str:
    return "".join(rng.choice(PARTS) for _ in range(rng.randint(3, 5))) + rng.choice(ENDS)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
