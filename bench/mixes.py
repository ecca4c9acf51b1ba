"""Queries to time with, the same each time:

a  blocked, all over the list, a third of them below the listed name
b  answered from the cache
c  85 of 100 from the cache, 12 blocked, 3 never seen before
m  never seen before: a forwarded miss each

and `warm`, which asks each name of b once.
"""

import random
import struct
from collections.abc import Iterable
from pathlib import Path

from bench.names import SEED, Names
from bench.places import BUILD
from bench.wire import AAAA, A, query

BLOCKED, ANSWERED, UNSEEN = 0, 1, 2
QUERIES = 100_000
ANSWERED_NAMES = 10_000
UNSEEN_PARENTS = 3_000
BELOW = 0.35
_HEAD = struct.Struct("<HH")  # kind, length

Query = tuple[int, str, int]


def write_mixes(names: Names) -> dict[str, Path]:
    """Write the files of the load generator and return them by mix."""
    rng = random.Random(SEED)
    listed = names.some_listed(QUERIES)
    others = names.some_others(ANSWERED_NAMES + UNSEEN_PARENTS)
    answered, parents = others[:ANSWERED_NAMES], others[ANSWERED_NAMES:]

    def blocked() -> Query:
        front = rng.choice(("www.", f"{_word(rng)}.", f"{_word(rng)}.{_word(rng)}."))
        return BLOCKED, (front if rng.random() < BELOW else "") + rng.choice(listed), _qtype(rng)

    def cached() -> Query:
        return ANSWERED, rng.choice(answered), _qtype(rng)

    def unseen() -> Query:
        return UNSEEN, f"m00000000000.{rng.choice(parents)}", A

    def realistic() -> Query:
        drawn = rng.random()
        return cached() if drawn < 0.85 else blocked() if drawn < 0.97 else unseen()

    mixes = {
        "a": [blocked() for _ in range(QUERIES)],
        "b": [cached() for _ in range(QUERIES)],
        "c": [realistic() for _ in range(QUERIES)],
        "m": [unseen() for _ in range(QUERIES)],
        "warm": [(ANSWERED, name, qtype) for name in answered for qtype in (A, AAAA)],
    }
    folder = BUILD / f"mixes-{names.count}"
    folder.mkdir(exist_ok=True)
    return {mix: write(folder / f"{mix}.bin", queries) for mix, queries in mixes.items()}


def write(path: Path, queries: Iterable[Query]) -> Path:
    """Write one file of queries."""
    with path.open("wb") as out:
        for kind, name, qtype in queries:
            wire = query(name, qtype)
            out.write(_HEAD.pack(kind, len(wire)) + wire)
    return path


def _word(rng: random.Random) -> str:
    return "".join(rng.choices("abcdefghijklmnopqrstuvwxyz", k=rng.randint(3, 10)))


def _qtype(rng: random.Random) -> int:
    return A if rng.random() < 0.65 else AAAA
