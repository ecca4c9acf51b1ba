"""The rules that are measured with: every name of the real lists, one a line, 2.2 million.

They are made from the data folder (FILTERD_DATA, or `../shared/data` beside the checkout) by its
own `make_union.py` and kept under `build/bench`; no list is part of the project.
"""

import subprocess
import sys
from pathlib import Path

from bench.places import BUILD, DATA


def union() -> Path | None:
    """Return the file of names; None, loudly, where the data folder is absent."""
    maker = DATA / "make_union.py"
    if not maker.is_file():
        print(
            f"NOT MEASURED: {maker.name} is not in the data folder; set FILTERD_DATA to a folder "
            "of lists that has it",
            file=sys.stderr,
        )
        return None
    target = BUILD / "union.txt"
    if target.is_file():
        return target
    print("making the union of the lists (half a minute) ...", file=sys.stderr)
    part = target.with_suffix(".part")
    with part.open("wb") as out:
        subprocess.run([sys.executable, str(maker)], stdout=out, check=True)
    part.replace(target)
    return target
