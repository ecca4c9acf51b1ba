"""What it costs to go from text to a compiled index, and to open one.

    python -m bench.compiling NAMES TARGET

One process of its own does it as the daemon's child does (lists_index.compile_lists), so that
its CPU time and its memory are its own, and prints a line of JSON.
"""

import json
import resource
import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from bench.context import Bench
from bench.figures import Figure
from bench.places import BUILD, ROOT, SERVER_CORE
from bench.process import placed
from bench.saying import say, turn
from bench.union import union
from filterd.core import Index, IndexBuilder
from filterd.formats.registry import by_name
from filterd.model.group import ListSpec
from filterd.policy.lists_index import compile_lists

OPENINGS = 9


def measure(bench: Bench) -> None:
    """A million synthetic names, and the union of the real lists where it can be had."""
    _one(bench, "synthetic names", bench.names().listed, 6)
    real = union()
    if real is not None:
        _one(bench, "names of real lists", real, 6)


def measure_file(bench: Bench, names: Path) -> dict[str, Any]:
    """Compile one file of names in a process of its own; return what `cost` found."""
    target = BUILD / f"{names.stem}.idx"
    command = [sys.executable, "-m", "bench.compiling", str(names), str(target)]
    with turn(bench.lock), placed(SERVER_CORE):
        done = subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def _one(bench: Bench, what: str, names: Path, most: float) -> None:
    say(f"compiling {what}")
    found = bench.raw[f"compile {names.stem}"] = measure_file(bench, names)
    rules = f"{found['rules']:,} {what}"
    steps = f"reading {found['skim_cpu_s']:.2f} s, writing {found['write_cpu_s']:.2f} s"
    lines = f"and {found['lines_bytes_a_rule']:.1f} for line numbers, a file never mapped to answer"
    bench.add(
        Figure(f"{rules}: text to compiled index", found["compile_cpu_s"], "s CPU", most, steps),
        Figure("the same, mapped", found["bytes_a_rule"], "bytes/rule", 12, lines),
        Figure("the same, opened", found["open_ms"], "ms", 50, "median of 9, verified"),
    )


def cost(names: Path, target: Path) -> dict[str, float]:
    """Return seconds of CPU, milliseconds and bytes a rule."""
    spec = ListSpec("union", "domains", path=str(names), subdomains=True)
    data = names.read_bytes()
    builder = IndexBuilder(lines=True)
    began = time.monotonic()
    before = time.process_time()
    compiled = compile_lists([(spec, data, by_name("domains"))], builder)
    skimmed = time.process_time()
    builder.write(str(target), compiled.meta)
    written = time.process_time()
    took = time.monotonic() - began
    report = compiled.reports[0]
    opened = [_open(target) for _ in range(OPENINGS)]
    lines = Path(f"{target}.lines")
    index = Index.open(str(target))
    return {
        "rules": report.accepted,
        "refused": report.refused_total,
        "names": index.names,
        "skim_cpu_s": skimmed - before,
        "write_cpu_s": written - skimmed,
        "compile_cpu_s": written - before,
        "compile_s": took,
        "bytes_a_rule": target.stat().st_size / report.accepted,
        "lines_bytes_a_rule": lines.stat().st_size / report.accepted,
        "open_ms": statistics.median(opened),
        "peak_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
        "text_mib": len(data) / (1 << 20),
    }


def _open(path: Path) -> float:
    before = time.perf_counter()
    Index.open(str(path))
    return (time.perf_counter() - before) * 1e3


if __name__ == "__main__":
    print(json.dumps(cost(Path(sys.argv[1]), Path(sys.argv[2]))))
