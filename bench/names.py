"""The rules that are measured with: synthetic names, a million or ten, the same for everyone.

`native/names.c` makes them; nothing of them is kept but under `build/bench`.
"""

import mmap
import random
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from bench.places import BUILD

SEED = 20_261_121
MILLION = 1_000_000
OTHERS = 200_000


@dataclass(frozen=True, slots=True)
class Names:
    """A list of `count` names (`listed`), and names that it leaves alone (`others`)."""

    count: int
    listed: Path
    others: Path

    @classmethod
    def make(cls, program: Path, count: int) -> "Names":
        """Return the names, made if they are not there."""
        made = cls(count, BUILD / f"names-{count}.txt", BUILD / f"others-{count}.txt")
        if not made.listed.exists() or _older(made.listed, program):
            parts = [path.with_suffix(".part") for path in (made.listed, made.others)]
            numbers = (str(count), str(OTHERS), str(SEED))
            subprocess.run([str(program), *numbers, *map(str, parts)], check=True)
            parts[1].replace(made.others)
            parts[0].replace(made.listed)
        return made

    def some_listed(self, many: int) -> list[str]:
        """Return names from all over the list, the same each time."""
        return _some(self.listed, many, random.Random(SEED))

    def some_others(self, many: int) -> list[str]:
        """Return names that no rule is about."""
        return list(dict.fromkeys(lines(self.others)))[:many]


def _older(made: Path, program: Path) -> bool:
    return made.stat().st_mtime < program.stat().st_mtime


def lines(path: Path) -> Iterator[str]:
    """Yield the lines of a file of names."""
    with path.open(encoding="ascii") as source:
        for line in source:
            yield line.rstrip("\n")


def _some(path: Path, many: int, rng: random.Random) -> list[str]:
    chosen: dict[str, None] = {}
    with path.open("rb") as source, mmap.mmap(source.fileno(), 0, prot=mmap.PROT_READ) as text:
        size = len(text)
        while len(chosen) < many:
            start = text.rfind(b"\n", 0, rng.randrange(size)) + 1
            chosen[text[start : text.find(b"\n", start)].decode("ascii")] = None
    return list(chosen)
