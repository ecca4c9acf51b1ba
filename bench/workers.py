"""`workers`: what a query costs with two UDP threads against one, beside an echo with as many.

On a machine of two cores the second thread shares its core with the generator, and so does the
echo's; what is compared is how much dearer a query becomes for each.
"""

import contextlib
import statistics
import sys
from collections.abc import Callable

from bench import mixes
from bench.blast import Server, fire, warm
from bench.context import Bench
from bench.daemon import KNOWS_WORKERS
from bench.figures import Figure
from bench.places import SECOND_CORE, SERVER_CORE
from bench.saying import Progress, say, turn
from bench.standing import filterd, floor

SOCKETS = 32  # enough that the kernel spreads them evenly over two
RATE = 20_000  # for each thread
SECONDS = 1.5
LOADS: dict[str, Callable[[int], tuple[str, str]]] = {
    "at saturation": lambda threads: ("-w", str(128 * threads)),
    f"at {RATE:,}/s a thread": lambda threads: ("-r", str(RATE * threads)),
}


def measure(bench: Bench) -> None:
    """Measure one and two threads in the same rounds."""
    if not KNOWS_WORKERS:
        print("NOT MEASURED: this filterd has no `listen.workers`", file=sys.stderr)
        return
    names = bench.names()
    files = mixes.write_mixes(names)
    one = bench.node()
    cores = (SERVER_CORE, SECOND_CORE)
    with contextlib.ExitStack() as stack:
        say("one and two UDP threads")
        servers: list[tuple[int, Server]] = [
            (1, stack.enter_context(floor(bench.programs, SERVER_CORE))),
            (2, stack.enter_context(floor(bench.programs, *cores))),
        ]
        for node in (one, one.another("two", pin=cores)):
            name = f"filterd x {len(node.pin)}"
            server = stack.enter_context(filterd(name, node, names)).server
            servers.append((len(node.pin), server))
            warm(bench.programs.blast, server, files["warm"])
        seen: dict[tuple[str, str], list[float]] = {}
        bar = Progress("workers", bench.pace.rounds * len(LOADS) * len(servers))
        for _ in range(bench.pace.rounds):
            for load, how in LOADS.items():
                with turn(bench.lock):
                    for threads, server in servers:
                        bar.step(f"{server.name} {load}")
                        options = (*how(threads), "-S", str(SOCKETS), "-t", str(SECONDS))
                        one_run = fire(bench.programs.blast, server, files["c"], *options)
                        seen.setdefault((server.name, load), []).append(one_run["cpu_us"])
        bar.end()
    found = {key: statistics.median(values) for key, values in seen.items()}
    bench.raw["workers"] = {" ".join(key): value for key, value in found.items()}
    labels = [server.name for _, server in servers]
    bench.tables["One and two UDP threads, mix c, µs of CPU a query"] = [
        f"| | {' | '.join(labels)} |",
        "|---" * (len(labels) + 1) + "|",
        *(
            f"| {load} | {' | '.join(f'{found[label, load]:.2f}' for label in labels)} |"
            for load in LOADS
        ),
    ]
    for load in LOADS:
        own = found["filterd x 2", load] / found["filterd x 1", load]
        ground = found[labels[1], load] / found[labels[0], load]
        note = f"two threads against one {load}; the echo {100 * (ground - 1):+.0f} %"
        bench.add(Figure("a second UDP thread", 100 * (own - 1), "% CPU a query", 10, note))
