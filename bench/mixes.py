"""Queries to time with, seeded: a blocked, b cached, c 85 % cached, 12 % blocked, 3 % never seen.

Names that are answered are reserved ones (RFC 2606); blocked ones come from the union.
"""

import random
import struct
from collections.abc import Iterable, Sequence
from pathlib import Path

from bench.places import BUILD
from bench.wire import A, AAAA, query

BLOCKED, ANSWERED, UNSEEN = 0, 1, 2
QUERIES = 100_000
ANSWERED_NAMES = 10_000
SEED = 20_261_121
_HEAD = struct.Struct("<HH")  # kind, length

Query = tuple[int, str, int]


def write_mixes(names: Sequence[str]) -> dict[str, Path]:
    """Write the files of the load generator and return them by mix; `warm` asks b's names once."""
    rng = random.Random(SEED)
    answered = [f"{_word(rng)}.{_word(rng)}{n}.example" for n in range(ANSWERED_NAMES)]

    def blocked() -> Query:
        name = rng.choice(names)
        if len(name) < 200:
            name = rng.choice(("", "", "", "www.", f"{_word(rng)}.")) + name
        return BLOCKED, name, _qtype(rng)

    def cached() -> Query:
        return ANSWERED, rng.choice(answered), _qtype(rng)

    def unseen() -> Query:
        return UNSEEN, f"m00000000000.{_word(rng)}.example", A

    def realistic() -> Query:
        draw = rng.random()
        return cached() if draw < 0.85 else blocked() if draw < 0.97 else unseen()

    mixes = {
        "a": [blocked() for _ in range(QUERIES)],
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
