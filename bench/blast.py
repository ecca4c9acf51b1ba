"""The load generator's face: native/blast.c, on the generator's core."""

import contextlib
import json
import subprocess
import threading
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from signal import SIGUSR1
from typing import Any

from bench.places import LOAD_CORE
from bench.process import placed

TRIES = 3
HELD_UP = 0.01  # of the queries not sent in time


@dataclass(frozen=True, slots=True)
class Server:
    """A running server: its name in the table, its port and its process."""

    name: str
    port: int
    pid: int
    echo: bool = False


def fire(blast: Path, server: Server, mix: Path, *how: str) -> dict[str, Any]:
    """Fire; return what was seen (the fields are those of blast's last line).

    Where the generator itself was held up by others, the measurement says nothing about the server
    and is made again, a few times at most.
    """
    for _ in range(TRIES):
        seen = _fire(blast, server, mix, *how)
        if not held_up(seen):
            break
    return seen


def held_up(seen: Mapping[str, Any]) -> bool:
    """Whether the generator did not come to send what it should."""
    return bool(seen["skipped"] > HELD_UP * max(seen["sent"], 1))


def _fire(blast: Path, server: Server, mix: Path, *how: str) -> dict[str, Any]:
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


class Load:
    """The generator at work in the background; `rows` are its lines so far.

    They are read as they come: a full pipe would hold the generator up.
    """

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        self.rows: list[dict[str, Any]] = []
        self._process = process
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    @property
    def running(self) -> bool:
        """Whether it still fires."""
        return self._process.poll() is None

    def mark(self) -> None:
        """Have it tell what was, and count anew: a phase ends here."""
        self._process.send_signal(SIGUSR1)

    def stop(self) -> None:
        """Have it end now."""
        if self.running:
            self._process.terminate()

    def wait(self, timeout: float) -> list[dict[str, Any]]:
        """Return all rows once it has ended. RuntimeError if it ended badly."""
        code = self._process.wait(timeout)
        self._reader.join(timeout)
        if code:
            raise RuntimeError(f"the load generator ended with {code}")
        return self.rows

    def _read(self) -> None:
        assert self._process.stdout is not None
        with self._process.stdout as lines:
            for line in lines:
                self.rows.append(json.loads(line))


@contextlib.contextmanager
def firing(blast: Path, server: Server, mix: Path, *how: str) -> Iterator[Load]:
    """Fire in the background until the block ends, or until it has fired enough."""
    with placed(LOAD_CORE, first=True):
        process = subprocess.Popen(
            command(blast, server, mix, *how), stdout=subprocess.PIPE, text=True
        )
    load = Load(process)
    try:
        yield load
    finally:
        load.stop()
        process.wait(30)


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
