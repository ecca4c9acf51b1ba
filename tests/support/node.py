"""The real daemon as a process, on loopback and free ports, stopped by its own pid.

A configuration for it must name its upstreams, all on loopback: the built-in ones are public.
"""

import json
import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import dns.message
import yaml

from filterd.control.client import call
from tests.support.data import ROOT
from tests.support.dnsclient import Dig, dig, udp
from tests.support.servers import free_port

START_SECONDS = 30.0
FILTERD = (sys.executable, "-m", "filterd")


@dataclass
class RunningNode:
    """A daemon that answers, and ways to speak to it."""

    folder: Path
    port: int
    metrics_port: int
    process: subprocess.Popen[bytes]

    @property
    def config(self) -> Path:
        return self.folder / "filterd.yaml"

    @property
    def state(self) -> Path:
        return self.folder / "state"

    @property
    def log(self) -> str:
        return (self.folder / "filterd.log").read_text()

    @property
    def alive(self) -> bool:
        return self.process.poll() is None

    def ask(self, name: str, kind: str = "A", **how: Any) -> dns.message.Message:
        """Ask over UDP; see `dnsclient.udp`."""
        return udp(name, kind, self.port, **how)

    def dig(self, *arguments: str, program: str = "dig") -> Dig:
        """Run a real dig (or kdig) against this node."""
        return dig(self.port, *arguments, program=program)

    def run(self, *arguments: str, config: bool = True) -> subprocess.CompletedProcess[str]:
        """Run a command of the command line with this node's configuration."""
        return filterd(*arguments, *(("-c", str(self.config)) if config else ()))

    def http(self, path: str) -> tuple[int, str]:
        """Return status and body of a page of the metrics door."""
        url = f"http://127.0.0.1:{self.metrics_port}{path}"
        try:
            with urllib.request.urlopen(url, timeout=5) as page:
                return page.status, page.read().decode()
        except urllib.error.HTTPError as error:
            with error:
                return error.code, error.read().decode()

    def metric(self, start: str) -> float:
        """Return the sum of the samples whose line begins with `start`."""
        lines = self.http("/metrics")[1].splitlines()
        return sum(float(line.rpartition(" ")[2]) for line in lines if line.startswith(start))

    def status(self) -> dict[str, Any]:
        """Return what `filterd reload --status --json` prints."""
        return call(self.folder / "control.sock", "status")

    def write(self, changes: Mapping[str, Any]) -> None:
        """Put `changes` on top of the configuration file, key by key."""
        value = yaml.safe_load(self.config.read_text())
        self.config.write_text(_yaml(value | dict(changes)))

    def reload(self, changes: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """Write `changes`, if any, and reload over the control socket, as the command does."""
        if changes is not None:
            self.write(changes)
        return call(self.folder / "control.sock", "reload", timeout=60.0)

    def hangup(self) -> None:
        self.process.send_signal(signal.SIGHUP)


def filterd(
    *arguments: str, text: str | None = None, environ: Mapping[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """Run the command line to its end."""
    return subprocess.run(
        [*FILTERD, *arguments],
        input=text,
        stdin=subprocess.DEVNULL if text is None else None,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        cwd=ROOT,
        env=os.environ | dict(environ or {}),
    )


def write_config(folder: Path, changes: Mapping[str, Any], port: int, metrics_port: int) -> Path:
    """Write the configuration of a node into `folder`; return the file."""
    if not changes.get("upstream", {}).get("servers"):
        raise ValueError("name the upstreams, on loopback: the built-in ones are public")
    folder.mkdir(parents=True, exist_ok=True)
    doors = [f"127.0.0.1:{port}", f"[::1]:{port}"]
    base = {
        "language": "en",
        "state_dir": str(folder / "state"),
        "listen": {"udp": doors, "tcp": doors},
        "metrics": {"listen": f"127.0.0.1:{metrics_port}"},
        "control": {"socket": str(folder / "control.sock")},
    }
    for key, value in changes.items():
        base[key] = base[key] | value if key == "listen" else value
    file = folder / "filterd.yaml"
    file.write_text(_yaml(base))
    return file


@contextmanager
def node(
    folder: Path, changes: Mapping[str, Any], *, prefix: tuple[str, ...] = (), ready: bool = True
) -> Iterator[RunningNode]:
    """Run a daemon until the block ends. `prefix`: a command to run it under; `ready` False: wait
    only until it lives, for a node that has a reason not to be ready.
    """
    port, metrics_port = both_families_port(), free_port()
    write_config(folder, changes, port, metrics_port)
    running = RunningNode(folder, port, metrics_port, start(folder, prefix))
    try:
        wait_for(running, "/readyz" if ready else "/healthz")
        yield running
    finally:
        stop(running.process)


def start(folder: Path, prefix: tuple[str, ...] = ()) -> subprocess.Popen[bytes]:
    """Start a daemon on the configuration in `folder`."""
    with (folder / "filterd.log").open("ab") as out:
        return subprocess.Popen(
            [*prefix, *FILTERD, "serve", "-c", str(folder / "filterd.yaml")],
            stdout=out,
            stderr=out,
            stdin=subprocess.DEVNULL,
            cwd=ROOT,
        )


def wait_for(running: RunningNode, page: str) -> None:
    """Wait until `page` of the metrics door says 200."""
    give_up = time.monotonic() + START_SECONDS
    said = "nothing"
    while time.monotonic() < give_up:
        if not running.alive:
            raise RuntimeError(f"filterd ended: {running.log[-3000:]}")
        try:
            code, said = running.http(page)
        except OSError:
            code = 0
        if code == 200:
            return
        time.sleep(0.03)
    raise RuntimeError(f"filterd is not at {page}: {said} {running.log[-3000:]}")


def stop(process: subprocess.Popen[bytes]) -> None:
    """End a process that `start` started."""
    process.terminate()
    try:
        process.wait(10)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _yaml(value: Mapping[str, Any]) -> str:
    """JSON is YAML, and has no aliases, which a configuration may not have."""
    return json.dumps(value, indent=2, ensure_ascii=False)


def both_families_port() -> int:
    """Return a port that is free on 127.0.0.1 and ::1."""
    import socket  # noqa: PLC0415

    for _ in range(50):
        port = free_port("::1")
        with socket.socket() as tcp, socket.socket(type=socket.SOCK_DGRAM) as datagrams:
            try:
                tcp.bind(("127.0.0.1", port))
                datagrams.bind(("127.0.0.1", port))
            except OSError:
                continue
        return port
    raise RuntimeError("no port is free on both families")


def eventually(check: Any, seconds: float = 30.0) -> Any:
    """Call `check` until it gives something true; return that. Fails with its last value."""
    give_up = time.monotonic() + seconds
    while True:
        value = check()
        if value:
            return value
        if time.monotonic() > give_up:
            raise AssertionError(f"still {value!r} after {seconds} s")
        time.sleep(0.05)
