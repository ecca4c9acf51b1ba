"""Measure what the HTTP filter costs: `make bench-http`, some eight minutes.

A missed bar is shown, never an error. What is not installed is told of and left out.
"""

import argparse
import contextlib
import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from signal import SIGTERM, signal
from typing import Any

from bench import native
from bench.figures import Figure, Part, Results, page, publish
from bench.http import download, lists, ours, overhead, resetting, squid, world
from bench.http.places import HTTP_PYTHON
from bench.http.world import Place, Proxy
from bench.places import LOAD_CORE, RESULTS, ROOT
from bench.process import placed
from bench.saying import how, say, turn

KEPT = RESULTS / "http.json"
BEGIN = "<!-- figures: written by make bench-http -->"
OVERHEAD = 10.0  # per cent of requests a second
JUDGED = 10_000
OURS, BARE, SQUID = "filterd", "mitmproxy", "squid"


@dataclass(slots=True)
class Standing:
    """All that stands: proxies by name, and one that splices for mitmproxy alone."""

    place: Place
    proxies: Mapping[str, Proxy]
    splicing: Proxy
    sink: Any
    rounds: int
    lock: Path | None
    figures: list[Figure] = field(default_factory=list)
    tables: dict[str, list[str]] = field(default_factory=dict)
    raw: dict[str, Any] = field(default_factory=dict)


def _overhead(bench: Standing) -> None:
    proxies = {
        mode.name: [
            bench.splicing if mode.name == "spliced" and name == BARE else each
            for name, each in bench.proxies.items()
        ]
        for mode in overhead.MODES
    }
    found = overhead.measure(bench.rounds, overhead.Pace(), proxies, bench.place.origin, bench.lock)
    for mode in found:
        rps = overhead.ratio(found, mode, "rps", OURS, BARE)
        cpu = overhead.ratio(found, mode, "cpu_ms", OURS, BARE)
        note = f"CPU a request × {cpu:.2f}"
        if SQUID in bench.proxies:
            theirs = overhead.ratio(found, mode, "cpu_ms", OURS, SQUID)
            note += f"; × {theirs:.1f} of squid's"
        less = max(0.0, 100 * (1 - rps))
        name = f"{mode}: fewer requests/s than mitmproxy alone"
        bench.figures.append(Figure(name, round(less, 1), "%", most=OVERHEAD, note=note))
    bench.tables["Load by way and proxy, medians"] = overhead.table(found)
    bench.raw["slices"] = {
        mode: {
            name: {key: [round(one[key], 3) for one in each] for key in ("rps", "cpu_ms")}
            for name, each in by_proxy.items()
        }
        for mode, by_proxy in found.items()
    }


def _reset(bench: Standing) -> None:
    for name in (OURS, SQUID):
        if name not in bench.proxies:
            continue
        with turn(bench.lock):
            seen = resetting.measure(bench.proxies[name], bench.sink)
        bench.raw[name] = asdict(seen)
        if not seen.passing:
            raise RuntimeError(f"{name} let nobody through to where connections are counted")
        note = (
            f"p95 {seen.p95_ms:.1f} ms; from the ClientHello {seen.hello_p50_ms:.1f} ms; "
            f"{seen.reset} of {resetting.TIMES} by a reset, the rest by an end"
        )
        whose = "" if name == OURS else " (squid)"
        most = 5.0 if name == OURS else None
        figures = bench.figures
        figures.append(Figure(f"blocked SNI{whose}: connect to end", seen.p50_ms, "ms", most, note))
        seen_by = "connections that a server saw meanwhile"
        figures.append(Figure(f"{seen_by}{whose}", seen.came, "", 0.0 if name == OURS else None))


def _memory(bench: Standing) -> None:
    modes = {mode.name: mode for mode in overhead.MODES}
    for mode in ("plain", "inspected"):
        for slow in (False, True):
            with turn(bench.lock):
                held = download.measure(
                    bench.proxies[OURS], bench.place.origin, modes[mode], slow=slow
                )
            whose = f"{mode}, {'a slow' if slow else 'a fast'} client"
            bench.raw[whose] = asdict(held)
            name = f"64 MiB through a worker, {whose}: memory"
            more = round(held.peak - held.before, 2)
            note = f"{held.before:.0f} MiB before, {held.seconds:.1f} s"
            bench.figures.append(Figure(name, more, "MiB", most=5.0, note=note))


def _judging(bench: Standing) -> None:
    folder = bench.place.folder / "ours/state/http"
    words = [str(HTTP_PYTHON), "-m", "bench.http.judging", str(folder), str(JUDGED)]
    with turn(bench.lock), placed(LOAD_CORE, first=True):
        judging = subprocess.Popen(words, cwd=ROOT, stdout=subprocess.PIPE, start_new_session=True)
        world.prefer(judging.pid)
        out, _ = judging.communicate()
    said = bench.raw["judging"] = json.loads(out)
    rules = f"{lists.URLS:,} URLs" + (", EasyList, EasyPrivacy" if said["with_requests"] else "")
    for key, name, most in (
        ("url", f"a URL decided: {rules}", 20.0),
        ("request", "a decrypted request decided: facts, four names, that URL", None),
    ):
        each = said[key]
        note = f"p95 {each['p95']:.1f} µs; {each['least']:.1f} in the least disturbed pass"
        bench.figures.append(Figure(name, round(each["p50"], 1), "µs", most=most, note=note))


PARTS: Mapping[str, Callable[[Standing], None]] = {
    "reset": _reset,
    "memory": _memory,
    "judging": _judging,
    "overhead": _overhead,
}


@contextlib.contextmanager
def _standing(programs: native.Programs, rounds: int, lock: Path | None) -> Iterator[Standing]:
    """Start everything."""
    made = lists.make(programs)
    with contextlib.ExitStack() as stack:
        folder = stack.enter_context(world.folder())
        sink = stack.enter_context(resetting.sink())
        origin = stack.enter_context(world.origin(folder / "origin"))
        place = Place(folder, made, origin, sink.getsockname()[1])
        say("starting filterd: compiling lists")
        proxies = {OURS: stack.enter_context(ours.ours(place))}
        say("starting mitmproxy without us")
        proxies[BARE] = stack.enter_context(ours.bare(place, splice=False))
        splicing = stack.enter_context(ours.bare(place, splice=True))
        absent = squid.absent()
        if absent is None:
            say("starting squid")
            proxies[SQUID] = stack.enter_context(squid.squid(place))
        else:
            say(f"NOT MEASURED: {absent}")
        yield Standing(place, proxies, splicing, sink, rounds, lock)


def main(arguments: Sequence[str]) -> int:
    """Measure what is asked for; 2 if something that it needs is absent."""
    options = _options(arguments)
    programs = native.build()
    if programs is None:
        return 2
    if not os.access(HTTP_PYTHON, os.X_OK):
        print("NOT MEASURED: no HTTP environment; `make http` makes one", file=sys.stderr)
        return 2
    signal(SIGTERM, lambda *_: sys.exit(1))  # so that everything is ended
    chosen = [name for name in PARTS if name in (options.only or PARTS)]
    command = how("bench-http", "bench.http.run", arguments)
    results = Results.read(KEPT)
    with _standing(programs, options.rounds, options.lock) as bench:
        for name in chosen:
            say(f"{name} ...")
            PARTS[name](bench)
            results.parts[name] = Part.now(command, bench.figures, bench.tables, bench.raw)
            bench.figures, bench.tables, bench.raw = [], {}, {}
            if not options.dry:
                results.write(KEPT)
                publish(results, BEGIN)
    print("\n".join(page(results, chosen)))
    return 0


def _options(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench.http.run", description=__doc__)
    add = parser.add_argument
    add("--only", nargs="+", choices=[*PARTS], metavar="PART", help=f"of {', '.join(PARTS)}")
    add("--rounds", type=int, default=4, metavar="N", help="of `overhead` (4), a minute each")
    add("--dry", action="store_true", help="print, but keep nothing")
    add("--lock", type=Path, metavar="FILE", help="hold this lock while measuring, on a busy box")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
