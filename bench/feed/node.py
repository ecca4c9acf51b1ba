"""A real node that follows a feed, as a process on loopback, and what it takes."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
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

from bench.feed.ministry import Ministry

CENSORED = 16  # RFC 8914 section 4.17
PATIENCE = 600.0


@dataclass
class Following:
    """A node, and the highest memory of it and of each of its children (MiB)."""

    folder: Path
    port: int
    process: subprocess.Popen[bytes]
    peaks: dict[str, float] = field(default_factory=dict)

    def blocks(self, name: str) -> bool:
        """Say whether it blocks `name` by an order, asked over its socket."""
        question = dns.message.make_query(name, "A", use_edns=0)
        try:
            answer = dns.query.udp(question, "127.0.0.1", port=self.port, timeout=1.0)
        except (OSError, dns.exception.Timeout):
            return False
        return any(
            isinstance(each, dns.edns.EDEOption) and each.code == CENSORED
            for each in answer.options
        )

    def until_blocked(self, name: str, pause: float = 0.01) -> float:
        """Wait until it does; return the seconds. TimeoutError."""
        began = time.monotonic()
        while not self.blocks(name):
            if self.process.poll() is not None:
                raise RuntimeError((self.folder / "log").read_text()[-2000:])
            if time.monotonic() - began > PATIENCE:
                raise TimeoutError(f"{name} is not blocked")
            time.sleep(pause)
        return time.monotonic() - began

    def memory(self) -> dict[str, float]:
        """Return what it holds now, in MiB: its own, and all with the pages of mapped files."""
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        return {
            key: round(int(value) / 1024, 1)
            for key, value in re.findall(r"(RssAnon|RssFile|VmRSS|VmHWM):\s+(\d+) kB", status)
        }


@contextmanager
def following(ministry: Ministry, folder: Path, poll: str = "1s") -> Iterator[Following]:
    """Run a node on `folder` until the block ends; only its own process is stopped."""
    folder.mkdir(parents=True, exist_ok=True)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    settings = {
        "state_dir": str(folder / "state"),
        "listen": {"udp": [f"127.0.0.1:{port}"], "tcp": [], "workers": 1},
        "metrics": {"listen": None},
        "control": {"socket": str(folder / "control.sock")},
        "upstream": {"servers": ["127.0.0.1:9"]},
        "default_group": "g",
        "groups": {"g": {"age": 18}},
        "feed": {"url": f"file://{ministry.feed}", "root": str(ministry.root), "poll": poll},
    }
    config = folder / "filterd.yaml"
    config.write_text(json.dumps(settings))
    with (folder / "log").open("ab") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "filterd", "serve", "-c", str(config)],
            stdout=log,
            stderr=log,
            env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
        )
    node, ended = Following(folder, port, process), Event()
    watch = Thread(target=_watch, args=(node, ended), daemon=True)
    watch.start()
    try:
        yield node
    finally:
        ended.set()
        watch.join()
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _watch(node: Following, ended: Event) -> None:
    pid = node.process.pid
    while not ended.wait(0.1):
        with suppress(OSError):
            text = Path(f"/proc/{pid}/task/{pid}/children").read_text()
            for name, each in (("node", pid), *(("child", int(word)) for word in text.split())):
                status = Path(f"/proc/{each}/status").read_text()
                found = re.search(r"VmHWM:\s+(\d+) kB", status)
                if found:
                    peak = round(int(found[1]) / 1024, 1)
                    node.peaks[name] = max(node.peaks.get(name, 0.0), peak)
