"""CPU a query at the door: each server in turn in every round, beside the floor of that round.

The CPU is the server's own, from /proc; the generator and the upstream have another core.
Absolute times move by a fifth on a shared machine, so each comes with its ratio to the floor.
"""

import json
import os
import statistics
import subprocess
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bench.places import LOAD_CORE
from bench.process import NICEST, on_core

WINDOW = 128
RATE = 5_000
SECONDS = 1.0
MIXES = ("b", "h", "a", "c")
FLOOR = "echo"


@dataclass(frozen=True, slots=True)
class Server:
    """A running server: its name in the table, its port and its process."""

    name: str
    port: int
    pid: int


@dataclass(slots=True)
class Samples:
    """What one server gave for one mix and load, round by round."""

    cpu_us: list[float] = field(default_factory=list)
    ratio: list[float] = field(default_factory=list)
    qps: list[float] = field(default_factory=list)
    p99_us: list[float] = field(default_factory=list)
    wrong: int = 0
    lost: int = 0

    def summary(self) -> dict[str, float]:
        """Return medians and what went wrong."""
        return {
            "cpu_us": round(statistics.median(self.cpu_us), 2),
            "cpu_us_least": round(min(self.cpu_us), 2),
            "ratio": round(statistics.median(self.ratio), 2),
            "qps": round(statistics.median(self.qps)),
            "p99_us": round(statistics.median(self.p99_us), 1),
            "wrong": self.wrong,
            "lost": self.lost,
        }


def rounds(
    blast: Path, servers: Sequence[Server], mixes: Mapping[str, Path], count: int
) -> dict[str, dict[str, float]]:
    """Return server/load/mix -> summary. The floor must be among `servers`, and come first."""
    samples: dict[str, Samples] = {}
    loads = {"full": ("-w", str(WINDOW)), "5k": ("-r", str(RATE))}
    for server in servers:
        if server.name != FLOOR:
            _warm(blast, server, mixes["warm"])
    for _ in range(count):
        for mix in MIXES:
            for load, how in loads.items():
                floor = 0.0
                for server in servers:
                    seen = fire(blast, server, mixes[mix], *how, "-t", str(SECONDS))
                    floor = floor or seen["cpu_us"]
                    kept = samples.setdefault(f"{server.name}/{load}/{mix}", Samples())
                    kept.cpu_us.append(seen["cpu_us"])
                    kept.ratio.append(seen["cpu_us"] / floor)
                    kept.qps.append(seen["qps"])
                    kept.p99_us.append(seen["p99_us"])
                    kept.wrong += sum(seen["wrong"])
                    kept.lost += seen["lost"]
    return {key: kept.summary() for key, kept in samples.items()}


def fire(blast: Path, server: Server, mix: Path, *how: str) -> dict[str, Any]:
    """Run the load generator once against `server`."""
    command = [str(blast), "-p", str(server.port), "-P", str(server.pid), "-d", str(mix), *how]
    if server.name == FLOOR:
        command.append("-x")
    done = subprocess.run(
        command, check=True, capture_output=True, text=True, timeout=120, preexec_fn=_first
    )
    seen: dict[str, Any] = json.loads(done.stdout)
    return seen


def _warm(blast: Path, server: Server, queries: Path) -> None:
    for _ in range(3):
        fire(blast, server, queries, "-n", "20000", "-w", "32")


def _first() -> None:
    on_core(LOAD_CORE)()
    try:
        os.setpriority(os.PRIO_PROCESS, 0, NICEST)
    except PermissionError:
        return  # an ordinary user's bench is only noisier


def table(summaries: Mapping[str, Mapping[str, float]], names: Iterable[str]) -> list[str]:
    """Return rows of Markdown: µs (times the floor) by mix and load."""
    mixes = ("blocked, often asked", "blocked, all over the list", "cached", "mixed")
    heads = [f"{mix}{load}" for load in ("", f", at {RATE:,}/s") for mix in mixes]
    rows = [
        f"| server | {' | '.join(heads)} |",
        f"|---{'|---' * len(heads)}|",
    ]
    for name in names:
        cells = [
            f"{cell['cpu_us']:.2f} ({cell['ratio']:.1f}×)"
            for load in ("full", "5k")
            for mix in ("h", "a", "b", "c")
            if (cell := summaries[f"{name}/{load}/{mix}"])
        ]
        rows.append(f"| {name} | {' | '.join(cells)} |")
    return rows
