"""How a node is, as plain data."""

from dataclasses import asdict
from typing import Any

from filterd import __version__
from filterd.app.fitness import thread_faults
from filterd.app.forwarding import upstream_stats
from filterd.app.gating import gate_problems
from filterd.app.node import Node, readiness
from filterd.lists.status import State
from filterd.report.base import ReportStatus


def not_ready(node: Node) -> list[str]:
    """Return why the node is not ready; nothing: it is."""
    return [*readiness(node), *thread_faults(node.engine.doors())]


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
    if node.who is not None:
        warnings += [f"who: {name}: {why}" for name, why in node.who.problems.items()]
    warnings += gate_problems(node)
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
        "not_ready": not_ready(node),
        "warnings": _warnings(node, report),
        "log": {"written": report.written, "dropped": report.dropped, "problem": report.problem},
        "engine": node.engine.stats(),
        "doors": asdict(node.engine.doors()),
        "upstream": upstream_stats(node),
    }
