"""Metrics and health wired to a node."""

import shutil
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path

from prometheus_client import CollectorRegistry

from filterd import __version__
from filterd.app.forwarding import upstream_stats
from filterd.app.node import Node
from filterd.app.watching import not_ready, report_state
from filterd.dns.tcp import TcpDoor
from filterd.metrics.collector import FilterdCollector
from filterd.metrics.hits import HitTotals
from filterd.metrics.http import MetricsServer
from filterd.metrics.sources import NodeState, Sources
from filterd.model.verdict import Kind


def open_metrics(node: Node, tcp: Sequence[TcpDoor]) -> MetricsServer:
    """Return the HTTP door for metrics and health, not yet listening. `tcp`: the node's doors."""

    def state() -> NodeState:
        lists = node.ruling.inputs.lists
        return NodeState(
            version=__version__,
            started=node.started,
            ready=not not_ready(node),
            rules_since=lists.generation.made_at if lists is not None else node.ruling.made_at,
            filtering={group.name: group.filtered for group in node.ruling.school.groups},
            disk=_disk(node.paths.state),
        )

    def doors() -> Mapping[str, object]:
        return asdict(node.engine.doors()) | {
            "connections": sum(len(door.open) for door in tcp),
            "refused": sum(door.refused for door in tcp),
            **_proxied(node),
        }

    def http() -> Mapping[str, object]:
        told = {} if node.http_told is None else node.http_told.numbers()
        return told | {"events": node.http_events, "dropped": node.http_dropped}

    totals = HitTotals(node.names_of)

    def hits() -> Iterator[tuple[str | None, str | None, int]]:
        # A list that never decides anything shows 0: that is worth knowing too.
        for spec in node.ruling.school.lists:
            totals.announce((spec.name, spec.category))
        totals.read(node.engine.stats())
        return totals.totals()

    def groups() -> Iterator[tuple[str, str, int]]:
        if node.config.privacy.level != "none":  # where nothing is counted, nothing is 0 either
            names = (group.name for group in node.ruling.school.groups)
            node.groups.announce(names, (kind.value for kind in Kind))
        return node.groups.read(time.time())

    registry = CollectorRegistry()
    registry.register(
        FilterdCollector(
            Sources(
                engine=node.engine.stats,
                hits=hits,
                groups=groups,
                doors=doors,
                upstream=lambda: upstream_stats(node),
                lists=lambda: node.lists,
                report=lambda: report_state(node),
                node=state,
                now=time.time,
                feed=lambda: {} if node.feed is None else node.feed.numbers(time.time()),
                http=http if node.config.http.on else None,
                bypass=lambda: {} if node.bypass is None else node.bypass.numbers(),
                gateway=lambda: {
                    "packets": node.gatehouse.packets,
                    "problem": node.gatehouse.problems,
                },
                hub=lambda: {} if node.reporting is None else node.reporting.numbers(time.time()),
                who=lambda: {} if node.who is None else node.who.numbers(),
            )
        )
    )
    return MetricsServer(registry, lambda: not_ready(node), time.monotonic)


def _disk(folder: Path) -> tuple[int, int] | None:
    """Return bytes free and in all where `folder` is; None: it cannot be told, and is not shown."""
    try:
        usage = shutil.disk_usage(folder)
    except OSError:
        return None
    return usage.free, usage.total


def _proxied(node: Node) -> dict[str, object]:
    """Return what came through proxies; nothing where nobody is believed."""
    if node.proxies is None:
        return {}
    proxied, refused = node.proxies.counts()
    return {"proxied": proxied, "proxy_refused": refused}
