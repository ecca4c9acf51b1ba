"""One new rule at ten million, while 20,000 queries a second come and its name is among them.

The name is asked 2,000 times a second beside them, so it is cached and its fate is known to half
a millisecond.
"""

import statistics
import time
from collections.abc import Callable
from dataclasses import asdict
from typing import Any

from bench import mixes
from bench.blast import Server, firing, held_up, warm
from bench.context import Bench
from bench.figures import Figure
from bench.large.watching import Fate, read
from bench.places import BUILD
from bench.ruling import block, block_by_command, unblock
from bench.saying import Progress, say, turn
from bench.standing import filterd
from bench.wire import A

TRIES = 9
ATTEMPTS = 3  # where others held the generator up
RATE = 20_000
WATCH_RATE = 2_000
SECONDS = 3.0
BEFORE = 1.0


def measure(bench: Bench, count: int) -> None:
    """By the control socket, which has the bar, and by the command, which starts a program."""
    names = bench.names(count)
    files = mixes.write_mixes(names)
    node = bench.node(count)
    with filterd("filterd", node, names) as standing:
        say(f"new rules at {count:,}, under {RATE:,} queries/s")
        warm(bench.programs.blast, standing.server, files["warm"])
        ways: dict[str, tuple[int, Callable[[str], None]]] = {
            "control": (TRIES, lambda name: block(node, name)),
            "command": (3, lambda name: block_by_command(node, name)),
        }
        bar = Progress("rules", sum(tries for tries, _ in ways.values()))
        found: dict[str, list[dict[str, Any]]] = {}
        for way, (tries, make) in ways.items():
            for number in range(tries):
                bar.step(way)
                for attempt in range(ATTEMPTS):
                    name = f"{way}{number}-{attempt}.example"
                    with turn(bench.lock):
                        one = _one(bench, standing.server, files, name, make)
                    unblock(node, name)
                    if not held_up(one):
                        break
                found.setdefault(way, []).append(one)
        bar.end()
    bench.raw["large rule"] = found
    for way, bar_ms in (("control", 10.0), ("command", None)):
        tried = found[way]
        middle = statistics.median(each["in_force_ms"] for each in tried)
        most = max(each["in_force_ms"] for each in tried)
        title = f"one new rule at {count:,}, by the {way}"
        faults = sum(each["lost"] + each["wrong"] + each["other"] for each in tried)
        through = sum(each["let_through"] for each in tried)
        worst = max(each["p99_us"] for each in tried)
        note = f"median of {len(tried)}, at most {most:.1f}; under {RATE:,}/s of mix c"
        note += f", whose p99 was {worst:,.0f} µs at most"
        bench.add(Figure(title, middle, "ms", bar_ms, note))
        if bar_ms is not None:
            sent = sum(each["sent"] for each in tried)
            bench.add(
                Figure("lost or wrong meanwhile", faults, "queries", 0, f"of {sent:,}"),
                Figure("let through once in force", through, "queries", 0, "cached and asked"),
            )


def _one(
    bench: Bench, server: Server, files: dict[str, Any], name: str, make: Callable[[str], None]
) -> dict[str, Any]:
    watched = mixes.write(BUILD / "watched.bin", [(mixes.ANSWERED, name, A)])
    log = BUILD / "watched.log"
    watch = ("-y", str(WATCH_RATE), "-Y", str(watched), "-L", str(log))
    how = ("-r", str(RATE), "-t", str(SECONDS), "-k", "0", *watch)
    with firing(bench.programs.blast, server, files["c"], *how) as load:
        time.sleep(BEFORE)
        called = time.monotonic_ns()
        make(name)
        told = time.monotonic_ns()
        seen = load.wait(60)[-1]
    fate = Fate.of(read(log), called, told)
    row = asdict(fate)
    row["lost"] += seen["lost"]
    return row | {
        "name": name,
        "sent": seen["sent"],
        "skipped": seen["skipped"],
        "wrong": sum(seen["wrong"]),
        "p99_us": seen["p99_us"],
    }
