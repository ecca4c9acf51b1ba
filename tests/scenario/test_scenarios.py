"""Runs every scenario through the engine, and through both UDP doors, asyncio's and the threads of
the core, where its clients can be had: the same is expected of all three.
"""

from ipaddress import ip_address, ip_network
from pathlib import Path

import pytest

from tests.support.scenario import check, read
from tests.support.threads import MovedPlan, ThreadsAt

FOLDER = Path(__file__).parent
FILES = sorted(FOLDER.glob("*.scn"))
LOOPBACK = ip_network("127.0.0.0/8")


def test_there_are_scenarios_and_each_proves_something_else():
    titles = [read(path).title for path in FILES]
    assert len(titles) >= 15
    assert len(set(titles)) == len(titles)


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_by_the_engine(path):
    scenario = read(path)
    desk = scenario.desk()
    try:
        for query in scenario.queries:
            if query.at != desk.now:
                desk.to(query.at)
            reply = desk.ask(query.name, query.kind, query.client)
            (event,) = desk.events()
            check(query, reply, event)
    finally:
        desk.close()


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_by_udp(path):
    scenario = read(path)
    desk = scenario.desk()
    try:
        for query in scenario.queries:
            if ip_address(query.client) not in LOOPBACK or query.wanted == ("silence",):
                continue
            if query.at != desk.now:
                desk.to(query.at)
            reply = desk.over_udp(query.name, query.kind, query.client)
            (event,) = desk.events()
            check(query, reply, event)
            assert event.client == query.client
    finally:
        desk.close()


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_by_udp_threads(path, monkeypatch):
    scenario = read(path)
    plan = MovedPlan()
    plan.moment = scenario.queries[0].at
    monkeypatch.setattr("filterd.app.ruling.Snapshot", plan)
    desk = scenario.desk()
    try:
        threads = ThreadsAt(desk)
        for query in scenario.queries:
            if ip_address(query.client) not in LOOPBACK:
                continue
            if query.at != desk.now:
                plan.moment = query.at
                desk.to(query.at)
            silent = query.wanted == ("silence",)
            reply, event = threads.ask(query.name, query.kind, query.client, silent=silent)
            check(query, reply, event)
            assert event.client == query.client
    finally:
        desk.close()
