"""The rules that are measured with: names and URLs made up, and real lists where they are."""

import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from bench.http.places import HOSTS
from bench.names import Names
from bench.native import Programs
from bench.places import BUILD, DATA
from bench.saying import say

NAMES, URLS = 100_000, 1_000_000
REAL = ("easylist", "easyprivacy")


@dataclass(frozen=True, slots=True)
class Lists:
    """Files: names to block with all below them, URLs, and lists of rules about requests."""

    names: Path
    urls: Path
    requests: tuple[Path, ...]


def make(programs: Programs) -> Lists:
    """Return them, made where they are not there."""
    urls = BUILD / f"urls-{URLS}.txt"
    if not urls.exists():
        part = urls.with_suffix(".part")
        with part.open("w", encoding="ascii") as out:
            out.writelines(f"{line}\n" for line in _urls())
        part.replace(urls)
    return Lists(Names.make(programs.names, NAMES).listed, urls, _real())


def listed_url(number: int) -> tuple[str, str]:
    """Return host and path of one of the URLs; four of each host."""
    return f"www.site-{number // 4:06d}.example", f"/area{number % 7}/page-{number}.html"


def _urls() -> Iterator[str]:
    """Yield the lines; some are of the hosts that are asked in the other parts."""
    for number in range(URLS - 100 * len(HOSTS)):
        host, path = listed_url(number)
        yield f"http://{host}{path}"
    for host in HOSTS:
        yield from (f"http://{host}/blocked/{number}" for number in range(100))


def _real() -> tuple[Path, ...]:
    """Return real lists of rules about requests, unpacked; none, loudly, where they are absent."""
    packed = [DATA / f"abp/{name}.txt.zst" for name in REAL]
    if not all(path.is_file() for path in packed):
        say("NOT MEASURED: EasyList is not in the data folder; set FILTERD_DATA to one that has it")
        return ()
    made = []
    for path in packed:
        made.append(BUILD / path.stem)
        with made[-1].open("wb") as out:
            subprocess.run(["zstd", "-dcq", str(path)], stdout=out, check=True)
    return tuple(made)
