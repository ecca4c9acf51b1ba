"""A whole node in this process, whose threads end behind its back: everybody is told."""

import asyncio
import urllib.error
import urllib.request
from dataclasses import asdict

import pytest

from filterd.app.fitness import thread_faults
from filterd.app.life import close_node, open_node
from filterd.app.watching import node_status
from filterd.cli.reload import _lines
from filterd.config.load import loads
from filterd.engine.engine import Doors
from filterd.policy.rulebook import default_directory, load_rulebook
from tests.support.servers import free_port

BOOK = load_rulebook(default_directory())
CONFIG = """
state_dir: {state}
groups: {{g: {{age: 18}}}}
default_group: g
upstream: {{servers: ["127.0.0.1:9"]}}
listen: {{udp: ["127.0.0.1:{port}"], tcp: ["127.0.0.1:{port}"], workers: 2}}
metrics: {{listen: "127.0.0.1:{metrics}"}}
"""


def page(port, path):
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=5) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read().decode()


def metrics_of(text):
    lines = (line for line in text.splitlines() if line and not line.startswith("#"))
    return {name: float(value) for name, _, value in (line.rpartition(" ") for line in lines)}


@pytest.mark.parametrize(
    ("end", "thread", "wanted", "said"),
    [
        ("stop_workers", "udp", 2, "2 of 2 that answer UDP"),
        ("stop_forwarding", "forward", 1, "1 of 1 that ask upstream servers"),
    ],
)
def test_a_thread_that_ended_makes_the_node_not_ready(tmp_path, end, thread, wanted, said):
    metrics = free_port()
    config = loads(
        CONFIG.format(state=tmp_path, port=free_port(), metrics=metrics), book=BOOK, formats=set()
    )

    async def main():
        living = await open_node(config, BOOK, None, background=False)
        try:
            before = await asyncio.to_thread(page, metrics, "/readyz")
            status = node_status(living.node)
            await asyncio.to_thread(getattr(living.node.engine._core, end))
            after = await asyncio.to_thread(page, metrics, "/readyz")
            numbers = await asyncio.to_thread(page, metrics, "/metrics")
            return before, status, after, metrics_of(numbers[1]), node_status(living.node)
        finally:
            await close_node(living)

    before, well, after, numbers, ill = asyncio.run(main())
    assert before[0] == 200
    assert well["doors"]["wanted"] == well["doors"]["running"] == {"udp": 2, "forward": 1}
    assert after[0] == 503
    assert f"threads: {said}" in after[1]
    assert "restart filterd" in after[1]
    assert numbers["filterd_ready"] == 0
    assert numbers[f'filterd_threads_wanted{{thread="{thread}"}}'] == wanted
    assert numbers[f'filterd_threads_running{{thread="{thread}"}}'] == 0
    assert numbers["filterd_tcp_connections"] == 0
    assert numbers["filterd_tcp_refused_total"] == 0
    (reason,) = ill["not_ready"]
    assert said in reason
    shown = "\n".join(_lines(ill))
    assert f"0 of {wanted}" in shown
    assert said in shown


def test_a_node_without_threads_of_its_own_wants_none():
    idle = {"udp": 0, "forward": 0}
    assert thread_faults(Doors(idle, idle, 0, 0)) == []


def test_what_was_lost_is_shown_only_if_there_is_something():
    state = {"version": "1", "generation": 1, "index": None, "not_ready": [], "warnings": []}
    one = {"udp": 1, "forward": 1}
    assert "lost" not in "\n".join(_lines(state | {"doors": asdict(Doors(one, one, 0, 0))}))
    shown = "\n".join(_lines(state | {"doors": asdict(Doors(one, one, 5, 7))}))
    assert "lost: 7 queries over UDP" in shown
    assert "lost: 5 replies over UDP" in shown
