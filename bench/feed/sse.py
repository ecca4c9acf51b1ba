"""How many subscribers one hub process holds, what each costs, and how soon a push is with all.

    python -m bench.feed.sse [--subscribers 10000] [--pushes 5]

A real hub (`filterd hub serve`, SQLite) on loopback; the subscribers are real connections of this
process from many addresses 127.0.0.x, read by one epoll loop. Prints JSON. A push is counted from
just before the log is written until the last subscriber has read the whole event; memory is what
the hub's process grew by (PSS), without what the kernel keeps for its sockets.
"""

import argparse
import json
import resource
import secrets
import select
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import yaml

from filterd.cli.demo_world import World, make_world, order
from filterd.feed.keys import open_key
from filterd.feed.publish import Log
from filterd.feed.standing import read_standing
from filterd.feed.turn import turn

AT_ONCE = 200  # connections that are begun before they are looked after
END = b"\n\n\r\n"  # of an event, in a chunk of its own


class Subscribers:
    """Connections that wait for events; `done` counts those that have the newest."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._epoll = select.epoll()
        self._sockets: dict[int, socket.socket] = {}
        self._tails: dict[int, bytes] = {}
        self._wanted = b""
        self.done: set[int] = set()

    def open(self, number: int) -> float:
        """Connect so many, wait until each has its first event; return the seconds."""
        began = time.perf_counter()
        self._wanted = b"event: checkpoint"
        for first in range(0, number, AT_ONCE):
            for at in range(first, min(first + AT_ONCE, number)):
                self._connect(f"127.0.{at // 250 % 250}.{at % 250 + 1}")
            self.wait(len(self._sockets), 60.0)
        return time.perf_counter() - began

    def want(self, size: int) -> None:
        """From now on, who has read the event of `size` is done."""
        self._wanted = f"id: {size}\n".encode()
        self.done.clear()

    def wait(self, number: int, seconds: float) -> float:
        """Read until `number` are done; return when the last one was."""
        until = time.monotonic() + seconds
        while len(self.done) < number:
            if time.monotonic() > until:
                raise SystemExit(f"only {len(self.done)} of {number} within {seconds} s")
            for descriptor, _ in self._epoll.poll(0.05, 2000):
                self._read(descriptor)
        return time.perf_counter()

    def close(self) -> None:
        """Leave."""
        for each in self._sockets.values():
            each.close()
        self._epoll.close()

    def _connect(self, address: str) -> None:
        made = socket.socket()
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        made.bind((address, 0))
        made.connect(("127.0.0.1", self._port))
        made.sendall(b"GET /feed/events HTTP/1.1\r\nHost: hub\r\n\r\n")
        made.setblocking(False)
        self._sockets[made.fileno()] = made
        self._tails[made.fileno()] = b""
        self._epoll.register(made, select.EPOLLIN)

    def _read(self, descriptor: int) -> None:
        data = self._sockets[descriptor].recv(262_144)
        if not data:
            raise SystemExit("the hub ended a subscription")
        text = self._tails[descriptor] + data
        at = text.rfind(self._wanted)
        if at >= 0 and text.find(END, at) >= 0:
            self.done.add(descriptor)
            text = b""
        self._tails[descriptor] = text if at >= 0 else text[-64:]


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description="Subscribers of one hub process.")
    parser.add_argument("--subscribers", type=int, default=10_000)
    parser.add_argument("--pushes", type=int, default=5)
    options = parser.parse_args()
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    with tempfile.TemporaryDirectory(prefix="filterd-sse-") as name:
        print(json.dumps(measure(Path(name), options.subscribers, options.pushes), indent=1))


def measure(folder: Path, number: int, pushes: int) -> dict[str, object]:
    """Run a hub in `folder` and return the figures."""
    world = make_world(folder, int(time.time()))
    port = _free_port()
    config = {"listen": f"127.0.0.1:{port}", "metrics": None, "limits": {"subscribers": 100_000}}
    file = folder / "hub.yaml"
    file.write_text(yaml.safe_dump(config))
    command = (sys.executable, "-m", "filterd", "hub")
    subprocess.run(
        (*command, "init", "-c", file, "--operator", "Op"), check=True, capture_output=True
    )
    hub = subprocess.Popen((*command, "serve", "-c", file), stdout=subprocess.DEVNULL)
    subscribers = Subscribers(port)
    try:
        _wait_for(port)
        subscribers.open(50)  # what is loaded once is not what a subscriber costs
        before = _memory(hub.pid)
        opened = subscribers.open(number)
        held = _memory(hub.pid)
        times = [_push(world, subscribers, number + 50, at) for at in range(pushes)]
        after = _memory(hub.pid)
    finally:
        subscribers.close()
        hub.terminate()
        hub.wait(30)
    return {
        "subscribers": number + 50,
        "connected_in_seconds": round(opened, 2),
        "bytes_each_held": round((held - before) / number),
        "bytes_each_after_pushes": round((after - before) / number),
        "push_to_all_seconds": [round(each, 3) for each in times],
        "push_to_all_worst_seconds": round(max(times), 3),
    }


def _push(world: World, subscribers: Subscribers, number: int, at: int) -> float:
    time.sleep(1.0)
    now = int(time.time())
    policy = read_standing(world.feed).policy
    keeper = open_key(world.log_key, world.passphrase.read_text().strip())
    signed = world.signed(order(f"o-{at}", (f"name-{at}.example",), now), now)
    with turn(world.feed):
        log = Log.open(world.feed, policy.log, keeper, policy.canaries)
        subscribers.want(log.position.edge.size + 1)
        began = time.perf_counter()
        log.append([signed], now, secrets.token_hex(8))
    return subscribers.wait(number, 60.0) - began


def _memory(process: int) -> int:
    text = Path(f"/proc/{process}/smaps_rollup").read_text()
    return next(
        int(line.split()[1]) * 1024 for line in text.splitlines() if line.startswith("Pss:")
    )


def _free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


def _wait_for(port: int) -> None:
    until = time.monotonic() + 30
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            if time.monotonic() > until:
                raise
            time.sleep(0.1)
        else:
            return


if __name__ == "__main__":
    main()
