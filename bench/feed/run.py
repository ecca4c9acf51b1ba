"""Measure the ministry's loop: real processes, a real PostgreSQL, one machine.

Each part is a program of its own and prints JSON; here it is held against the bars. A missed bar is
shown, never an error.
"""

import argparse
import json
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from bench.figures import Figure, Part, Results, page, publish
from bench.places import RESULTS, ROOT

KEPT = RESULTS / "feed.json"
BEGIN = "<!-- figures: written by make bench-feed -->"
Found = Mapping[str, Any]


def _latency(found: Found) -> list[Figure]:
    what = f"order sent to the hub -> blocked at {found['nodes']} nodes' sockets"
    return [
        Figure(f"{what}, p95", found["p95"], "s", most=1.0),
        Figure("the same, median", found["p50"], "s"),
        Figure("the same, worst", found["worst"], "s"),
    ]


def _snapshot(found: Found) -> list[Figure]:
    more = found["one_more_s"]
    return [
        Figure("10M rules: snapshot", found["snapshot_mb"], "MB", most=80.0),
        Figure("verified and in force on an empty node", found["in_force_s"], "s", most=60.0),
        Figure("order sent to the hub -> blocked there, p95", more["p95"], "s", most=1.0),
        Figure("the same, worst", more["max"], "s"),
        Figure("restart to the first right answer", found["restart_s"], "s"),
    ]


def _sse(found: Found) -> list[Figure]:
    held = "bytes_each_after_pushes"
    return [
        Figure("subscribers of one hub process", found["subscribers"], "", least=10_000),
        Figure("a push to all", found["push_to_all_worst_seconds"], "s", most=1.0),
        Figure("memory of each", found[held] / 1000, "kB", most=40.0),
    ]


def _ingest(found: Found) -> list[Figure]:
    receipts = found["receipts"]
    lost = abs(receipts["sent"] - receipts["kept"]) + receipts["sent again, taken"]
    return [
        Figure("reports, 25 rows each", found["schools"]["rows a second"], "rows/s", least=10_000),
        Figure(
            "reports, 5,000 rows each", found["providers"]["rows a second"], "rows/s", least=10_000
        ),
        Figure(
            f"{receipts['sent']:,} receipts, a request each", receipts["seconds"], "s", most=60.0
        ),
        Figure("receipts lost or doubled", lost, "", most=0.0),
    ]


def _traffic(found: Found) -> list[Figure]:
    down, up = found["down_mb_a_day"], found["up_mb_a_day"]
    return [
        Figure("a node at 1,000 changes an hour, both ways", down + up, "MB/day", most=2.0),
        Figure("of it, down: stream, polls, trust root", down, "MB/day"),
        Figure("of it, up: acknowledgements, receipts, reports", up, "MB/day"),
        Figure("28,000 nodes", found["country_gb_a_day"], "GB/day"),
        Figure("28,000 nodes", found["country_mbit_s"], "Mbit/s"),
    ]


PARTS: Mapping[str, tuple[Callable[[Found], list[Figure]], str]] = {
    "latency": (_latency, "orders to the sockets of twenty nodes, a minute"),
    "sse": (_sse, "subscribers of the feed's events, half a minute"),
    "ingest": (_ingest, "receipts and reports by HTTP into PostgreSQL, three minutes"),
    "snapshot": (_snapshot, "ten million rules by the feed, a quarter of an hour"),
    "traffic": (_traffic, "bytes on the wire, an hour; needs root"),
}


def main(arguments: Sequence[str]) -> int:
    """Measure what is asked for; 1 if a part could not be measured."""
    parser = argparse.ArgumentParser(
        prog="python -m bench.feed.run",
        description=__doc__,
        epilog="parts:\n" + "\n".join(f"  {name:9} {what}" for name, (_, what) in PARTS.items()),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--only", nargs="+", choices=[*PARTS], metavar="PART")
    parser.add_argument("--dry", action="store_true", help="print, but keep nothing")
    options = parser.parse_args(arguments)
    chosen = options.only or list(PARTS)
    results, failed = Results.read(KEPT), 0
    for name in chosen:
        print(f"{name} ...", file=sys.stderr)
        command = [sys.executable, "-m", f"bench.feed.{name}"]
        done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False, cwd=ROOT)
        if done.returncode or not done.stdout.strip():
            print(f"{name}: could not be measured (exit {done.returncode})", file=sys.stderr)
            failed = 1
            continue
        found = json.loads(done.stdout[done.stdout.index("{") :])
        figures = PARTS[name][0](found)
        results.parts[name] = Part.now("make bench-feed", figures, {}, found)
        if not options.dry:
            results.write(KEPT)
            publish(results, BEGIN)
    print("\n".join(page(results, chosen)))
    return failed


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
