"""Which questions the core forwards, what it is told, and how its numbers join the resolver's."""

import asyncio
import json
import logging

import pytest

from filterd.engine import special
from filterd.engine.routing import MOST_SERVERS, case_lost, changes, merged, routing
from filterd.upstream.resolver import Resolver, Settings


def routed(*servers, owners=(), zones=(), strategy="fastest"):
    settings = Settings(servers, strategy=strategy, zones=tuple((z, servers) for z in zones))
    return routing(settings, owners, deadline=5.0, stale_wait=1.8)


def test_plain_servers_are_for_the_core():
    found = routed("192.0.2.1", "udp://[2001:db8::1]:5353", "192.0.2.1:53", strategy="strict")
    assert found.labels == ("udp://192.0.2.1:53", "udp://[2001:db8::1]:5353")
    assert json.loads(found.forward) == {
        "servers": [
            {"label": "udp://192.0.2.1:53", "address": "192.0.2.1:53"},
            {"label": "udp://[2001:db8::1]:5353", "address": "[2001:db8::1]:5353"},
        ],
        "strategy": "strict",
        "deadline": 5.0,
        "stale_wait": 1.8,
        "most": 4096,
    }


@pytest.mark.parametrize(
    ("servers", "why"),
    [
        (("192.0.2.1", "tls://192.0.2.2"), "tls://192.0.2.2:853 is not plain UDP"),
        (("tcp://192.0.2.1",), "tcp://192.0.2.1:53 is not plain UDP"),
        (("https://dns.example/dns-query",), "not plain UDP"),
        (("fe80::1%eth0",), "bound to an interface"),
        (tuple(f"192.0.2.{n}" for n in range(MOST_SERVERS + 1)), "17 servers"),
    ],
)
def test_anything_else_leaves_all_to_python_and_says_why(servers, why, caplog):
    caplog.set_level(logging.INFO)
    assert routed(*servers) is None
    (record,) = caplog.records
    assert why in record.getMessage()


def test_names_of_our_own_are_kept_and_none_below_another():
    found = routed(
        "192.0.2.1",
        owners=("printer.school.example", "*.lab.example", "a.lab.example", "nas.test"),
        zones=("school.example",),
    )
    kept = json.loads(found.kept)
    ours = {"school.example", "lab.example", "localhost", "test", "home.arpa", "resolver.arpa"}
    assert ours <= set(kept)
    assert not {"printer.school.example", "a.lab.example", "*.lab.example", "nas.test"} & set(kept)
    assert set(special.ZONES) <= set(kept)


def test_servers_for_the_root_leave_nothing_to_the_core():
    assert json.loads(routed("192.0.2.1", zones=("",)).kept) == [""]


def core_stats(*, up=True, queries=10, label="udp://192.0.2.1:53"):
    return {
        "in_flight": 2,
        "in_flight_peak": 7,
        "overload": 1,
        "panics": 0,
        "servers": {
            label: {
                "queries": queries,
                "answers": 9,
                "retries": 3,
                "to_tcp": 1,
                "failures": {"timeout": 1, "refused": 0},
                "dropped": {"wrong_id": 4},
                "rtt": {
                    "buckets": [[bound, 1] for bound, _ in empty_buckets()],
                    "sum": 0.5,
                    "count": 9,
                },
                "up": up,
                "rtt_average": 0.02,
            }
        },
    }


def resolver_stats():
    async def main():
        resolver = Resolver(Settings(("192.0.2.1", "192.0.2.2")), asyncio.get_running_loop())
        try:
            return resolver.stats()
        finally:
            resolver.close()

    return asyncio.run(main())


def empty_buckets():
    return resolver_stats()["servers"]["udp://192.0.2.1:53"]["rtt"]["buckets"]


def test_numbers_of_both_are_added_up_in_the_resolvers_form():
    ours = resolver_stats()
    once = merged(ours, core_stats())
    twice = merged(once, core_stats(up=False))
    server = twice["servers"]["udp://192.0.2.1:53"]
    assert (twice["in_flight"], twice["in_flight_peak"], twice["overload"]) == (4, 7, 2)
    assert (server["queries"], server["retries"], server["to_tcp"]) == (20, 6, 2)
    assert server["failures"]["timeout"] == 2
    assert server["failures"]["tls"] == 0
    assert server["dropped"]["wrong_id"] == 8
    assert server["rtt"]["sum"] == 1.0
    assert [n for _, n in server["rtt"]["buckets"]] == [2] * len(empty_buckets())
    assert (server["up"], server["rtt_average"]) == (False, 0.02)
    assert server.keys() == ours["servers"]["udp://192.0.2.1:53"].keys()
    assert twice["servers"]["udp://192.0.2.2:53"] == ours["servers"]["udp://192.0.2.2:53"]


def test_health_that_changes_is_a_line_for_the_log():
    up, down = core_stats(), core_stats(up=False)
    assert list(changes(up, up)) == []
    assert list(changes({"servers": {}}, up)) == []
    assert list(changes(up, down)) == [
        (logging.WARNING, "upstream udp://192.0.2.1:53 does not answer")
    ]
    assert list(changes(down, up)) == [(logging.INFO, "upstream udp://192.0.2.1:53 answers again")]


def test_servers_that_lose_case_are_told_by_number():
    stats = resolver_stats()
    labels = tuple(stats["servers"])
    assert case_lost(labels, stats) == ()
    stats["servers"]["udp://192.0.2.2:53"]["case_lost"] = True
    assert case_lost(labels, stats) == (1,)
