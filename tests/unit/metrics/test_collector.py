import subprocess
from dataclasses import dataclass

import pytest
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.openmetrics.exposition import generate_latest as generate_openmetrics
from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse_openmetrics
from prometheus_client.parser import text_string_to_metric_families

from filterd.metrics.collector import FilterdCollector
from filterd.metrics.names import METRICS, Type
from filterd.metrics.sources import NodeState, Sources
from tests.support.needs import program

STATS = {
    "queries": {"udp": 100, "tcp": 3},
    "types": {"A": 60, "AAAA": 40, "other": 3},
    "verdicts": {"pass": {"9": 80}, "block": {"7": 15, "8": 7}},
    "rcodes": {"0": 90, "3": 10, "2": 3},
    "cache": {
        "hits": 50,
        "misses": 30,
        "misses_by_door": {"udp": 28, "tcp": 2, "dot": 0, "doh": 0},
        "stale": 2,
        "entries": 12,
        "bytes": 4096,
        "evictions": 0,
        "prefetches": 1,
        "rematched": 0,
    },
    "misses": {
        "in_flight": 4,
        "waiting": 4,
        "joined": 5,
        "overload": 0,
        "crowded": 0,
        "failed": 0,
        "failures_remembered": 0,
    },
    "malformed": {"dropped": 1, "formerr": 2},
    "silenced": 0,
    "answers_unusable": 1,
    "ech_stripped": 6,
    "hints_stripped": 1,
    "truncated": 0,
    "swaps": 2,
    "panics": 0,
    "guard": {"refused": 3, "ignored": 0},
    "gate": {"opened": 11, "open": 7, "displaced": 1, "failures": {"denied": 0, "absent": 2}},
    "events_waiting": 0,
    "events_dropped": 9,
    "generation": 3,
    "hits": [],
    "earlier": [],
}

DOORS = {
    "wanted": {"udp": 2, "forward": 1},
    "running": {"udp": 1, "forward": 1},
    "unsent": 7,
    "lost": 8,
    "connections": 4,
    "refused": 1,
    "proxied": {"udp": 5, "tcp": 0},
    "proxy_refused": {"missing": 1},
}


@dataclass
class Lists:
    name: str
    entries: int = 10
    refused: tuple = ()
    age: float | None = None
    state: str = "ok"


@dataclass
class Report:
    written: int = 5
    dropped: int = 2
    waiting: int = 1
    problem: str | None = None


def server(name="udp://192.0.2.1:53"):
    return name, {
        "queries": 30,
        "answers": 28,
        "retries": 1,
        "to_tcp": 0,
        "connects": 3,
        "resumed": 0,
        "failures": {"timeout": 2},
        "dropped": {"wrong_id": 1},
        "rtt": {"buckets": [("0.01", 20), ("0.1", 27), ("+Inf", 28)], "sum": 0.5, "count": 28},
        "up": True,
        "rtt_average": None,
    }


def upstream(*servers):
    return {"in_flight": 1, "in_flight_peak": 9, "overload": 0, "servers": dict(servers)}


def node(version="1.0"):
    return NodeState(version, 1000.0, True, 1900.0, {"grade-3": True, "staff": False}, (600, 1000))


def sources(**changed):
    given = {
        "engine": lambda: STATS,
        "doors": lambda: DOORS,
        "hits": lambda: [("ads", "adverts", 9), ("ads", None, 1), (None, "games", 2)],
        "groups": lambda: [("grade-3", "block", 4), ("grade-3", "pass", 9)],
        "upstream": lambda: upstream(server()),
        "lists": lambda: [
            Lists("ads", 100, (("bad-name", 2),), 1000.0),
            Lists("orders", 5, (), None, "held"),
        ],
        "report": Report,
        "node": node,
        "now": lambda: 2000.0,
        "feed": lambda: {
            "age": 30.0,
            "segments": 42,
            "orders": {"enforced": 5, "refused": 1, "ended": 2},
            "refused": {"rollback": 1},
            "problem": 0.0,
            "held": 1,
            "waiting": 2,
            "stream": 1.0,
            "pushed": 7,
            "checks": {"canary": 0, "expiry": 1, "open": 0},
            "skew": -3,
            "manifests": 2,
            "doubted": 0,
            "omitted": 1,
            "uncounted": 0,
        },
        "http": lambda: {
            "tunnels": {"pass": {"rule": 4}},
            "connections": {"splice": {"rule": 3, "never-decrypt": 1}},
            "requests": {"block": {"rule": 2}, "pass": {"a-new-word": 1}},
            "workers": 2,
            "behind": 1,
            "learned": 5,
            "exchange": {"pinned": 6},
            "events": 8,
            "dropped": 0,
            "pages": {"block": {"rule": 2}},
            "sites": {"looks": {"none": 3}, "waiting": 1, "vn": {"yes": 1, "no": 2}},
            "media": {"scanned": 9, "hit": 1},
        },
        "who": lambda: {
            "entries": {"kea": 3, "radius": 1},
            "problem": {"kea": 0, "radius": 1},
            "devices": 2,
            "randomised": 1,
        },
        "bypass": lambda: {"signals": {"grade-3": {"dot": 4}, "staff": {"a-new-word": 1}}},
        "gateway": lambda: {
            "packets": {"grade-3": {"dot": 5, "a-new-word": 1}},
            "problem": {"absent": 1, "unseen": 0},
        },
        "hub": lambda: {
            "size": 4096,
            "oldest": 20.0,
            "waiting": {"batches": 1, "receipts": 2},
            "sent": {"batches": 3, "receipts": 4},
            "refused": {"batches": 0, "receipts": 0},
            "dropped": 0,
            "merged": 0,
            "failures": 5,
            "bytes": 600,
            "problem": 0.0,
        },
    }
    return Sources(**(given | changed))


def scrape(**changed):
    registry = CollectorRegistry()
    registry.register(FilterdCollector(sources(**changed)))
    return samples(registry)


def samples(registry):
    return {
        (sample.name, *sorted(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(generate_latest(registry).decode())
        for sample in family.samples
    }


def test_every_row_of_the_table_has_numbers_when_all_sources_do():
    registry = CollectorRegistry()
    registry.register(FilterdCollector(sources()))
    names = {name.removesuffix("_count") for name, *_ in samples(registry)}
    assert {metric.name for metric in METRICS} <= names


@pytest.mark.parametrize(
    ("key", "value"),
    [
        (("filterd_queries_total", ("door", "udp")), 100),
        (("filterd_queries_total", ("door", "doh")), 0),
        (("filterd_queries_by_type_total", ("type", "other")), 3),
        (("filterd_verdicts_total", ("step", "age"), ("verdict", "block")), 7),
        (("filterd_replies_total", ("rcode", "NXDOMAIN")), 10),
        (("filterd_cache_size_bytes",), 4096),
        (("filterd_malformed_packets_total", ("effect", "formerr")), 2),
        (("filterd_stripped_total", ("part", "ech")), 6),
        (
            (
                "filterd_upstream_failures_total",
                ("reason", "timeout"),
                ("server", "udp://192.0.2.1:53"),
            ),
            2,
        ),
        (
            (
                "filterd_upstream_dropped_total",
                ("misfit", "wrong_id"),
                ("server", "udp://192.0.2.1:53"),
            ),
            1,
        ),
        (("filterd_upstream_up", ("server", "udp://192.0.2.1:53")), 1),
        (("filterd_list_hits_total", ("list", "ads")), 10),
        (("filterd_category_hits_total", ("category", "games")), 2),
        (("filterd_group_decisions_total", ("group", "grade-3"), ("verdict", "block")), 4),
        (("filterd_state_free_bytes",), 600),
        (("filterd_state_size_bytes",), 1000),
        (("filterd_rules_refused", ("code", "bad-name"), ("list", "ads")), 2),
        (("filterd_list_age_seconds", ("list", "ads")), 1000),
        (("filterd_list_problem", ("list", "orders")), 1),
        (("filterd_rule_age_seconds",), 100),
        (("filterd_filter_active", ("group", "staff")), 0),
        (("filterd_events_dropped_total", ("place", "ring")), 9),
        (("filterd_events_dropped_total", ("place", "store")), 2),
        (("filterd_build_info", ("version", "1.0")), 1),
        (
            (
                "filterd_upstream_latency_seconds_bucket",
                ("le", "0.1"),
                ("server", "udp://192.0.2.1:53"),
            ),
            27,
        ),
        (
            (
                "filterd_upstream_latency_seconds_bucket",
                ("le", "+Inf"),
                ("server", "udp://192.0.2.1:53"),
            ),
            28,
        ),
        (("filterd_bypass_signals_total", ("group", "grade-3"), ("signal", "dot")), 4),
        (("filterd_bypass_signals_total", ("group", "staff"), ("signal", "other")), 1),
        (("filterd_gateway_problem", ("reason", "absent")), 1),
        (("filterd_gateway_open_addresses",), 7),
        (("filterd_source_up", ("source", "engine")), 1),
    ],
)
def test_a_number_arrives_under_its_name(key, value):
    assert scrape()[key] == value


def test_a_list_never_fetched_has_no_age():
    assert ("filterd_list_age_seconds", ("list", "orders")) not in scrape()


def test_unknown_label_values_become_other_and_add_up():
    stats = STATS | {
        "queries": {"udp": 1, "carrier-pigeon": 2, "x.example": 3},
        "verdicts": {"maybe": [4, 0]},
        "rcodes": {"21": 1, "22": 1},
    }
    found = scrape(engine=lambda: stats)
    assert found["filterd_queries_total", ("door", "other")] == 5
    assert found["filterd_verdicts_total", ("step", "other"), ("verdict", "other")] == 4
    assert found["filterd_replies_total", ("rcode", "other")] == 2
    assert not any("pigeon" in str(key) or "example" in str(key) for key in found)


def test_series_stay_bounded_over_many_scrapes_of_changing_names():
    turn = iter(range(10_000))

    def many(make):
        return [make(f"n{next(turn)}") for _ in range(300)]

    registry = CollectorRegistry()
    registry.register(
        FilterdCollector(
            sources(
                hits=lambda: many(lambda name: (name, name, 1)),
                upstream=lambda: upstream(*many(server)),
                lists=lambda: many(lambda name: Lists(name, 1, ((name, 1),))),
                node=lambda: node(str(next(turn))),
            )
        )
    )
    seen = set()
    for _ in range(5):
        seen |= set(samples(registry))
    bound = 0
    for metric in METRICS:
        product = 1
        for label in metric.labels:
            product *= (len(label.values) or label.most) + 1
        bound += product * (5 if metric.type is Type.HISTOGRAM else 1)  # 3 buckets, sum, count
    assert len(seen) <= bound
    hit_lists = {key[1] for key in seen if key[0] == "filterd_list_hits_total"}
    assert len(hit_lists) == 201
    assert sum(key[0] == "filterd_build_info" for key in seen) == 2


def test_servers_folded_into_other_keep_a_true_histogram():
    servers = [server(f"s{i}") for i in range(66)]
    found = scrape(upstream=lambda: upstream(*servers))
    assert (
        found["filterd_upstream_latency_seconds_bucket", ("le", "0.01"), ("server", "other")] == 40
    )
    assert found["filterd_upstream_latency_seconds_count", ("server", "other")] == 56


@pytest.mark.parametrize(
    "name", ["engine", "doors", "hits", "groups", "upstream", "lists", "report", "node"]
)
def test_a_failing_source_costs_only_its_own_metrics(name, caplog):
    def fail():
        raise RuntimeError("no numbers today")

    found = scrape(**{name: fail})
    assert found["filterd_source_up", ("source", name)] == 0
    assert sum(value == 0 for key, value in found.items() if key[0] == "filterd_source_up") == 1
    if name != "engine":
        assert found["filterd_queries_total", ("door", "udp")] == 100
    assert "no numbers today" in caplog.text


def test_where_there_is_no_http_filter_nothing_is_said_of_one():
    registry = CollectorRegistry()
    registry.register(FilterdCollector(sources(http=None)))
    assert "http" not in generate_latest(registry).decode().lower().replace("https", "")


def test_words_of_workers_that_nobody_knows_are_other():
    found = scrape()
    assert found["filterd_http_requests_total", ("act", "pass"), ("why", "other")] == 1
    assert found["filterd_http_connections_total", ("act", "splice"), ("why", "never-decrypt")] == 1


def test_nonsense_from_the_engine_is_left_out():
    stats = {"queries": [1, 2], "cache_entries": "full", "generation": [], "verdicts": {"block": 1}}
    found = scrape(engine=lambda: stats)
    assert ("filterd_cache_entries",) not in found
    assert ("filterd_rule_generation",) not in found


@pytest.mark.parametrize(
    "rtt",
    [None, 7, {}, {"buckets": [("x", 1)]}, {"buckets": 5, "sum": 1}, {"buckets": [], "sum": 0}],
)
def test_nonsense_from_upstream_is_left_out(rtt):
    found = scrape(upstream=lambda: upstream(("s", {"queries": 1, "rtt": rtt})))
    assert not any(name.startswith("filterd_upstream_latency") for name, *_ in found)
    assert found["filterd_queries_total", ("door", "udp")] == 100


def test_both_exposition_formats_parse():
    registry = CollectorRegistry()
    registry.register(FilterdCollector(sources()))
    assert len(list(parse_openmetrics(generate_openmetrics(registry).decode()))) == len(METRICS)


@pytest.mark.real
def test_promtool_finds_no_fault():
    promtool = program("promtool", "prometheus")
    registry = CollectorRegistry()
    registry.register(FilterdCollector(sources()))
    done = subprocess.run(
        [promtool, "check", "metrics"],
        input=generate_latest(registry),
        capture_output=True,
        timeout=30,
        check=False,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")
