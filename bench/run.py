"""Measure what filterd costs, beside a bare echo (F1) and beside other servers.

A missed bar is shown, never an error. Nothing leaves the machine; all files lie in build/bench.
Some parts are only printed, everything is also kept in bench/results and bench/README.md.
"""

import argparse
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from signal import SIGTERM, signal

from bench import beside, compiling, deciding, native, parts, starting, workers
from bench.context import Bench
from bench.figures import LAST, PICTURE, Results, page, publish
from bench.large import COUNT, replacing, restarting, rule
from bench.large import compiling as large_compiling
from bench.peers import QUICK
from bench.picture import draw
from bench.rounds import Pace
from bench.saying import how

SMALL: dict[str, Callable[[Bench], None]] = {
    "compile": compiling.measure,
    "parts": parts.measure,
    "start": starting.measure,
    "decide": deciding.measure,
    "rounds": beside.measure,
    "workers": workers.measure,
}
LARGE: dict[str, Callable[[Bench, int], None]] = {
    "large": large_compiling.measure,
    "restart": restarting.measure,
    "rule": rule.measure,
    "replace": replacing.measure,
}
QUICK_PARTS = ("rounds",)
EPILOG = f"""\
parts, in this order:
  compile   text to index: a million names, and the real lists where the data folder is
  parts     inside a query, without a socket
  start     a daemon's memory, a million rules
  decide    `filterd decide`
  rounds    CPU a query beside F1 and every peer that is installed
  workers   two UDP threads against one
  large     {COUNT:,} rules: compile, map, a second process
  restart   the same: start, and kill -9, to the first right answer
  rule      the same: one new rule under load
  replace   the same: the whole list replaced under load

examples:
  python -m bench.run                          everything, as `make bench` does
  python -m bench.run --quick                  three minutes, writes nothing
  python -m bench.run --only rounds --rounds 6 --write
  python -m bench.run --only rounds --peers unbound-lz dnsdist
  python -m bench.run --only rule replace --rules 2000000
"""


def main(arguments: Sequence[str]) -> int:
    """Measure what is asked for; 0 if it was measured, 2 if something needed is absent."""
    options = _options(arguments)
    programs = native.build()
    if programs is None:
        return 2
    signal(SIGTERM, lambda *_: sys.exit(1))  # so that every server is ended
    every = (*SMALL, *LARGE)
    wanted = options.only or (QUICK_PARTS if options.quick else every)
    chosen = [part for part in every if part in wanted]
    pace = Pace(rounds=2, seconds=0.6) if options.quick else Pace()
    quick = QUICK if options.quick else None
    bench = Bench(
        programs,
        Pace(options.rounds or pace.rounds, pace.seconds),
        peers=quick if options.peers is None else options.peers,
        lock=options.lock,
    )
    write = options.write or not (options.only or options.quick or options.dry)
    results = Results.read(options.json or LAST) if write or options.json else Results()
    with bench.stack:
        for name in chosen:
            if name in SMALL:
                SMALL[name](bench)
            else:
                LARGE[name](bench, options.rules)
            results.parts[name] = bench.take(how("bench", "bench.run", arguments))
            if write or options.json:
                results.write(options.json or LAST)
    print("\n".join(page(results, chosen)))
    if write and not options.json:
        publish(results)
        draw(results, PICTURE)
    return 0


def _options(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m bench.run",
        description=__doc__,
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("--only", nargs="+", choices=[*SMALL, *LARGE], metavar="PART", help="some parts (all)")
    add("--rounds", type=int, metavar="N", help="of `rounds` and `workers` (4)")
    add("--peers", nargs="*", metavar="NAME", help="only these beside filterd (all installed)")
    add("--rules", type=int, default=COUNT, metavar="N", help=f"of the large parts ({COUNT:,})")
    add("--quick", action="store_true", help="F1, filterd and two peers, two rounds")
    add(
        "--write",
        action="store_true",
        help="keep these parts in bench/results, as a whole run does",
    )
    add("--dry", action="store_true", help="print, but keep nothing in bench/results")
    add("--json", type=Path, metavar="FILE", help="keep them in this file instead")
    add("--lock", type=Path, metavar="FILE", help="hold this lock while measuring, on a busy box")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
