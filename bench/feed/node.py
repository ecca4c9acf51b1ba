"""A real node that follows a hub, as a process on loopback, and what it takes."""

import json
import re
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from threading import Event, Thread

import dns.edns
import dns.exception
import dns.message
import dns.query

from bench.process import free_port
from filterd.cli.demo_fleet import HubAt, NodeAt, Process, enrol, prepare_node, started
from filterd.cli.demo_world import World
from filterd.feed import snapshot

CENSORED = 16  # RFC 8914 section 4.17
PATIENCE = 900.0
LOOPBACK = "127.0.0.1"


@dataclass
class Following:
    """A node, and the highest memory of it and of each of its children (MiB)."""

    at: NodeAt
    process: Process
    peaks: dict[str, float] = field(default_factory=dict)

    def blocks(self, name: str) -> bool:
        """Say whether it blocks `name` by an order, asked over its socket."""
        question = dns.message.make_query(name, "A", use_edns=0)
        try:
            answer = dns.query.udp(question, self.at.host, port=self.at.port, timeout=0.5)
        except (OSError, dns.exception.Timeout):
            return False
        return any(
            isinstance(each, dns.edns.EDEOption) and each.code == CENSORED
            for each in answer.options
        )

    def until_blocked(self, name: str, pause: float = 0.01) -> float:
        """Wait until it does; return when, in seconds of the steady clock. TimeoutError."""
        began = time.monotonic()
        while not self.blocks(name):
            if self.process.popen.poll() is not None:
                raise RuntimeError(self.process.log.read_text()[-2000:])
            if time.monotonic() - began > PATIENCE:
                raise TimeoutError(f"{name} is not blocked")
            time.sleep(pause)
        return time.monotonic()

    def until_fetched(self) -> float:
        """Wait until the snapshot is on its disk; return when, as `until_blocked`. TimeoutError."""
        path = self.at.config.parent / "state" / "feed" / "log" / snapshot.PATH
        began = time.monotonic()
        while not path.exists():
            if time.monotonic() - began > PATIENCE:
                raise TimeoutError("the snapshot was not fetched")
            time.sleep(0.02)
        return time.monotonic()

    def memory(self) -> dict[str, float]:
        """Return what it holds now, in MiB: its own, and all with the pages of mapped files."""
        status = Path(f"/proc/{self.process.popen.pid}/status").read_text()
        return {
            key: round(int(value) / 1024, 1)
            for key, value in re.findall(r"(RssAnon|RssFile|VmRSS|VmHWM):\s+(\d+) kB", status)
        }


def prepare(folder: Path, world: World, hub: HubAt, upstream: str) -> NodeAt:
    """Write the configuration of a node, and make it known to `hub`."""
    changes = {
        "upstream": {"servers": [upstream]},
        "default_group": "g",
        "groups": {"g": {"age": 18}},
    }
    where = (LOOPBACK, free_port(), f"{LOOPBACK}:{free_port()}")
    node = prepare_node(folder, world, hub.url, where, changes)
    settings = json.loads(node.config.read_text())
    settings["listen"]["workers"] = 1
    node.config.write_text(json.dumps(settings))
    enrol(node, hub)
    return node


@contextmanager
def following(node: NodeAt) -> Iterator[Following]:
    """Run a node until the block ends; only its own process is stopped."""
    words = ("serve", "-c", str(node.config))
    with started(node.name, words, node.config.parent / "log") as process:
        found, ended = Following(node, process), Event()
        watch = Thread(target=_watch, args=(found, ended), daemon=True)
        watch.start()
        try:
            yield found
        finally:
            ended.set()
            watch.join()


def _watch(node: Following, ended: Event) -> None:
    pid = node.process.popen.pid
    while not ended.wait(0.1):
        with suppress(OSError):
            text = Path(f"/proc/{pid}/task/{pid}/children").read_text()
            for name, each in (("node", pid), *(("child", int(word)) for word in text.split())):
                status = Path(f"/proc/{each}/status").read_text()
                found = re.search(r"VmHWM:\s+(\d+) kB", status)
                if found:
                    peak = round(int(found[1]) / 1024, 1)
                    node.peaks[name] = max(node.peaks.get(name, 0.0), peak)
