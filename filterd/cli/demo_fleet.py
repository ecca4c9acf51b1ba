"""A hub and nodes as processes on this machine, for the demonstration and for measuring."""

import contextlib
import json
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from filterd.app import enrolling
from filterd.app.enrolling import wanted
from filterd.cli.demo_world import World
from filterd.hub.database import Database, migrate, open_database
from filterd.hub.enrolment import Invited, invite
from filterd.hub.people import Role, add_person
from filterd.model.errors import FilterdError

PATIENCE = 60.0  # seconds for a process to be ready; twenty start at once on a small machine
Settings = Mapping[str, Any]


class FleetError(FilterdError):
    """A process of the demonstration does not do what it should; the text has its last words."""


@dataclass(frozen=True, slots=True)
class HubAt:
    """A hub's configuration, its address, and the token of an officer."""

    config: Path
    url: str
    database: Database
    officer: str


@dataclass(frozen=True, slots=True)
class NodeAt:
    """A node's configuration, and where it answers."""

    name: str
    config: Path
    host: str
    port: int
    metrics: str


@dataclass(slots=True)
class Process:
    """One that was started here. It is ended by its own number."""

    name: str
    popen: subprocess.Popen[bytes]
    log: Path

    def end(self) -> None:
        """Ask it to end, and wait."""
        self.popen.terminate()
        try:
            self.popen.wait(20)
        except subprocess.TimeoutExpired:
            self.popen.kill()
            self.popen.wait()


def prepare_hub(
    world: World, address: str, changes: Settings | None = None, database: str = "sqlite:///hub.db"
) -> HubAt:
    """Write a hub's configuration, make its database and an officer. DatabaseError, OSError."""
    settings = {
        "listen": address,
        "metrics": None,
        "database": database,
        "feed": "feed",
        "log": {"key": "log.pem", "passphrase_file": "log.pass"},
        **(changes or {}),
    }
    config = _written(world.folder / "hub.yaml", settings)
    if database.startswith("sqlite:///"):
        database = f"sqlite:///{world.folder / database.removeprefix('sqlite:///')}"
    migrate(database)
    opened = open_database(database)
    with opened.write() as connection:
        officer = add_person(connection, "officer", Role.OFFICER, _now_ms())
    return HubAt(config, f"http://{address}", opened, officer)


def invitation(hub: HubAt, name: str, province: str = "demo") -> str:
    """Return a code that makes a node known to the hub as `name`."""
    with hub.database.write() as connection:
        return invite(connection, Invited(name, province), _now_ms())


def prepare_node(
    folder: Path, world: World, hub: str, where: tuple[str, int, str], changes: Settings
) -> NodeAt:
    """Write the configuration of a node that follows `hub`; `where`: its host, port, and the
    address of its metrics. OSError.
    """
    host, port, metrics = where
    folder.mkdir(parents=True, exist_ok=True)
    settings = {
        "state_dir": str(folder / "state"),
        "control": {"socket": str(folder / "control.sock")},
        "listen": {"udp": [f"{host}:{port}"], "tcp": [f"{host}:{port}"]},
        "metrics": {"listen": metrics},
        "feed": {"url": f"{hub}/feed", "root": str(world.root), "hub": hub},
        **changes,
    }
    return NodeAt(folder.name, _written(folder / "filterd.yaml", settings), host, port, metrics)


@contextlib.contextmanager
def started(
    name: str, words: Sequence[str], log: Path, before: Sequence[str] = ()
) -> Iterator[Process]:
    """Run `filterd WORDS` until the block ends; `before`: a command to run it under."""
    command = [*before, sys.executable, "-m", "filterd", *words]
    with log.open("ab") as out:
        popen = subprocess.Popen(  # noqa: S603 - our own program, no shell
            command, stdin=subprocess.DEVNULL, stdout=out, stderr=out
        )
    process = Process(name, popen, log)
    try:
        yield process
    finally:
        process.end()


def wait_ready(process: Process, url: str) -> None:
    """Wait until `url` says 200. FleetError: it does not, or the process has ended."""
    give_up = time.monotonic() + PATIENCE
    while time.monotonic() < give_up:
        if process.popen.poll() is not None:
            break
        with contextlib.suppress(httpx.HTTPError):
            if httpx.get(url, timeout=5.0).status_code == httpx.codes.OK:
                return
        time.sleep(0.05)
    said = process.log.read_text(errors="replace")[-1500:]
    raise FleetError(f"{process.name} did not get ready; it said:\n{said}")


def enrol(node: NodeAt, hub: HubAt) -> None:
    """Make a node known to its hub, as `filterd feed enrol` does. EnrolmentError."""
    folder = node.config.parent / "state" / "feed"
    body = wanted(invitation(hub, node.name), folder)
    enrolling.enrol(hub.url, body, folder, int(time.time()))


def _written(file: Path, settings: Settings) -> Path:
    # JSON is YAML.
    file.write_text(json.dumps(settings, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    return file


def _now_ms() -> int:
    return time.time_ns() // 1_000_000
