"""Metrics and health wired to a node."""

import time
from collections.abc import Iterator
from typing import Any

from prometheus_client import CollectorRegistry

from filterd import __version__
from filterd.app.forwarding import upstream_stats
from filterd.app.node import Node, readiness
from filterd.lists.status import State
from filterd.metrics.collector import FilterdCollector
from filterd.metrics.hits import HitTotals
from filterd.metrics.http import MetricsServer
from filterd.metrics.sources import NodeState, Sources
from filterd.report.base import ReportStatus


def open_metrics(node: Node) -> MetricsServer:
    """Return the HTTP door for metrics and health, not yet listening."""

    def state() -> NodeState:
        lists = node.ruling.inputs.lists
        return NodeState(
            version=__version__,
            started=node.started,
            ready=not readiness(node),
            rules_since=lists.generation.made_at if lists is not None else node.ruling.made_at,
            filtering={group.name: group.filtered for group in node.ruling.school.groups},
        )

    totals = HitTotals(node.names_of)

    def hits() -> Iterator[tuple[str | None, str | None, int]]:
        # A list that never decides anything shows 0: that is worth knowing too.
        for spec in node.ruling.school.lists:
            totals.announce((spec.name, spec.category))
        totals.read(node.engine.stats())
        return totals.totals()

    registry = CollectorRegistry()
    registry.register(
        FilterdCollector(
            Sources(
                engine=node.engine.stats,
                hits=hits,
                upstream=lambda: upstream_stats(node),
                lists=lambda: node.lists,
                report=lambda: report_state(node),
                node=state,
                now=time.time,
            )
        )
    )
    return MetricsServer(registry, lambda: readiness(node), time.monotonic)


def report_state(node: Node) -> ReportStatus:
    """Return how the local log does."""
    return node.recorder.status()


def _warnings(node: Node, report: ReportStatus) -> list[str]:
    """Return what does not keep the node from answering but wants somebody to look."""
    warnings = [
        f"list {each.name} is {each.state.value}: {'; '.join(each.why)}"
        for each in node.lists
        if each.state is not State.OK
    ]
    if report.problem is not None:
        warnings.append(f"log: {report.problem}")
    elif report.dropped:
        warnings.append(f"log: {report.dropped} events were not kept since the start")
    return warnings


def node_status(node: Node) -> dict[str, Any]:
    """Return the whole state as plain data, for `filterd reload` and people."""
    report = report_state(node)
    lists = node.ruling.inputs.lists
    return {
        "version": __version__,
        "started": node.started,
        "generation": node.generation,
        "index": lists.generation.number if lists is not None else None,
        "not_ready": readiness(node),
        "warnings": _warnings(node, report),
        "log": {"written": report.written, "dropped": report.dropped, "problem": report.problem},
        "engine": node.engine.stats(),
        "upstream": upstream_stats(node),
    }
