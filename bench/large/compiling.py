"""Ten million rules: from text to an index, its size, and what another process that opens it adds.

    python -m bench.large.compiling INDEX NAMES

opens the index, looks names up all over it and prints a line of JSON with its memory before and
after; it ends when its standard input does.
"""

import json
import os
import random
import subprocess
import sys
from pathlib import Path
from typing import Any

from bench.compiling import measure_file
from bench.context import Bench
from bench.figures import Figure
from bench.names import Names
from bench.places import BUILD, ROOT
from bench.process import memory
from bench.saying import say
from filterd.core import Index

LOOKUPS = 100_000


def measure(bench: Bench, count: int) -> None:
    """Compile, then open twice at one time."""
    names = bench.names(count)
    say(f"compiling {count:,} rules")
    found = bench.raw["large compile"] = measure_file(bench, names.listed)
    size = found["bytes_a_rule"]
    mib = size * count / (1 << 20)
    peak = f"{found['peak_mib']:,.0f} MiB of memory at most, the text of {found['text_mib']:,.0f}"
    bench.add(
        Figure(f"{count:,} rules: compile", found["compile_s"], "s", 30, f"one core; {peak}"),
        Figure("the same, mapped", size, "bytes/rule", 12, f"{mib:,.0f} MiB"),
    )
    say("opening it twice")
    index = BUILD / f"{names.listed.stem}.idx"
    with _opened(index, names) as first, _opened(index, names) as second:
        one, two = (_told(process) for process in (first, second))
        shared = memory(first.pid)
    bench.raw["large open"] = {"first": one, "second": two, "first_then": shared}
    note = f"private memory of a second process, {LOOKUPS:,} names looked up all over the index"
    added = two["after"]["uss"] - two["before"]["uss"]
    bench.add(Figure("a second process that opens it adds", added, "MiB", 5, note))


def _opened(index: Path, names: Names) -> "subprocess.Popen[str]":
    command = [sys.executable, "-m", "bench.large.compiling", str(index), str(names.listed)]
    return subprocess.Popen(
        command, cwd=ROOT, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )


def _told(process: "subprocess.Popen[str]") -> Any:
    assert process.stdout is not None
    return json.loads(process.stdout.readline())


def look(index: Path, names: Path) -> dict[str, dict[str, float]]:
    """Open the index in this process and look names up; return memory before and after."""
    size = names.stat().st_size
    rng = random.Random(1)
    asked: list[str] = []
    with names.open("rb") as source:
        for _ in range(LOOKUPS):
            source.seek(rng.randrange(size))
            source.readline()
            asked.append(source.readline().strip().decode("ascii") or "nothing.example")
    before = memory(os.getpid())
    opened = Index.open(str(index))
    found = sum(bool(opened.find(name)) for name in asked)
    after = memory(os.getpid())
    if found < LOOKUPS * 0.99:
        raise RuntimeError(f"only {found:,} of {LOOKUPS:,} listed names were found")
    return {"before": before, "after": after}


if __name__ == "__main__":
    print(json.dumps(look(Path(sys.argv[1]), Path(sys.argv[2]))), flush=True)
    sys.stdin.read()
