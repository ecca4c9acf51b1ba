"""A daemon just started with a million rules: how soon it answers, and its memory."""

import time

from bench.context import Bench
from bench.figures import Figure
from bench.process import mapped, memory
from bench.saying import say, turn
from bench.standing import filterd


def measure(bench: Bench) -> None:
    """Start once and look."""
    node = bench.node()
    say("starting")
    with turn(bench.lock), filterd("filterd", node, bench.names()) as standing:
        time.sleep(2.0)  # past the first look of its background tasks
        pid = standing.server.pid
        found = bench.raw["start"] = {**memory(pid), "index": mapped(pid, ".idx")}
        found["load_s"] = standing.load_s
    sizes = f"{found['anonymous']:.0f} own, {found['index']:.0f} of the mapped index, "
    sizes += f"PSS {found['pss']:.0f}, highest {found['peak']:.0f}"
    bench.add(
        Figure("start until all of a sample is blocked", found["load_s"], "s"),
        Figure("daemon resident after start", found["rss"], "MiB", 150, sizes),
    )
