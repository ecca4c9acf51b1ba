"""What Prometheus and Grafana are given: rules, queries of dashboards, and the series that exist."""

import json
import re
from dataclasses import dataclass
from typing import Any

import yaml

from filterd.hub import document
from filterd.metrics.names import METRICS, Type
from tests.support.data import ROOT

PROMETHEUS = ROOT / "deploy/prometheus"
GRAFANA = ROOT / "deploy/grafana"
RULES = sorted((PROMETHEUS / "rules").glob("*.yml"))
_STRING = re.compile(r'"[^"]*"')
_NAME = re.compile(r"\b(?:[a-z_]+:)*(?:filterd|job|instance)[a-z0-9_:]*:?[a-z0-9_:]*")


def rules(kind: str) -> dict[str, dict[str, Any]]:
    """Return rules by their names; `kind` is "alert" or "record"."""
    return {
        rule[kind]: rule
        for path in RULES
        for group in yaml.safe_load(path.read_text(encoding="utf-8"))["groups"]
        for rule in group["rules"]
        if kind in rule
    }


@dataclass(frozen=True)
class Shown:
    """A query of a panel. `file`: of the dashboard, as `vi/filterd-school.json`."""

    file: str
    panel: str
    kind: str
    expr: str
    legend: str

    @property
    def instant(self) -> bool:
        return self.kind != "timeseries"


def dashboards() -> dict[str, dict[str, Any]]:
    return {
        str(path.relative_to(GRAFANA / "dashboards")): json.loads(path.read_text(encoding="utf-8"))
        for path in sorted((GRAFANA / "dashboards").glob("*/*.json"))
    }


def queries(language: str = "*") -> list[Shown]:
    """Return every query of every panel; both languages ask the same."""
    return [
        Shown(name, panel["title"], panel["type"], target["expr"], target["legendFormat"])
        for name, board in dashboards().items()
        if language in {"*", name[:2]}
        for panel in board["panels"]
        for target in panel.get("targets", ())
    ]


def filled(expr: str, instance: str, seconds: int = 60) -> str:
    """Return a query as Grafana would send it; `instance`: what is chosen at the top."""
    return (
        expr.replace("$__rate_interval", f"{seconds}s")
        .replace("$__range", f"{seconds}s")
        .replace("$instance", instance)
    )


def series_named(expr: str) -> set[str]:
    """Return the names of series in a query."""
    plain = _STRING.sub('""', expr)
    return {name for name in _NAME.findall(plain) if "filterd" in name}


def series_there() -> set[str]:
    """Return the names of all series that nodes, the hub and the recording rules have."""
    found = set(rules("record"))
    for metric in METRICS:
        found |= _histogram(metric.name) if metric.type is Type.HISTOGRAM else {metric.name}
    page = (ROOT / document.METRICS).read_text(encoding="utf-8")
    for name, kind in re.findall(r"^\| `(\w+)` \| (\w+) \|", page, re.MULTILINE):
        found |= _histogram(name) if "histogram" in kind else {name}
    return found


def _histogram(name: str) -> set[str]:
    return {f"{name}_{part}" for part in ("bucket", "sum", "count")}
