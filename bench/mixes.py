"""Queries to time with, seeded: a blocked, all over the list; h blocked, names that many ask for;
b cached; c 85 % cached, 12 % blocked, 3 % never seen.

Names that are answered are reserved ones (RFC 2606); blocked ones come from the union.
"""

import random
import struct
import time
from collections.abc import Iterable, Sequence
from pathlib import Path

from bench.daemon import Node
from bench.places import BUILD, LOOPBACK
from bench.wire import AAAA, A, query
from filterd.app.parts import current_inputs
from filterd.app.paths import Paths, read_config
from filterd.app.ruling import build_ruling

BLOCKED, ANSWERED, UNSEEN = 0, 1, 2
QUERIES = 100_000
ANSWERED_NAMES = 10_000
HOT_NAMES = 2_000
SEED = 20_261_121
LONGEST = 200  # of a blocked name, so that labels may go before it
_HEAD = struct.Struct("<HH")  # kind, length

Query = tuple[int, str, int]


def blocked_by(node: Node, names: Sequence[str]) -> list[str]:
    """Return names of the union that this node blocks: some must not be, or lead to safe search."""
    chosen = random.Random(SEED).sample(names, min(len(names), 2 * QUERIES))
    config, book = read_config(node.config)
    now = time.time()
    ruling = build_ruling(current_inputs(config, book, Paths.of(config, {})), now, 1)
    decide = ruling.snapshot.decide
    return [
        name
        for name in chosen
        if len(name) < LONGEST
        and decide(name, A, now, client=LOOPBACK).kind == "block"
        and decide(f"www.{name}", A, now, client=LOOPBACK).kind == "block"
    ]


def write_mixes(names: Sequence[str]) -> dict[str, Path]:
    """Write the files of the load generator and return them by mix; `warm` asks b's names once."""
    rng = random.Random(SEED)
    answered = [f"{_word(rng)}.{_word(rng)}{n}.example" for n in range(ANSWERED_NAMES)]

    def blocked() -> Query:
        front = rng.choice(("", "", "", "www.", f"{_word(rng)}."))
        return BLOCKED, front + rng.choice(names), _qtype(rng)

    def cached() -> Query:
        return ANSWERED, rng.choice(answered), _qtype(rng)

    def unseen() -> Query:
        return UNSEEN, f"m00000000000.{_word(rng)}.example", A

    def realistic() -> Query:
        draw = rng.random()
        return cached() if draw < 0.85 else blocked() if draw < 0.97 else unseen()

    mixes = {
        "a": [blocked() for _ in range(QUERIES)],
        "h": [(BLOCKED, rng.choice(names[:HOT_NAMES]), _qtype(rng)) for _ in range(QUERIES)],
        "b": [cached() for _ in range(QUERIES)],
        "c": [realistic() for _ in range(QUERIES)],
        "warm": [(ANSWERED, name, qtype) for name in answered for qtype in (A, AAAA)],
    }
    return {mix: _write(BUILD / f"mix-{mix}.bin", queries) for mix, queries in mixes.items()}


def _write(path: Path, queries: Iterable[Query]) -> Path:
    with path.open("wb") as out:
        for kind, name, qtype in queries:
            wire = query(name, qtype)
            out.write(_HEAD.pack(kind, len(wire)) + wire)
    return path


def _word(rng: random.Random) -> str:
    return "".join(rng.choices("abcdefghijklmnopqrstuvwxyz", k=rng.randint(3, 10)))


def _qtype(rng: random.Random) -> int:
    return A if rng.random() < 0.65 else AAAA
