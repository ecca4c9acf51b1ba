"""`make bench`: measure everything and write it down.

    python -m bench.run [--only PART ...] [--rounds N] [--no-peers] [--dry]

Parts: compile, parts, start, change, decide, doors. A missed bar is shown, never an error.
"""

import argparse
import contextlib
import json
import shutil
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bench import change, deciding, doors, mixes, native, peers
from bench.daemon import Node, serving
from bench.figures import Figure, publish
from bench.places import BUILD, LOAD_CORE, ROOT, SERVER_CORE
from bench.process import free_port, mapped, memory, on_core, running
from bench.union import names_of, union
from bench.wire import ask

PARTS = ("compile", "parts", "start", "change", "decide", "doors")
TTL = 86_400  # of the upstream: nothing expires while it is measured


@dataclass(slots=True)
class Bench:
    """What is measured with, and what was found."""

    union: Path
    names: list[str]
    rounds: int
    peers: bool
    figures: list[Figure] = field(default_factory=list)
    tables: dict[str, list[str]] = field(default_factory=dict)
    raw: dict[str, Any] = field(default_factory=dict)

    def add(self, *figures: Figure) -> None:
        """Keep figures."""
        self.figures += figures


def main(arguments: Sequence[str]) -> int:
    """Measure what is asked for; 0 if it was measured, 2 if something needed is absent."""
    parser = argparse.ArgumentParser(prog="python -m bench.run", description=__doc__)
    parser.add_argument("--only", nargs="+", choices=PARTS, default=PARTS)
    parser.add_argument("--rounds", type=int, default=3, help="of the doors (3)")
    parser.add_argument("--no-peers", action="store_true", help="only filterd and plain Python")
    parser.add_argument("--dry", action="store_true", help="print, but write no results")
    options = parser.parse_args(arguments)
    BUILD.mkdir(parents=True, exist_ok=True)
    source = union()
    programs = native.build()
    if source is None or programs is None:
        return 2
    bench = Bench(source, names_of(source), options.rounds, not options.no_peers)
    if {"compile", "parts"} & set(options.only):
        measure_compiling(bench)
    if "parts" in options.only:
        measure_parts(bench)
    if {"start", "change", "decide", "doors"} & set(options.only):
        measure_daemon(bench, programs, options.only)
    how = "make bench" if not arguments else f"python -m bench.run {' '.join(arguments)}"
    if options.dry:
        print(json.dumps(bench.raw, indent=1))
    else:
        print(publish(bench.figures, bench.tables, bench.raw, how))
    return 0


def measure_compiling(bench: Bench) -> None:
    """Text to index, in a process of its own on one core."""
    say("compiling")
    target = BUILD / "union.idx"
    command = [sys.executable, "-m", "bench.compiling", str(bench.union), str(target)]
    done = subprocess.run(
        command, cwd=ROOT, check=True, capture_output=True, preexec_fn=on_core(SERVER_CORE)
    )
    found = bench.raw["compile"] = json.loads(done.stdout)
    steps = f"reading {found['skim_cpu_s']:.2f} s, writing {found['write_cpu_s']:.2f} s"
    lines = f"and {found['lines_bytes_a_rule']:.1f} for line numbers, a file never mapped to answer"
    bench.add(
        Figure("text to compiled index, one core", found["compile_cpu_s"], "s CPU", 6, steps),
        Figure("index on disk and mapped", found["bytes_a_rule"], "bytes/rule", 12, lines),
        Figure("opening the compiled index", found["open_ms"], "ms", 50, "median of 9, verified"),
    )


def measure_parts(bench: Bench) -> None:
    """What is inside a query."""
    say("parts of a query")
    target = BUILD / "union.idx"
    command = [sys.executable, "-m", "bench.parts", str(target), str(bench.union)]
    done = subprocess.run(
        command, cwd=ROOT, check=True, capture_output=True, preexec_fn=on_core(SERVER_CORE)
    )
    found = bench.raw["parts"] = json.loads(done.stdout)
    table = ["| part | µs of CPU |", "|---|---|"]
    table += [f"| {name} | {value:.2f} |" for name, value in found.items()]
    bench.tables["Inside a query, called without a socket"] = table


def measure_daemon(bench: Bench, programs: dict[str, Path], wanted: Sequence[str]) -> None:
    """Everything that needs a running daemon."""
    with contextlib.ExitStack() as stack:
        upstream = free_port()
        command = [str(programs["upstream"]), str(upstream), str(TTL)]
        log = BUILD / "upstream.log"
        ready = lambda: ask(upstream, "ready.example") == "answered"  # noqa: E731
        stack.enter_context(running(command, log, ready, core=LOAD_CORE, realtime=True))
        folder = BUILD / "node"
        shutil.rmtree(folder, ignore_errors=True)
        node = Node.new(folder, bench.union, upstream)
        say("compiling for the daemon")
        node.compile()
        if "decide" in wanted:
            say("deciding")
            found = bench.raw["decide"] = deciding.measure(node, bench.names)
            speed = found["lines_per_cpu_s"]
            bench.add(Figure("filterd decide, one process", speed, "lines/s of CPU"))
        blocked = mixes.blocked_by(node, bench.names)
        if {"start", "change"} & set(wanted):
            measure_fresh(bench, node, blocked[0], wanted)
        if "doors" in wanted:
            measure_doors(bench, programs["blast"], programs["echo"], node, blocked, stack)


def measure_fresh(bench: Bench, node: Node, blocked: str, wanted: Sequence[str]) -> None:
    """A daemon just started: its memory, and how fast a rule gets into force."""
    say("starting")
    with serving(node, blocked) as pid:
        time.sleep(2.0)  # past the first look of its background tasks
        found = bench.raw["start"] = {**memory(pid), "index": mapped(pid, ".idx")}
        parts_of = f"{found['anonymous']:.0f} own, {found['index']:.0f} of the mapped index, "
        parts_of += f"PSS {found['pss']:.0f}, highest {found['peak']:.0f}"
        bench.add(Figure("daemon resident after start", found["rss"], "MiB", 150, parts_of))
        if "change" in wanted:
            say("changing rules")
            found = bench.raw["change"] = change.measure(node, blocked)
            cached = "control call to first blocked answer, name cached"
            bench.add(
                Figure("one new rule in force", found["control_ms"], "ms", 100, cached),
                Figure("by `filterd reload`", found["command_ms"], "ms", None, "with its start"),
                Figure(
                    "by the overrides file",
                    found["override_ms"],
                    "ms",
                    None,
                    "looked at each second",
                ),
            )


def measure_doors(
    bench: Bench,
    blast: Path,
    echo: Path,
    node: Node,
    blocked: Sequence[str],
    stack: contextlib.ExitStack,
) -> None:
    """CPU a query over UDP, in rounds with the floor and the others."""
    files = mixes.write_mixes(blocked)
    say("starting the servers")
    port = free_port()
    floor = running([str(echo), str(port)], BUILD / "echo.log", lambda: True, core=SERVER_CORE)
    servers = [doors.Server(doors.FLOOR, port, stack.enter_context(floor).pid)]
    servers.append(
        doors.Server("filterd", node.port, stack.enter_context(serving(node, blocked[0])))
    )
    bare = node.another("none")
    pid = stack.enter_context(serving(bare, blocked[0]))
    servers.append(doors.Server("filterd, no log", bare.port, pid))
    for name, command_for in peers.SERVERS:
        if name != "plain Python" and not bench.peers:
            continue
        port = free_port()
        command = command_for(port, bench.union, node.upstream)
        if command is None:
            continue
        ready = lambda at=port: ask(at, blocked[0], timeout=0.2) == "blocked"  # noqa: E731
        log = BUILD / f"{name.replace(' ', '-')}.log"
        process = stack.enter_context(running(command, log, ready, core=SERVER_CORE))
        servers.append(doors.Server(name, port, process.pid))
    say(f"{bench.rounds} rounds of {len(servers)} servers")
    found = bench.raw["doors"] = doors.rounds(blast, servers, files, bench.rounds)
    title = (
        f"CPU a query, medians of {bench.rounds} rounds (F1: an echo in C; `no log`: level none)"
    )
    bench.tables[title] = doors.table(found, [server.name for server in servers])
    for what, mix in (("often blocked", "h"), ("blocked anywhere", "a"), ("cached", "b")):
        cell = found[f"filterd/full/{mix}"]
        note = f"{cell['ratio']:.1f} × F1, {cell['qps']:,.0f} queries/s"
        if cell["wrong"] or cell["lost"]:
            note += f"; {cell['wrong']:.0f} wrong, {cell['lost']:.0f} lost"
        bench.add(Figure(f"asyncio UDP door, {what}", cell["cpu_us"], "µs CPU", 6, note))


def say(what: str) -> None:
    """Tell a person who waits."""
    print(f"bench: {what} ...", file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
