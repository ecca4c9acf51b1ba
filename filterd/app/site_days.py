"""How many sites of .vn had an age label on each day: a line for a day, the last 400 of them.

Numbers alone, in `http/vn-sites.jsonl` of the state directory. `whole` is false for a day on which
the daemon began, and `full` true where there were more sites than could be told apart.
"""

import json
from dataclasses import asdict
from pathlib import Path

from filterd.http.labels.unlabelled import DayCount
from filterd.model.durable import write_atomically

FILE = "vn-sites.jsonl"
MOST_DAYS = 400
_LARGEST = 256 * 2**10  # bytes that are read; a line has about 90


def keep_day(folder: Path, count: DayCount, *, whole: bool) -> None:
    """Add the count of a day that has ended. OSError: the file is as it was."""
    path = folder / FILE
    before: list[bytes] = []
    if path.exists():
        with path.open("rb") as source:
            before = source.read(_LARGEST).splitlines()
    line = json.dumps(asdict(count) | {"whole": whole}).encode()
    kept = [*before, line][-MOST_DAYS:]
    write_atomically(path, b"".join(each + b"\n" for each in kept))
