"""A real dnsdist with the configuration that we ship, on loopback."""

import json
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from filterd.engine.health import NAME
from tests.support.data import ROOT
from tests.support.needs import program
from tests.support.servers import answers_dns, free_port, running

CONFIG = ROOT / "deploy/dnsdist/dnsdist.conf"
PROXY = "127.0.0.53"  # what nodes know it by


def _lua(value: str | int | Sequence[str]) -> str:
    if isinstance(value, (str, int)):
        return json.dumps(value)
    return "{ " + ", ".join(map(json.dumps, value)) + " }"


@contextmanager
def dnsdist(folder: Path, nodes: Sequence[int]) -> Iterator[int]:
    """Run dnsdist before the nodes at these ports of 127.0.0.1; gives its port, once one is well."""
    path = program("dnsdist", "dnsdist")
    folder.mkdir(parents=True, exist_ok=True)
    port = free_port()
    text = CONFIG.read_text(encoding="utf-8")
    for name, value in {
        "doors": [f"127.0.0.1:{port}"],
        "clients": ["127.0.0.0/8"],
        "nodes": [f"127.0.0.1:{node}" for node in nodes],
        "source": PROXY,
        "threads": 1,
    }.items():
        text, count = re.subn(rf"(?m)^{name} = .*$", f"{name} = {_lua(value)}", text)
        assert count == 1, name
    file = folder / "dnsdist.conf"
    file.write_text(text)
    with running(
        [path, "--supervised", "--disable-syslog", "-C", str(file)],
        folder / "dnsdist.log",
        lambda: answers_dns("127.0.0.1", port, NAME),
    ):
        yield port
