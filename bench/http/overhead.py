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

from bench.http.world import BODY, HOSTS, PUPIL, READ, Origin, Proxy
from bench.places import LOAD_CORE, ROOT
from bench.process import placed
from bench.saying import say, turn

CLIENTS = 8


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
Samples = dict[str, dict[str, list[dict[str, Any]]]]  # mode -> proxy -> rounds


def measure(
    rounds: int,
    seconds: float,
    proxies: Mapping[str, Sequence[Proxy]],
    origin: Origin,
    lock: Path | None = None,
) -> Samples:
    """Ask in rounds; `proxies` are those of each mode's name."""
    found: Samples = defaultdict(lambda: defaultdict(list))
    for number in range(rounds):
        for mode in MODES:
            standing = list(proxies[mode.name])
            turned = standing[number % len(standing) :] + standing[: number % len(standing)]
            with turn(lock):
                for each in turned:
                    found[mode.name][each.name].append(fire(mode, each, origin, seconds))
            last = ", ".join(
                f"{name} {row[-1]['rps']:,.0f}/s {row[-1]['cpu_ms'] or 0:.3f} ms"
                for name, row in found[mode.name].items()
            )
            say(f"round {number + 1} of {rounds}, {mode.name}: {last}")
    return found


def fire(
    mode: Mode, proxy: Proxy, origin: Origin, seconds: float, warm: float = 0.5
) -> dict[str, Any]:
    """Ask one proxy in one way for so long."""
    plan = {
        "proxy": proxy.port, "pids": proxy.pids, "origin": origin.tls if mode.tls else origin.plain,
        "tls": mode.tls, "keep": mode.keep, "source": READ if mode.inspected else PUPIL,
        "names": HOSTS, "clients": CLIENTS, "body": BODY, "warm": warm, "seconds": seconds,
        "trust": str(proxy.trust if mode.inspected else origin.trust),
    }  # fmt: skip
    with placed(LOAD_CORE, first=True):
        done = subprocess.run(
            [sys.executable, "-m", "bench.http.load", json.dumps(plan)],
            cwd=ROOT, check=True, stdout=subprocess.PIPE,
        )  # fmt: skip
    said: dict[str, Any] = json.loads(done.stdout)
    if not said["requests"]:
        raise RuntimeError(f"{proxy.name} answered nothing, {mode.name}: {said['fault']}")
    if said["wrong"]:
        say(f"{proxy.name}, {mode.name}: {said['wrong']} wrong answers: {said['fault']}")
    return said


def ratio(found: Samples, mode: str, what: str, ours: str, theirs: str) -> float:
    """Return the median over rounds of ours by theirs."""
    pairs = zip(found[mode][ours], found[mode][theirs], strict=True)
    return statistics.median(one[what] / other[what] for one, other in pairs)


def table(found: Samples) -> list[str]:
    """Return Markdown: medians of each proxy in each mode."""
    rows = [
        "| mode | proxy | requests/s | CPU ms a request | p50 ms | p95 ms | load's own core | wrong |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for mode, by_proxy in found.items():
        for name, each in by_proxy.items():
            middle = {
                key: statistics.median(one[key] for one in each)
                for key in ("rps", "cpu_ms", "p50_ms", "p95_ms", "load_busy")
            }
            rows.append(
                f"| {mode} | {name} | {middle['rps']:,.0f} | {middle['cpu_ms']:.3f} | "
                f"{middle['p50_ms']:.2f} | {middle['p95_ms']:.2f} | {middle['load_busy']:.0%} | "
                f"{sum(one['wrong'] for one in each)} |"
            )
    return rows
