"""`filterd decide`: questions a second in one process, with a million rules loaded."""

import json
import random
import subprocess
import time

from bench.context import Bench
from bench.daemon import Node
from bench.figures import Figure
from bench.names import SEED
from bench.places import BUILD, ROOT
from bench.process import children_seconds
from bench.saying import say, turn

LINES = 200_000


def measure(bench: Bench) -> None:
    """Measure lines a second, by CPU time, without the start of the program."""
    node, names = bench.node(), bench.names().some_listed(LINES)
    say("deciding")
    rng = random.Random(SEED)
    questions = BUILD / "questions.jsonl"
    with questions.open("w", encoding="utf-8") as out:
        for number in range(LINES):
            name = rng.choice(names) if rng.random() < 0.5 else f"n{number}.example"
            out.write(json.dumps({"name": name, "type": "A"}) + "\n")
    empty = BUILD / "no-questions.jsonl"
    empty.write_bytes(b"")
    with turn(bench.lock):
        start_cpu, start_wall = _run(node, str(empty))
        cpu, wall = _run(node, str(questions))
    found = bench.raw["decide"] = {
        "lines_per_cpu_s": LINES / (cpu - start_cpu),
        "lines_per_s": LINES / (wall - start_wall),
        "start_cpu_s": start_cpu,
    }
    speed = found["lines_per_cpu_s"]
    bench.add(Figure("filterd decide, one process", speed, "lines/s of CPU"))


def _run(node: Node, questions: str) -> tuple[float, float]:
    cpu, wall = children_seconds(), time.monotonic()
    command = [*node.command("decide"), questions]
    subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.DEVNULL)
    return children_seconds() - cpu, time.monotonic() - wall
