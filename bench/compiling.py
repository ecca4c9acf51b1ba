"""What it costs to go from text to a compiled index, and to open one.

    python -m bench.compiling NAMES TARGET

One process of its own does it as the daemon's child does (lists_index.compile_lists), so that
its CPU time and its memory are its own, and prints a line of JSON.
"""

import json
import resource
import statistics
import sys
import time
from pathlib import Path

from filterd.core import Index, IndexBuilder
from filterd.formats.registry import by_name
from filterd.model.group import ListSpec
from filterd.policy.lists_index import compile_lists

OPENINGS = 9


def measure(names: Path, target: Path) -> dict[str, float]:
    """Return seconds of CPU, milliseconds and bytes a rule."""
    spec = ListSpec("union", "domains", path=str(names), subdomains=True)
    data = names.read_bytes()
    builder = IndexBuilder(lines=True)
    before = time.process_time()
    compiled = compile_lists([(spec, data, by_name("domains"))], builder)
    skimmed = time.process_time()
    builder.write(str(target), compiled.meta)
    written = time.process_time()
    report = compiled.reports[0]
    opened = [_open(target) for _ in range(OPENINGS)]
    lines = Path(f"{target}.lines")
    index = Index.open(str(target))
    return {
        "rules": report.accepted,
        "refused": report.refused_total,
        "names": index.names,
        "skim_cpu_s": skimmed - before,
        "write_cpu_s": written - skimmed,
        "compile_cpu_s": written - before,
        "bytes_a_rule": target.stat().st_size / report.accepted,
        "lines_bytes_a_rule": lines.stat().st_size / report.accepted,
        "open_ms": statistics.median(opened),
        "peak_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
    }


def _open(path: Path) -> float:
    before = time.perf_counter()
    Index.open(str(path))
    return (time.perf_counter() - before) * 1e3


if __name__ == "__main__":
    print(json.dumps(measure(Path(sys.argv[1]), Path(sys.argv[2]))))
