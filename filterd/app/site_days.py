"""How many sites of .vn had an age label on each day: a line for a day, the last 400 of them.

Numbers alone, in `http/vn-sites.jsonl` of the state directory. `whole` is false for a day on which
the daemon began, and `full` true where there were more sites than could be told apart.
"""

import json
import logging
from dataclasses import asdict
from pathlib import Path

from filterd.http.labels.unlabelled import DAY, DayCount
from filterd.model.durable import write_atomically

logger = logging.getLogger(__name__)
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


def whole_days(folder: Path) -> list[DayCount]:
    """Return the days of which the daemon saw all, oldest first, each once. A line that does not
    read is left out, and logged. OSError.
    """
    found: dict[int, DayCount] = {}
    try:
        with (folder / FILE).open("rb") as source:
            lines = source.read(_LARGEST).splitlines()
    except FileNotFoundError:
        return []
    for line in lines:
        try:
            plain = json.loads(line)
            whole = plain.pop("whole")
            count = _checked(DayCount(**plain))
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            logger.warning("%s: a line is left out: %s", FILE, error)
            continue
        if whole is True:
            found.setdefault(count.day, count)
    return [found[day] for day in sorted(found)]


def _checked(count: DayCount) -> DayCount:
    numbers = (count.day, count.labelled, count.unlabelled)
    if any(type(each) is not int or each < 0 for each in numbers) or count.day % DAY:
        raise ValueError("not the numbers of a day")
    return count
