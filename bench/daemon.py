"""A real filterd with a whole list: its configuration, its lists, its process."""

import contextlib
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from bench.names import Names
from bench.places import LOOPBACK, ROOT, SERVER_CORE
from bench.process import free_port, running
from bench.wire import ask
from filterd.config.listen import ListenConfig

# A school's configuration with what it uses: groups by network and age, times, services, safe
# search, the school's own rules and records, metrics, counts in the log. `trusted` and `--force`:
# the names of the list may be of any kind.
CONFIG = """\
state_dir: {folder}/state
listen:
  udp: ['{host}:{port}']
  tcp: ['{host}:{port}']
{workers}
upstream:
  servers: ['udp://{host}:{upstream}']
  strategy: strict
cache: {{size: {cache}}}
default_group: pupils
groups:
  pupils:
    age: 14
    schedules:
      - {{during: night, block: ['category:games']}}
    services: {{block: [tiktok]}}
    youtube: strict
  small:
    age: primary
    networks: [192.0.2.0/26]
  staff:
    age: staff
    networks: [192.0.2.64/26]
    safe_search: false
    bypass_protection: false
schedules:
  night:
    windows:
      - {{days: mon-fri, from: '22:00', to: '23:00'}}
lists:
  all: {{format: domains, path: {names}, subdomains: true, trusted: true, refresh: 7d}}
records:
  - printer.school.example A 192.0.2.9
metrics: {{listen: '{host}:{metrics}'}}
control: {{socket: {folder}/control.sock}}
overrides: {folder}/overrides.jsonl
privacy: {{level: {privacy}}}
allow: [library.school.example]
block: [{block}]
"""
KNOWS_WORKERS = "workers" in ListenConfig.model_fields


@dataclass(frozen=True, slots=True)
class Node:
    """A daemon to be: where it keeps its files, its doors, and whom it asks.

    `pin` are the cores of its UDP threads, one each; none of them is the door in Python.
    """

    folder: Path
    names: Path
    upstream: int
    port: int
    metrics: int
    pin: tuple[int, ...] = (SERVER_CORE,) if KNOWS_WORKERS else ()
    privacy: str = "aggregates"
    cache: str = "256MiB"

    @classmethod
    def new(cls, folder: Path, listed: Path, upstream: int) -> "Node":
        """Return a node in `folder`, which is emptied; it has a list of its own to be changed."""
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        node = cls(folder, folder / "names.txt", upstream, free_port(), free_port())
        node.names.hardlink_to(listed)
        node.write()
        return node

    def restore(self, names: Names) -> None:
        """Put the list as it was made in the place of another; it is not compiled by this."""
        self.names.unlink()
        self.names.hardlink_to(names.listed)

    def another(self, name: str, **changed: object) -> "Node":
        """Return a node that differs so and has the same compiled lists."""
        folder = self.folder.with_name(f"{self.folder.name}-{name}")
        shutil.rmtree(folder, ignore_errors=True)
        (folder / "state").mkdir(parents=True)
        node = replace(self, folder=folder, port=free_port(), metrics=free_port(), **changed)  # type: ignore[arg-type]
        node.write()
        for part in ("lists", "rules"):
            shutil.copytree(self.folder / "state" / part, folder / "state" / part)
        return node

    @property
    def config(self) -> Path:
        """The configuration file."""
        return self.folder / "config.yaml"

    @property
    def control(self) -> Path:
        """The control socket."""
        return self.folder / "control.sock"

    def write(self, block: Sequence[str] = ("school-block.example",)) -> None:
        """Write the configuration; `block` is the school's own list."""
        workers = f"  workers: {len(self.pin)}\n  pin: {list(self.pin)}" if KNOWS_WORKERS else ""
        part = self.config.with_suffix(".part")
        part.write_text(
            CONFIG.format(
                folder=self.folder,
                host=LOOPBACK,
                port=self.port,
                metrics=self.metrics,
                workers=workers,
                upstream=self.upstream,
                cache=self.cache,
                privacy=self.privacy,
                names=self.names,
                block=", ".join(block),
            ),
            encoding="utf-8",
        )
        part.replace(self.config)

    def command(self, *words: str) -> list[str]:
        """Return a filterd command with this configuration."""
        return [sys.executable, "-m", "filterd", *words, "-c", str(self.config)]

    def compile(self) -> None:
        """Compile the list, as a node that has run before has."""
        update = self.command("lists", "update", "--force", "all")
        subprocess.run(update, cwd=ROOT, check=True, stdout=subprocess.DEVNULL)


@contextlib.contextmanager
def serving(node: Node, blocked: str) -> Iterator[subprocess.Popen[bytes]]:
    """Serve until the block ends; yields the process once `blocked` is blocked."""
    ready = lambda: ask(node.port, blocked, timeout=0.2) == "blocked"  # noqa: E731
    log = node.folder / "serve.log"
    with running(node.command("serve"), log, ready, core=node.pin or SERVER_CORE) as process:
        yield process
