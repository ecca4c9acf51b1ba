"""A real Prometheus on what deploy/prometheus has, in a hurry: all that takes minutes takes seconds.

What is changed in the copy: how often is scraped and evaluated, `for`, and windows of 5 and 15
minutes. Rules, names and thresholds are as they are shipped.
"""

import re
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import yaml

from tests.support.eyes import PROMETHEUS
from tests.support.needs import program
from tests.support.servers import free_port, running

WINDOW = 15  # seconds, in place of minutes
_WINDOWS = re.compile(r"\[(?:5m|15m)\]")
_FOR = re.compile(r"^( +for:) \d+[mhd]$", re.MULTILINE)
Labels = Mapping[str, str]


@dataclass(frozen=True)
class RunningPrometheus:
    """What may be asked of it."""

    client: httpx.Client  # one for all: each new one reads the machine's certificates

    def _get(self, path: str, **words: Any) -> Any:
        told = self.client.post(f"/api/v1/{path}", data=words).json()
        assert told["status"] == "success", (words, told)
        return told["data"]

    def ask(self, expr: str) -> list[tuple[Labels, float]]:
        """Return (labels, value) of each series, now."""
        found = self._get("query", query=expr)
        if found["resultType"] == "scalar":
            return [({}, float(found["result"][1]))]
        return [(each["metric"], float(each["value"][1])) for each in found["result"]]

    def lines(
        self, expr: str, begin: float, end: float, step: float = 1.0
    ) -> list[tuple[Labels, list[tuple[float, float]]]]:
        """Return (labels, points) of each series, from `begin` to `end` in unix seconds."""
        found = self._get("query_range", query=expr, start=begin, end=end, step=step)
        return [
            (each["metric"], [(at, float(value)) for at, value in each["values"]])
            for each in found["result"]
        ]

    def firing(self) -> dict[str, list[Labels]]:
        """Return the labels of each alert that fires, by its name."""
        found: dict[str, list[Labels]] = {}
        for labels, _ in self.ask('ALERTS{alertstate="firing"}'):
            found.setdefault(labels["alertname"], []).append(labels)
        return found

    def told(self) -> list[Mapping[str, Any]]:
        """Return alerts as they are sent out: labels and what is said."""
        alerts = self.client.get("/api/v1/alerts").json()["data"]["alerts"]
        return [each for each in alerts if each["state"] == "firing"]

    def unhealthy(self) -> list[str]:
        """Return the faults of rules that could not be evaluated."""
        groups = self.client.get("/api/v1/rules").json()["data"]["groups"]
        return [
            f"{rule['name']}: {rule['lastError']}"
            for group in groups
            for rule in group["rules"]
            if rule["health"] == "err"
        ]


def hurried(folder: Path, targets: Mapping[str, Sequence[Mapping[str, Any]]]) -> Path:
    """Copy deploy/prometheus into `folder`, in a hurry; return its configuration."""
    shutil.copytree(PROMETHEUS, folder, dirs_exist_ok=True)
    for path in (folder / "targets").iterdir():
        path.unlink()
    for name, groups in targets.items():
        (folder / f"targets/{name}.yml").write_text(yaml.safe_dump(list(groups)))
    for path in (folder / "rules").iterdir():
        text = _FOR.sub(r"\1 1s", path.read_text(encoding="utf-8"))
        path.write_text(_WINDOWS.sub(f"[{WINDOW}s]", text), encoding="utf-8")
    config = folder / "prometheus.yml"
    text = config.read_text(encoding="utf-8")
    config.write_text(re.sub(r"(_interval|_timeout): \d+s", r"\1: 1s", text), encoding="utf-8")
    return config


@contextmanager
def prometheus(
    folder: Path, targets: Mapping[str, Sequence[Mapping[str, Any]]]
) -> Iterator[RunningPrometheus]:
    """Run one in `folder` until the block ends. `targets`: what each file in targets/ has."""
    path, port = program("prometheus", "prometheus"), free_port()
    config = hurried(folder, targets)
    client = httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=10.0)

    def ready() -> bool:
        try:
            return client.get("/-/ready", timeout=1.0).status_code == httpx.codes.OK
        except httpx.HTTPError:
            return False

    command = [
        path, f"--config.file={config}", f"--storage.tsdb.path={folder / 'data'}",
        f"--web.listen-address=127.0.0.1:{port}", "--log.level=warn",
    ]  # fmt: skip
    with client, running(command, folder / "prometheus.log", ready):
        yield RunningPrometheus(client)
