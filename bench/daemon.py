"""A real filterd with the whole union: its configuration, its lists, its process."""

import contextlib
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from bench.places import LOOPBACK, ROOT, SERVER_CORE
from bench.process import free_port, running
from bench.wire import ask

# `trusted`: the union names some public suffixes. `--force`: it names sites of everyday use.
CONFIG = """\
state_dir: {folder}/state
listen:
  udp: ['{host}:{port}']
  tcp: ['{host}:{port}']
upstream:
  servers: ['udp://{host}:{upstream}']
  strategy: strict
default_group: pupils
groups:
  pupils:
    age: {age}
lists:
  union: {{format: domains, path: {names}, subdomains: true, trusted: true, refresh: 7d}}
metrics: {{listen: null}}
control: {{socket: {folder}/control.sock}}
overrides: {folder}/overrides.jsonl
privacy: {{level: {privacy}}}
block: [{block}]
"""


@dataclass(frozen=True, slots=True)
class Node:
    """A daemon to be: where it keeps its files, its doors, and whom it asks."""

    folder: Path
    names: Path
    upstream: int
    port: int
    age: int = 14
    privacy: str = "aggregates"

    @classmethod
    def new(cls, folder: Path, names: Path, upstream: int, privacy: str = "aggregates") -> "Node":
        """Return a node in `folder`, which is made."""
        folder.mkdir(parents=True, exist_ok=True)
        node = cls(folder, names, upstream, free_port(), privacy=privacy)
        node.write()
        return node

    def another(self, privacy: str) -> "Node":
        """Return a node with the same compiled lists and a log of another level."""
        folder = self.folder.with_name(f"{self.folder.name}-{privacy}")
        shutil.rmtree(folder, ignore_errors=True)
        node = Node.new(folder, self.names, self.upstream, privacy)
        shutil.copytree(self.folder / "state" / "lists", folder / "state" / "lists")
        shutil.copytree(self.folder / "state" / "rules", folder / "state" / "rules")
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
        part = self.config.with_suffix(".part")
        part.write_text(
            CONFIG.format(
                folder=self.folder,
                host=LOOPBACK,
                port=self.port,
                upstream=self.upstream,
                age=self.age,
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
        update = self.command("lists", "update", "--force", "union")
        subprocess.run(update, cwd=ROOT, check=True, stdout=subprocess.DEVNULL)


@contextlib.contextmanager
def serving(node: Node, blocked: str) -> Iterator[int]:
    """Serve until the block ends; yields the process id once `blocked` is blocked."""
    ready = lambda: ask(node.port, blocked, timeout=0.2) == "blocked"  # noqa: E731
    log = node.folder / "serve.log"
    with running(node.command("serve"), log, ready, core=SERVER_CORE) as process:
        yield process.pid
