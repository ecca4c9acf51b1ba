"""The load generator's face: native/blast.c, on the generator's core."""

import json
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.places import LOAD_CORE
from bench.process import placed


@dataclass(frozen=True, slots=True)
class Server:
    """A running server: its name in the table, its port and its process."""

    name: str
    port: int
    pid: int
    echo: bool = False


def fire(blast: Path, server: Server, mix: Path, *how: str) -> dict[str, Any]:
    """Fire once; return what was seen (the fields are those of blast's last line)."""
    with placed(LOAD_CORE, first=True):
        done = subprocess.run(
            command(blast, server, mix, *how),
            check=True,
            capture_output=True,
            text=True,
            timeout=300,
        )
    seen: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return seen


def start(blast: Path, server: Server, mix: Path, *how: str) -> subprocess.Popen[str]:
    """Fire in the background; read the lines of the intervals and the summary from its stdout."""
    with placed(LOAD_CORE, first=True):
        return subprocess.Popen(
            command(blast, server, mix, *how), stdout=subprocess.PIPE, text=True
        )


def command(blast: Path, server: Server, mix: Path, *how: str) -> Sequence[str]:
    """Return what to run."""
    unchecked = ("-x",) if server.echo else ()
    where = ["-p", str(server.port), "-P", str(server.pid), "-d", str(mix)]
    return [str(blast), *where, *how, *unchecked]


def warm(blast: Path, server: Server, queries: Path) -> None:
    """Ask every name of the mix `warm` until none is lost, three times at most."""
    for _ in range(3):
        seen = fire(blast, server, queries, "-n", "20000", "-w", "32")
        if not seen["lost"] and not any(seen["wrong"]):
            return
