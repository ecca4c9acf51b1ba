"""Where a query's CPU goes inside filterd: the core's `handle` as the door calls it, and what the
log's counts cost after it. One process, no sockets, so it is steadier than the figures at the door.

    python -m bench.parts INDEX NAMES

INDEX is a compiled index (see compiling.py), NAMES are some of its names. Prints a line of JSON:
microseconds each.
"""

import gc
import json
import random
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from bench.compiling import measure_file
from bench.context import Bench
from bench.names import SEED
from bench.places import BUILD, ROOT, SERVER_CORE
from bench.process import placed
from bench.saying import say, turn
from bench.wire import A, query
from filterd.app.observing import counts_of
from filterd.app.ruling import Inputs, Ruling, build_ruling
from filterd.config.load import loads
from filterd.core import Engine, Index
from filterd.engine.engine import EngineSettings
from filterd.lists.index_store import Generation, Loaded
from filterd.policy.classes import source_of
from filterd.policy.rulebook import default_directory, load_rulebook

CLIENT = "192.0.2.10"
QUERIES = 50_000
REPEATED = 2_000
ROUNDS = 5
BATCH = 5_000
CONFIG = """\
default_group: pupils
groups: {pupils: {age: 14}}
lists: {union: {format: domains, path: union.txt, subdomains: true, trusted: true}}
"""


def measure(bench: Bench) -> None:
    """Measure with a million rules, in a process of its own."""
    say("parts of a query")
    names = bench.names()
    index, some = BUILD / f"{names.listed.stem}.idx", BUILD / "some.txt"
    if not index.exists():
        measure_file(bench, names.listed)
    some.write_text("\n".join(names.some_listed(2 * QUERIES)), encoding="ascii")
    command = [sys.executable, "-m", "bench.parts", str(index), str(some)]
    with turn(bench.lock), placed(SERVER_CORE):
        done = subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    found = bench.raw["parts"] = json.loads(done.stdout)
    table = ["| part | µs of CPU |", "|---|---|"]
    table += [f"| {name} | {value:.2f} |" for name, value in found.items()]
    bench.tables["Inside a query, called from Python without a socket"] = table


def cost(index: Path, names: Sequence[str]) -> dict[str, float]:
    """Return microseconds of CPU for each part."""
    rng = random.Random(SEED)
    ruling = _ruling(index)
    classes = list(enumerate(ruling.classes))
    engine = Engine(ruling.snapshot, EngineSettings(record="counts").json())
    now = time.time()
    answered = [f"n{number}.example" for number in range(QUERIES)]
    for name in answered:
        engine.handle(query(name), CLIENT, now, now, 0)
    while misses := engine.take_misses(BATCH):
        for miss, wire, *_ in misses:
            engine.complete(miss, _answer(wire), now, now)
    few = rng.choices(answered, k=REPEATED)
    chosen = rng.sample(names, QUERIES)
    blocked_few = chosen[:REPEATED]

    def asking(some: Sequence[str]) -> Callable[[], int]:
        wires = [query(name) for name in some] * (QUERIES // len(some))
        return lambda: _ask_all(engine, wires)

    parts = {
        "handle: cached, 2,000 names": _best(asking(few), engine),
        "handle: cached, 50,000 names": _best(asking(answered), engine),
        "handle: blocked, 2,000 names": _best(asking(blocked_few), engine),
        "handle: blocked, 50,000 names": _best(asking(chosen), engine),
    }
    _ask_all(engine, [query(name) for name in chosen])
    rows: list[Any] = []
    parts["count of a rule: taken from the core"] = _once(
        lambda: _extend(rows, engine.take_counts())
    )
    names_of = {(1, number): (source_of(rule), rule.category) for number, rule in classes}.get
    parts["count of a rule: into values"] = _once(
        lambda: len(counts_of(rows, lambda *key: names_of(key)))
    )
    return {name: round(value, 3) for name, value in parts.items()}


def _ruling(path: Path) -> Ruling:
    book = load_rulebook(default_directory())
    config = loads(CONFIG, book=book, formats={"domains"})
    index = Index.open(str(path))
    lists = Loaded(index, Generation(1, "", 0.0, (), ()), None)
    return build_ruling(Inputs(config, book, lists=lists), time.time(), 1)


def _ask_all(engine: Engine, wires: Sequence[bytes]) -> int:
    handle, now = engine.handle, time.time()
    for wire in wires:
        handle(wire, CLIENT, now, now, 0)
    return len(wires)


def _best(work: Callable[[], int], engine: Engine) -> float:
    """Return microseconds a piece of the best round: the others were disturbed."""
    best = float("inf")
    for _ in range(ROUNDS):
        best = min(best, _once(work))
        engine.take_counts()
    return best


def _once(work: Callable[[], int]) -> float:
    gc.collect()
    before = time.process_time()
    count = work()
    return (time.process_time() - before) * 1e6 / max(count, 1)


def _extend(target: list[Any], items: Sequence[Any]) -> int:
    target.extend(items)
    return len(items)


def _answer(wire: bytes) -> bytes:
    """Answer a question without its OPT, with one address."""
    end = wire.index(0, 12) + 5
    head = wire[:2] + b"\x81\x80\0\1\0\1\0\0\0\0"
    record = b"\xc0\x0c" + A.to_bytes(2, "big") + b"\0\1\0\0\x0e\x10\0\4" + bytes((203, 0, 113, 1))
    return head + wire[12:end] + record


if __name__ == "__main__":
    target = Path(sys.argv[1])
    listed = Path(sys.argv[2]).read_text(encoding="ascii").split("\n")
    print(json.dumps(cost(target, listed)))
