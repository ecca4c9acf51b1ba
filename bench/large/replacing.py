"""The whole list of ten million replaced, under 20,000 queries a second.

The new version lacks one name in a hundred of the old one and has as many others. Before, during
(from `filterd lists update` to its end) and after are told apart by the load generator. The command
and its child that compiles share the server's core, as on a box with one to spare.
"""

import subprocess
import time
from pathlib import Path
from typing import Any

from bench import mixes
from bench.blast import Server, firing, held_up, warm
from bench.context import Bench
from bench.daemon import Node
from bench.figures import Figure
from bench.large.watching import Fate, read
from bench.memory_log import MemoryLog
from bench.names import Names, lines
from bench.places import BUILD, ROOT, SERVER_CORE
from bench.process import placed
from bench.saying import say, turn
from bench.standing import filterd
from bench.wire import A

RATE = 20_000
WATCH_RATE = 1_000
CALM = 4.0  # seconds before, and after
EVERY = 100  # one name of so many is another in the new version
MOST_SECONDS = 600


def measure(bench: Bench, count: int) -> None:
    """Replace the list once."""
    names = bench.names(count)
    files = mixes.write_mixes(names)
    node = bench.node(count)
    say("making the new version of the list")
    added = new_version(node, names)
    try:
        with filterd("filterd", node, names) as standing:
            warm(bench.programs.blast, standing.server, files["warm"])
            say("replacing the list under load")
            with turn(bench.lock):
                found = _replace(bench, node, standing.server, files["c"], added)
    finally:
        node.restore(names)
        bench.forget(count)
    bench.raw["large replace"] = found
    _judge(bench, found, count)


def new_version(node: Node, names: Names) -> str:
    """Write the new version in place of the list; return a name that it adds."""
    keep = set(names.some_listed(mixes.QUERIES))  # those that are asked for stay
    news = names.some_others(10**9)[mixes.ANSWERED_NAMES + mixes.UNSEEN_PARENTS :]
    part = node.names.with_suffix(".part")
    added = 0
    with part.open("w", encoding="ascii") as out:
        for number, name in enumerate(lines(names.listed)):
            if number % EVERY == 0 and name not in keep and added < len(news):
                out.write(news[added] + "\n")
                added += 1
            else:
                out.write(name + "\n")
    part.replace(node.names)
    return news[0]


def _replace(bench: Bench, node: Node, server: Server, mix: Path, added: str) -> dict[str, Any]:
    watched = mixes.write(BUILD / "watched.bin", [(mixes.ANSWERED, added, A)])
    log = BUILD / "watched.log"
    watch = ("-y", str(WATCH_RATE), "-Y", str(watched), "-L", str(log))
    how = ("-r", str(RATE), "-t", str(MOST_SECONDS), "-k", "0.5", "-i", "100", *watch)
    with firing(bench.programs.blast, server, mix, *how) as load, MemoryLog(server.pid) as sizes:
        time.sleep(CALM)
        load.mark()
        called = time.monotonic_ns()
        with placed(SERVER_CORE):
            update = subprocess.Popen(
                node.command("lists", "update", "--force", "all"),
                cwd=ROOT,
                stdout=subprocess.DEVNULL,
            )
        with MemoryLog(update.pid) as command_sizes:
            code = update.wait()
        told = time.monotonic_ns()
        load.mark()
        time.sleep(CALM)
        load.stop()
        rows = load.wait(60)
    if code:
        raise RuntimeError(f"`filterd lists update` ended with {code}")
    phases = [row for row in rows if "qps" in row]
    fate = Fate.of(read(log), called, told)
    return {
        "seconds": (told - called) / 1e9,
        "in_force_s": fate.in_force_ms / 1e3,
        "let_through": fate.let_through,
        "phases": dict(zip(("before", "during", "after"), phases, strict=True)),
        "lost": sum(row["lost"] for row in phases) + fate.lost,
        "wrong": sum(sum(row["wrong"]) for row in phases) + fate.other,
        "sent": sum(row["sent"] for row in phases),
        "daemon": sizes.summary(called / 1e9),
        "command": command_sizes.summary(called / 1e9),
        "intervals": [row for row in rows if "at" in row],
        "called_at": called / 1e9,
        "told_at": told / 1e9,
    }


def _judge(bench: Bench, found: dict[str, Any], count: int) -> None:
    before, during = (found["phases"][name] for name in ("before", "during"))
    slower = during["p99_us"] / before["p99_us"]
    tails = f"{before['p99_us']:,.0f} µs before, {during['p99_us']:,.0f} during; "
    tails += f"p50 {before['p50_us']:,.0f} and {during['p50_us']:,.0f}"
    daemon, command = found["daemon"], found["command"]
    ratio = daemon["peak_pss"] / daemon["steady_pss"]
    sizes = f"daemon {daemon['steady_pss']:,.0f} MiB before, {daemon['peak_pss']:,.0f} at most"
    sizes += f", its own without the mapped index {daemon['steady_anonymous']:,.0f} and "
    sizes += f"{daemon['peak_anonymous']:,.0f}; the command with its child beside it "
    sizes += f"{command['peak_pss']:,.0f} at most"
    took = f"`filterd lists update` took {found['seconds']:.1f} s"
    skipped = sum(phase["skipped"] for phase in found["phases"].values())
    if held_up({"skipped": skipped, "sent": found["sent"]}):
        took += f"; DISTURBED, others held the generator up for {skipped:,} queries"
    bench.add(
        Figure(f"{count:,} rules replaced: in force after", found["in_force_s"], "s", None, took),
        Figure("lost meanwhile", found["lost"], "queries", 0, f"of {found['sent']:,}"),
        Figure("wrong meanwhile", found["wrong"], "queries", 0, "listed in both versions"),
        Figure("let through once in force", found["let_through"], "queries", 0, "a new name"),
        Figure("p99 during, against before", slower, "×", 2, tails),
        Figure("highest memory, against before", ratio, "×", 1.3, sizes),
    )
