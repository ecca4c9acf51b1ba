"""What the core forwards by itself over plain UDP, and what it leaves to the resolver in Python.

The core asks only where every server is a plain `udp://` address, and only for names that nobody
here has a say in: not local records, not special names, not zones with servers of their own. What
it cannot end (truncated answers, a server that loses letter case) comes back as an ordinary miss.
"""

import json
import logging
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from filterd.engine import special
from filterd.upstream.resolver import Settings
from filterd.upstream.server import Server, parse_server

logger = logging.getLogger(__name__)

MOST_SERVERS = 16  # of the core


@dataclass(frozen=True, slots=True)
class Routing:
    """What the core is told, as JSON: `forward` whom to ask and how long, `kept` the names whose
    subtrees it leaves alone. `labels` are the servers as logs and metrics call them, in the order
    the core numbers them.
    """

    forward: str
    kept: str
    labels: tuple[str, ...]


def routing(
    settings: Settings, owners: Iterable[str], *, deadline: float, stale_wait: float
) -> Routing | None:
    """Return what the core forwards, None (and a line in the log that says why) for nothing.

    `owners`: names of the local records; may start with "*.". `deadline`, `stale_wait`: seconds
    that a question may take, and after which a stale answer is better.

    Raises:
        ServerSyntaxError: a server that cannot be read; `Resolver` names all of them.
    """
    servers = tuple(dict.fromkeys(parse_server(text) for text in settings.servers))
    if reason := _not_plain(servers):
        logger.info("questions go upstream through Python, not the core: %s", reason)
        return None
    forward = {
        "servers": [
            {"label": server.label, "address": server.label.removeprefix("udp://")}
            for server in servers
        ],
        "strategy": str(settings.strategy),
        "deadline": deadline,
        "stale_wait": stale_wait,
        "most": settings.max_in_flight,
    }
    zones = (zone for zone, _ in settings.zones)
    labels = tuple(server.label for server in servers)
    return Routing(json.dumps(forward), json.dumps(_kept(owners, zones)), labels)


def _not_plain(servers: tuple[Server, ...]) -> str:
    """Return why the core cannot ask these, "" if it can."""
    for server in servers:
        if server.scheme != "udp":
            return f"{server.label} is not plain UDP"
        if "%" in server.host:
            return f"{server.label} is bound to an interface"
    if not 1 <= len(servers) <= MOST_SERVERS:
        return f"{len(servers)} servers, the core asks 1 to {MOST_SERVERS}"
    return ""


def _kept(owners: Iterable[str], zones: Iterable[str]) -> list[str]:
    """Return the names without those that lie below another: their subtrees are kept anyway."""
    local = (owner.removeprefix("*.") for owner in owners)
    names = {*local, *zones, *special.ZONES, "localhost"}
    if "" in names:
        return [""]
    return sorted(name for name in names if names.isdisjoint(_above(name)))


def _above(name: str) -> Iterator[str]:
    while name := name.partition(".")[2]:
        yield name


def merged(resolver: Mapping[str, Any], core: Mapping[str, Any]) -> dict[str, Any]:
    """Return the numbers of `Resolver.stats` and the core's as one, in the resolver's form.

    What was counted is added up; how a server is doing is what the core says, which asks it most.
    """
    servers = dict(resolver["servers"])
    for label, ours in core["servers"].items():
        known = servers.get(label)
        servers[label] = ours if known is None else _sum(known, ours)
    return {
        **resolver,
        "in_flight": resolver["in_flight"] + core["in_flight"],
        "in_flight_peak": max(resolver["in_flight_peak"], core["in_flight_peak"]),
        "overload": resolver["overload"] + core["overload"],
        "servers": servers,
    }


def _sum(one: Mapping[str, Any], other: Mapping[str, Any]) -> dict[str, Any]:
    """Add two reports of one server; the other's view of its health stands."""
    total: dict[str, Any] = dict(one)
    for key, value in other.items():
        known = one.get(key)
        if key in {"up", "rtt_average"} or known is None:
            total[key] = known if value is None else value
        elif key == "buckets":
            total[key] = [(bound, n + m) for (bound, n), (_, m) in zip(known, value, strict=True)]
        elif isinstance(value, Mapping):
            total[key] = _sum(known, value)
        else:
            total[key] = known + value
    return total


def changes(before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[tuple[int, str]]:
    """Yield (level, line) for the log for each server whose health is another in the core's later
    counts than in the earlier ones.
    """
    for label, report in after["servers"].items():
        was = before["servers"].get(label, {"up": True})["up"]
        if was and not report["up"]:
            yield logging.WARNING, f"upstream {label} does not answer"
        elif report["up"] and not was:
            yield logging.INFO, f"upstream {label} answers again"


def case_lost(labels: Iterable[str], resolver: Mapping[str, Any]) -> tuple[int, ...]:
    """Return the numbers of the core's servers that `Resolver.stats` says lose letter case: the
    core cannot confirm that over TCP by itself, and is told.
    """
    servers = resolver["servers"]
    return tuple(
        number for number, label in enumerate(labels) if servers.get(label, {}).get("case_lost")
    )
