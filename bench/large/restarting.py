"""Ten million compiled rules: from the start of a process to the first right answer, also after a
`kill -9` under load."""

import statistics
import subprocess
import time

from bench import mixes
from bench.blast import Server, firing
from bench.context import Bench
from bench.daemon import Node
from bench.figures import Figure
from bench.places import ROOT, SERVER_CORE
from bench.process import end, memory, placed
from bench.saying import say, turn
from bench.wire import ask

TRIES = 5
RATE = 5_000
GIVE_UP = 60.0


def measure(bench: Bench, count: int) -> None:
    """Start, kill and start again, a few times."""
    names = bench.names(count)
    node = bench.node(count)
    files = mixes.write_mixes(names)
    blocked, free = names.some_listed(1)[0], names.some_others(1)[0]
    starts, restarts, doors, sizes = [], [], [], {}
    say(f"starting with {count:,} rules")
    for _ in range(TRIES):
        with turn(bench.lock):
            process, took, door = _first_answer(node, blocked, free)
            try:
                starts.append(took)
                doors.append(door)
                sizes = memory(process.pid)
                server = Server("filterd", node.port, process.pid)
                how = ("-r", str(RATE), "-t", "60", "-k", "0")
                with firing(bench.programs.blast, server, files["c"], *how):
                    time.sleep(1.0)
                    process.kill()
                    process.wait()
                    process, took, _ = _first_answer(node, blocked, free)
                    restarts.append(took)
            finally:
                end(process)
    first, again = statistics.median(starts), statistics.median(restarts)
    bench.raw["large start"] = {"start_s": starts, "restart_s": restarts, "answer_s": doors}
    bench.raw["large start"]["memory"] = sizes
    note = f"{TRIES} tries, at most {max(starts):.2f}; a listed name blocked, another answered"
    beside = f"under {RATE:,} queries/s; at most {max(restarts):.2f}"
    own = f"{sizes['uss']:.0f} private, {sizes['pss']:.0f} in all with its share of the index"
    bench.add(
        Figure(f"{count:,} rules: start to first right answer", first, "s", 1, note),
        Figure("kill -9 and start to first right answer", again, "s", 1, beside),
        Figure("the daemon's memory then", sizes["rss"], "MiB resident", None, own),
    )


def _first_answer(
    node: Node, blocked: str, free: str
) -> tuple["subprocess.Popen[bytes]", float, float]:
    """Start a daemon; return it, seconds until both names were right, and until any answer."""
    with (node.folder / "serve.log").open("wb") as log, placed(SERVER_CORE, first=True):
        began = time.monotonic()
        process = subprocess.Popen(
            node.command("serve"), cwd=ROOT, stdin=subprocess.DEVNULL, stdout=log, stderr=log
        )
    answered = 0.0
    left = [(blocked, "blocked"), (free, "answered")]
    while left:
        said = ask(node.port, left[-1][0], timeout=0.05)
        if said is not None and not answered:
            answered = time.monotonic() - began
        if said == left[-1][1]:
            left.pop()
        elif process.poll() is not None or time.monotonic() - began > GIVE_UP:
            end(process)
            raise RuntimeError(f"{left[-1][0]} is not {left[-1][1]}: {node.folder}/serve.log")
        else:
            time.sleep(0.002)
    return process, time.monotonic() - began, answered
