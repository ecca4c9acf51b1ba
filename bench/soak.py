"""A soak: a fixed rate of mixed queries and a new rule every second, for many minutes.

What is looked for: memory that stays, a tail that stays, nothing lost, nothing wrong. Keeps
results/soak.json and results/soak.svg.
"""

import argparse
import json
import statistics
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from signal import SIGTERM, signal
from typing import Any

from bench import mixes, native, standing
from bench.blast import Server, fire, firing, warm
from bench.context import Bench
from bench.daemon import Node
from bench.figures import Part
from bench.names import MILLION
from bench.places import RESULTS
from bench.process import allow_many_files, memory
from bench.rounds import Pace
from bench.ruling import block, unblock
from bench.saying import Progress, say
from bench.soak_picture import draw, worst_of
from bench.wire import ask
from filterd.control.client import call

RATE = 5_000
LOOK = 5.0  # seconds between looks at memory
HELD = 50  # rules made that hold at one time; the oldest goes
CACHE = "32MiB"  # small, so that it is full from the start
FILL_SECONDS = 120.0
GROWS = 1.005  # as long as another 20,000 names make it larger by so much, it is not full
EPILOG = """\
examples:
  make soak MINUTES=20
  python -m bench.soak --minutes 20
  python -m bench.soak --minutes 2 --rate 2000 --out build/bench/soak
"""


@dataclass(slots=True)
class Soak:
    """What was seen: looks at memory, intervals of the load, rules with their milliseconds."""

    minutes: float
    rate: int
    looks: list[dict[str, float]] = field(default_factory=list)
    intervals: list[dict[str, float]] = field(default_factory=list)
    rules: list[tuple[float, float]] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)
    summary: dict[str, Any] = field(default_factory=dict)


def main(arguments: Sequence[str]) -> int:
    """Soak; 0 if it ran, 1 if the daemon or the load ended early, 2 without a C compiler."""
    parser = argparse.ArgumentParser(
        prog="python -m bench.soak",
        description=__doc__,
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--minutes", type=float, default=20, help="how long (20)")
    parser.add_argument("--rate", type=int, default=RATE, help=f"queries a second ({RATE:,})")
    parser.add_argument("--rules", type=int, default=MILLION, help=f"rules loaded ({MILLION:,})")
    parser.add_argument("--out", type=Path, default=RESULTS, help="folder of soak.json, soak.svg")
    options = parser.parse_args(arguments)
    programs = native.build()
    if programs is None:
        return 2
    signal(SIGTERM, lambda *_: sys.exit(1))
    allow_many_files()
    bench = Bench(programs, Pace())
    soak = Soak(options.minutes, options.rate)
    with bench.stack:
        node = bench.node(options.rules).another("soak", cache=CACHE)
        names = bench.names(options.rules)
        files = mixes.write_mixes(names)
        with standing.filterd("filterd", node, names) as one:
            _fill(bench, node, one.server, files)
            _run(bench, node, one.server, files["c"], soak)
    soak.summary = judge(soak)
    part = Part.now(f"python -m bench.soak {' '.join(arguments)}".strip(), (), {}, asdict(soak))
    options.out.mkdir(parents=True, exist_ok=True)
    target = options.out / "soak.json"
    target.write_text(json.dumps(asdict(part)) + "\n", encoding="utf-8")
    draw(part, options.out / "soak.svg")
    for key, value in soak.summary.items():
        print(f"{key:<36} {value:,.4g}" if isinstance(value, float) else f"{key:<36} {value}")
    for fault in soak.faults[:20]:
        print(f"FAULT: {fault}")
    return 1 if soak.faults else 0


def _fill(bench: Bench, node: Node, server: Server, files: Mapping[str, Path]) -> None:
    """Fill the cache with names that come once, so that it is at its bound before the soak."""
    say("filling the cache")
    until = time.monotonic() + FILL_SECONDS
    before, held = -1.0, 0.0
    while time.monotonic() < until and held > GROWS * before:
        fire(bench.programs.blast, server, files["m"], "-n", "20000", "-w", "64")
        before, held = held, cache_bytes(node)
    warm(bench.programs.blast, server, files["warm"])


def cache_bytes(node: Node) -> float:
    """Return the bytes that the cache holds now."""
    found: Any = call(node.control, "status")
    return float(found["engine"]["cache"]["bytes"])


def _run(bench: Bench, node: Node, server: Server, mix: Path, soak: Soak) -> None:
    seconds = soak.minutes * 60
    how = ("-r", str(soak.rate), "-t", str(seconds), "-k", "0", "-z", "-i", "1000")
    bar = Progress(f"soaking {soak.minutes:g} min", int(seconds / LOOK))
    with firing(bench.programs.blast, server, mix, *how) as load:
        began = next_look = time.monotonic()
        made = 0
        while (now := time.monotonic()) < began + seconds and load.running:
            if now >= next_look:
                next_look += LOOK
                _look(node, server, soak, bar)
            _change(node, made, soak)
            made += 1
            time.sleep(max(0.0, began + made - time.monotonic()))
        rows = load.wait(30)
    bar.end()
    soak.intervals = worst_of([row for row in rows if "at" in row])
    soak.summary = rows[-1]


def _look(node: Node, server: Server, soak: Soak, bar: Progress) -> None:
    sizes = memory(server.pid)
    if not sizes:
        soak.faults.append("the daemon has ended")
        return
    files = len(list(Path(f"/proc/{server.pid}/fd").iterdir()))
    threads = len(list(Path(f"/proc/{server.pid}/task").iterdir()))
    held = {"cache": cache_bytes(node) / (1 << 20), "files": files, "threads": threads}
    soak.looks.append({"at": time.monotonic(), **sizes, **held})
    bar.step(f"{sizes['pss']:.0f} MiB, {len(soak.rules)} rules, {len(soak.faults)} faults")


def _change(node: Node, number: int, soak: Soak) -> None:
    """Make one rule, see that it is obeyed, and take an old one back."""
    name = f"soak{number}.example"
    before = ask(node.port, name, timeout=1.0)
    began = time.monotonic()
    block(node, name)
    after = ask(node.port, name, timeout=1.0)
    soak.rules.append((began, (time.monotonic() - began) * 1e3))
    if (before, after) != ("answered", "blocked"):
        soak.faults.append(f"{name} was {before}, then {after} after its rule was made")
    if number >= HELD:
        unblock(node, f"soak{number - HELD}.example")


def judge(soak: Soak) -> dict[str, Any]:
    """Return the figures: how much memory grew between the second tenth and the last."""
    tenth = max(len(soak.looks) // 10, 1)
    found: dict[str, Any] = {"minutes": soak.minutes, "queries/s": soak.rate}
    for key in ("pss", "uss", "cache"):
        values = [look[key] for look in soak.looks]
        first = statistics.median(values[tenth : 2 * tenth] or values)
        last = statistics.median(values[-tenth:])
        found |= {f"{key} MiB, second tenth": first, f"{key} MiB, last tenth": last}
        found[f"{key} grew %"] = 100 * (last / first - 1)
    for key in ("files", "threads"):
        counts = [look[key] for look in soak.looks]
        found[key] = f"{min(counts):.0f} to {max(counts):.0f}"
    total = soak.summary
    found |= {"sent": total["sent"], "lost": total["lost"], "wrong": sum(total["wrong"])}
    found["not sent, generator held up"] = total["skipped"]
    found |= {"p50 µs": total["p50_us"], "p99 µs": total["p99_us"]}
    found["CPU µs a query, changes included"] = total["cpu_us"]
    times = [took for _, took in soak.rules]
    found["rules made"] = len(times)
    found["rule in force ms, median"] = statistics.median(times)
    found["rule in force ms, most"] = max(times)
    found["faults"] = len(soak.faults)
    return found


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
