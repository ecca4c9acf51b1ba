import asyncio
import json
import threading
from types import SimpleNamespace

import pytest

from filterd.app import gating
from filterd.app.gatehouse import Gatehouse
from filterd.app.gating import gate_problems, gate_settings, look
from filterd.config.load import loads
from filterd.gateway.build import build_plan
from filterd.gateway.nft import GatewayError

SCHOOL = """
listen: {udp: ["10.20.0.1:53"], tcp: ["10.20.0.1:53"]}
default_group: pupils
groups: {pupils: {age: 9}, Lớp 3: {age: 9}}
gateway: {lan: [lan0], egress: {groups: [Lớp 3], grace: 5m}}
"""
NOBODY = "default_group: pupils\ngroups: {pupils: {age: 9}}\n"
NONE = {"denied": 0, "absent": 0, "full": 0, "failed": 0, "share": 0}


class Engine:
    """Counts as the core does, and remembers that all was to be opened again."""

    def __init__(self):
        self.failures = dict(NONE)
        self.again = 0

    def stats(self):
        return {"gate": {"opened": 0, "failures": dict(self.failures)}}

    def open_again(self):
        self.again += 1
        return 0


@pytest.fixture
def node():
    return SimpleNamespace(config=loads(SCHOOL), engine=Engine(), gatehouse=Gatehouse())


@pytest.fixture
def table(monkeypatch):
    """What nft lists; `items` an error: what it fails with."""
    shown = SimpleNamespace(items=[])

    def listed(*, elements):
        assert not elements, "elements are many"
        if isinstance(shown.items, Exception):
            raise shown.items
        return shown.items

    monkeypatch.setattr(gating.nft, "listed", listed)
    return shown


def items(number, packets=0):
    rule = {"chain": "egress_lop_3", "comment": "dot"}
    rule["expr"] = [{"counter": {"packets": packets}}]
    return [{"table": {"family": "inet", "name": "filterd", "handle": number}}, {"rule": rule}]


def test_the_core_is_told_of_strict_groups_by_the_names_of_their_sets():
    assert json.loads(gate_settings(loads(SCHOOL))) == {
        "table": "filterd",
        "groups": {"Lớp 3": ["resolved_lop_34", "resolved_lop_36"]},
        "grace": 300.0,
        "least": 1800.0,
        "most": 65536,
    }


def test_without_a_gateway_no_group_is_strict():
    assert json.loads(gate_settings(loads(NOBODY)))["groups"] == {}


def test_a_table_seen_for_the_first_time_or_replaced_is_filled_again(node, table):
    for number, again in ((5, 1), (5, 1), (6, 2), (None, 2), (7, 3)):
        table.items = None if number is None else items(number)
        asyncio.run(look(node, 0.0))
        assert node.engine.again == again


def test_packets_are_known_by_group_and_rule(node, table):
    table.items = items(1, 12)
    asyncio.run(look(node, 0.0))
    assert node.gatehouse.packets["Lớp 3"]["dot"] == 12
    assert node.gatehouse.packets["pupils"]["dot"] == 0


def test_the_plan_is_made_beside_the_loop_for_many_clients_take_long(node, table, monkeypatch):
    threads = []

    def noted(config):
        threads.append(threading.current_thread())
        return build_plan(config)

    monkeypatch.setattr(gating, "build_plan", noted)
    table.items = items(1)
    asyncio.run(look(node, 0.0))
    assert threads
    assert threading.main_thread() not in threads


def test_what_could_not_be_opened_is_told_at_once_and_no_longer_than_two_looks(node, table):
    table.items = items(1)
    asyncio.run(look(node, 0.0))
    assert gate_problems(node) == []
    node.engine.failures["denied"] += 1
    for _ in range(2):
        (told,) = gate_problems(node)
        assert "CAP_NET_ADMIN" in told
        asyncio.run(look(node, 0.0))
    assert gate_problems(node) == []


def test_the_log_hears_of_it_once_a_minute(node, table, caplog):
    table.items = None
    for steady, lines in ((0.0, 1), (15.0, 1), (59.0, 1), (60.0, 2)):
        asyncio.run(look(node, steady))
        assert len(caplog.records) == lines
    assert "run `filterd gateway apply`" in caplog.text


def test_a_firewall_that_cannot_be_looked_at_is_a_problem_of_strict_groups_only(node, table):
    table.items = GatewayError("nft is not installed")
    asyncio.run(look(node, 0.0))
    assert gate_problems(node) == ["gateway: nft is not installed"]
    node.config = loads(SCHOOL.replace(", egress: {groups: [Lớp 3], grace: 5m}", ""))
    asyncio.run(look(node, 0.0))
    assert gate_problems(node) == []


def test_where_there_is_no_gateway_nothing_is_looked_at(node, table):
    node.config = loads(NOBODY)
    table.items = AssertionError("nobody asked")
    asyncio.run(look(node, 0.0))
    assert node.gatehouse.table is None
    assert node.gatehouse.problems == {}


def test_metrics_tell_of_a_table_that_is_gone_or_may_not_be_seen(node, table):
    for seen, told in (
        (items(1), {"absent": 0, "unseen": 0}),
        (None, {"absent": 1, "unseen": 0}),
        (GatewayError("not allowed"), {"unseen": 1}),
    ):
        table.items = seen
        asyncio.run(look(node, 0.0))
        assert node.gatehouse.problems == told
    node.config = loads(SCHOOL.replace(", egress: {groups: [Lớp 3], grace: 5m}", ""))
    asyncio.run(look(node, 0.0))
    assert node.gatehouse.problems == {}, "nobody knows, and nobody need"
