"""CPU a query: every server in each round, beside the floor of the same minute.

The CPU is the server's own, from /proc; generator and upstream have another core. Absolute times
move by a fifth on a shared machine, so each comes with its ratio to the floor, which is measured
before and after each pass through the servers.
"""

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from bench.blast import Server, fire, warm
from bench.saying import Progress, turn

WINDOW = 128
RATES = (20_000, 10_000, 2_000, 500)  # the first that a server can hold with ease
EASE = 1.3
MIXES = ("a", "b", "c", "m")
FULL, FIXED = "full", "fixed"


@dataclass(frozen=True, slots=True)
class Pace:
    """How many rounds, and how many seconds for one measurement."""

    rounds: int = 4
    seconds: float = 1.2


@dataclass(slots=True)
class Samples:
    """What one server gave for one mix and load, round by round."""

    cpu_us: list[float] = field(default_factory=list)
    ratio: list[float] = field(default_factory=list)
    qps: list[float] = field(default_factory=list)
    p50_us: list[float] = field(default_factory=list)
    p95_us: list[float] = field(default_factory=list)
    p99_us: list[float] = field(default_factory=list)
    rate: int = 0  # 0: as much as it takes
    sent: int = 0
    wrong: int = 0
    lost: int = 0

    def keep(self, seen: Mapping[str, Any], floor: float) -> None:
        """Keep one measurement."""
        for name in ("cpu_us", "qps", "p50_us", "p95_us", "p99_us"):
            getattr(self, name).append(seen[name])
        self.ratio.append(seen["cpu_us"] / floor)
        self.sent += seen["sent"]
        self.wrong += sum(seen["wrong"])
        self.lost += seen["lost"]


@dataclass(frozen=True, slots=True)
class Cell:
    """The medians of one server, mix and load; `ratio` is to F1 in the same round."""

    cpu_us: float
    cpu_us_least: float
    cpu_us_most: float
    ratio: float
    qps: float
    p50_us: float
    p95_us: float
    p99_us: float
    rate: int
    sent: int
    wrong: int
    lost: int

    @classmethod
    def of(cls, samples: Samples) -> "Cell":
        """Return the medians."""

        def middle(values: list[float]) -> float:
            return round(statistics.median(values), 3)

        return cls(
            cpu_us=middle(samples.cpu_us),
            cpu_us_least=min(samples.cpu_us),
            cpu_us_most=max(samples.cpu_us),
            ratio=middle(samples.ratio),
            qps=middle(samples.qps),
            p50_us=middle(samples.p50_us),
            p95_us=middle(samples.p95_us),
            p99_us=middle(samples.p99_us),
            rate=samples.rate,
            sent=samples.sent,
            wrong=samples.wrong,
            lost=samples.lost,
        )


Cells = dict[tuple[str, str, str], Cell]  # by server, load and mix


def run(
    blast: Path,
    floor: Server,
    servers: Sequence[Server],
    mixes: Mapping[str, Path],
    pace: Pace,
    lock: Path | None = None,
) -> Cells:
    """Measure rounds of every server, mix and load."""
    samples: dict[tuple[str, str, str], Samples] = {}
    bar = Progress("measuring", pace.rounds * len(MIXES) * 2 * len(servers))
    for number in range(pace.rounds):
        order = [*servers[number % len(servers) :], *servers[: number % len(servers)]]
        for mix in MIXES:
            for load in (FULL, FIXED):
                with turn(lock):
                    _pass(blast, floor, order, mixes, (load, mix, pace.seconds), samples, bar)
    bar.end()
    return {key: Cell.of(each) for key, each in samples.items()}


def _pass(
    blast: Path,
    floor: Server,
    servers: Sequence[Server],
    mixes: Mapping[str, Path],
    what: tuple[str, str, float],
    samples: dict[tuple[str, str, str], Samples],
    bar: Progress,
) -> None:
    """One load and mix for every server, the floor first and last."""
    load, mix, seconds = what
    seen: list[tuple[Server, int, dict[str, Any]]] = []
    for server in (floor, *servers, floor):
        rate = 0
        if load == FIXED:
            known = samples.get((server.name, FULL, mix))
            rate = RATES[0] if known is None else _rate(known.cpu_us[-1])
        if not server.echo:
            bar.step(f"{mix} {f'at {rate:,}/s' if rate else 'at saturation'}: {server.name}")
            warm(blast, server, mixes["warm"])
        how = ("-r", str(rate)) if rate else ("-w", str(WINDOW))
        seen.append((server, rate, fire(blast, server, mixes[mix], *how, "-t", str(seconds))))
    ground = statistics.mean(one["cpu_us"] for server, _, one in seen if server.echo)
    for server, rate, one in seen:
        kept = samples.setdefault((server.name, load, mix), Samples())
        kept.rate = min(rate, kept.rate or rate)
        kept.keep(one, ground)


def _rate(cpu_us: float) -> int:
    """Return the rate for a server whose queries cost so much when there are many."""
    return next((rate for rate in RATES if 1e6 / cpu_us > EASE * rate), RATES[-1])


def as_json(cells: Cells) -> dict[str, Any]:
    """Return server/load/mix -> medians."""
    return {"/".join(key): asdict(cell) for key, cell in cells.items()}
