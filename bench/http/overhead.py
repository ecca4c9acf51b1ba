"""Requests a second and CPU a request of our worker beside mitmproxy without it, and squid.

All stand at the same time on one core; each round asks each in turn, begun by another one each
time, so that a slow minute hits all. Only ratios within a round are compared.
"""

import json
import statistics
import subprocess
import sys
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.http.places import BODY, HOSTS, PUPIL, READ
from bench.http.world import Origin, Proxy
from bench.places import LOAD_CORE, ROOT
from bench.process import placed
from bench.saying import say, turn

CLIENTS = 8


@dataclass(frozen=True, slots=True)
class Pace:
    """`slices` of so many seconds in a round, each after a `warm` while."""

    slices: int = 6
    seconds: float = 0.6
    warm: float = 0.15


@dataclass(frozen=True, slots=True)
class Mode:
    """A way to ask. `inspected` decides the address that clients come from, and whom they trust."""

    name: str
    tls: bool = False
    keep: bool = False
    inspected: bool = False


MODES = (
    Mode("plain", keep=True),
    Mode("spliced", tls=True),
    Mode("inspected", tls=True, keep=True, inspected=True),
    Mode("inspected, new connection", tls=True, inspected=True),
)
Round = dict[str, list[dict[str, Any]]]  # proxy -> slices
Samples = dict[str, dict[str, list[dict[str, Any]]]]  # mode -> proxy -> slices


def measure(
    rounds: int,
    pace: Pace,
    proxies: Mapping[str, Sequence[Proxy]],
    origin: Origin,
    lock: Path | None = None,
) -> Samples:
    """Ask in rounds; `proxies` are those of each mode's name."""
    found: Samples = {mode.name: defaultdict(list) for mode in MODES}
    for number in range(rounds):
        for mode in MODES:
            with turn(lock):
                seen = fire(mode, proxies[mode.name], origin, pace)
            for name, slices in seen.items():
                found[mode.name][name] += slices
            told = ", ".join(f"{name} {_middle(row, 'rps'):,.0f}/s" for name, row in seen.items())
            say(f"round {number + 1} of {rounds}, {mode.name}: {told}")
    return found


def fire(mode: Mode, proxies: Sequence[Proxy], origin: Origin, pace: Pace) -> Round:
    """Ask proxies in one way, in turn.

    Raises:
        RuntimeError: one answered nothing.
    """
    trust = {each.name: each.trust if mode.inspected else origin.trust for each in proxies}
    plan = {
        "targets": [
            {
                "name": each.name, "port": each.port, "pids": each.pids,
                "trust": str(trust[each.name]),
            }
            for each in proxies
        ],
        "origin": origin.tls if mode.tls else origin.plain, "tls": mode.tls, "keep": mode.keep,
        "source": READ if mode.inspected else PUPIL, "names": HOSTS, "clients": CLIENTS,
        "body": BODY, "warm": pace.warm, "seconds": pace.seconds, "slices": pace.slices,
    }  # fmt: skip
    with placed(LOAD_CORE, realtime=True):
        done = subprocess.run(
            [sys.executable, "-m", "bench.http.load", json.dumps(plan)],
            cwd=ROOT, check=True, stdout=subprocess.PIPE,
        )  # fmt: skip
    said: Round = json.loads(done.stdout)
    for name, slices in said.items():
        faults = [each["fault"] for each in slices if each["fault"]]
        if not all(each["requests"] for each in slices):
            raise RuntimeError(f"{name} answered nothing, {mode.name}: {faults}")
        if faults:
            say(f"{name}, {mode.name}: wrong answers: {faults[0]}")
    return said


def _middle(rows: Sequence[Mapping[str, Any]], key: str) -> float:
    return float(statistics.median(one[key] for one in rows))


def ratio(found: Samples, mode: str, what: str, ours: str, theirs: str) -> float:
    """Return the median over rounds of ours by theirs."""
    pairs = zip(found[mode][ours], found[mode][theirs], strict=True)
    return float(statistics.median(one[what] / other[what] for one, other in pairs))


def table(found: Samples) -> list[str]:
    """Return Markdown: medians of each proxy in each mode."""
    rows = [
        "| way | proxy | requests/s | CPU ms a request | p50 ms | p95 ms | load's CPU | wrong |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for mode, by_proxy in found.items():
        for name, each in by_proxy.items():
            middle = {
                key: _middle(each, key)
                for key in ("rps", "cpu_ms", "p50_ms", "p95_ms", "load_busy")
            }
            rows.append(
                f"| {mode} | {name} | {middle['rps']:,.0f} | {middle['cpu_ms']:.3f} | "
                f"{middle['p50_ms']:.2f} | {middle['p95_ms']:.2f} | {middle['load_busy']:.0%} | "
                f"{each[-1]['wrong']} |"
            )
    return rows
