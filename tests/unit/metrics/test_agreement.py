"""The table agrees with those it counts: every path leads somewhere, every label value is known."""

import importlib
import json
from dataclasses import asdict

from filterd import core
from filterd.metrics.gateway_names import FIREWALL, SHUT
from filterd.metrics.http_names import ACT, HTTP_METRICS, NOTES, WHYS
from filterd.metrics.names import (
    FAILURES,
    METRICS,
    MISFITS,
    PROXY_FAULTS,
    REFUSALS,
    Source,
)
from filterd.metrics.walk import walk


def values_of(module, enumeration):
    return {member.value for member in getattr(importlib.import_module(module), enumeration)}


def test_every_code_of_a_refusal_is_a_label_value():
    assert values_of("filterd.formats.refusals", "Code") == set(REFUSALS)


def test_every_fault_of_an_upstream_is_a_label_value():
    assert values_of("filterd.upstream.base", "Fault") == set(FAILURES)


def test_every_misfit_is_a_label_value():
    assert values_of("filterd.upstream.counts", "Drop") == set(MISFITS)


def test_every_word_of_the_http_filter_is_a_label_value():
    assert values_of("filterd.http.words", "Act") == set(ACT.values)
    assert values_of("filterd.http.words", "Why") == set(WHYS)
    assert values_of("filterd.http.media.scan", "Note") | {"hit", "written", "lost"} == set(NOTES)


def test_every_path_leads_to_a_number_of_the_http_filter():
    told = importlib.import_module("filterd.app.http_told").HttpTold("e", lambda: 0.0, lambda: 1)
    cache = importlib.import_module("filterd.http.labels.cache").LabelCache(bytes(16))
    site_labels = importlib.import_module("filterd.app.site_labels").SiteLabels
    told.sites = site_labels(cache, lambda _host: True, lambda: 0.0)
    told.sites.done("a.example", ())
    words = ["media.hit", "exchange.pinned"]
    words += [f"{what}.pass.rule" for what in ("tunnels", "connections", "requests", "pages")]
    told.counts.update(words)
    stats = told.numbers() | {"events": 1, "dropped": 0}  # of the node, see app/metering.py
    for metric in HTTP_METRICS:
        assert list(walk(stats, metric.path)), metric.name


def test_every_path_leads_to_a_number_of_the_upstreams_counters():
    counts = importlib.import_module("filterd.upstream.counts").Counts()
    counts.answered(0.02)
    report = counts.report() | {"up": True}
    stats = {"in_flight": 0, "overload": 0, "servers": {"s": report}}
    for metric in METRICS:
        if metric.source is Source.UPSTREAM and metric.path[-1] != "rtt":
            assert list(walk(stats, metric.path)), metric.name


def test_every_path_leads_to_a_number_of_the_engines_counters():
    plan = {
        "classes": [],
        "layers": [],
        "ranks": [[]],
        "groups": [
            {
                "name": "all",
                "filtered": True,
                "segments": [{"from": 0, "ranks": 0, "closed": True}],
                "default": "pass",
                "answer": {"style": "nxdomain", "ttl": 60, "ipv4": None, "ipv6": None},
                "ede_default": "",
                "ede_closed": "",
            }
        ],
        "default_group": 0,
        "clients": [],
        "prefixes": [],
    }
    engine = core.Engine(core.Snapshot([], json.dumps(plan), 1), "{}")
    query = bytes.fromhex("000101000001000000000000") + b"\x07example\0\0\1\0\1"
    assert engine.handle(query, "192.0.2.1", 0.0, 0.0, 0) is not None
    stats = json.loads(engine.stats())
    for metric in METRICS:
        if metric.source is Source.ENGINE:
            assert list(walk(stats, metric.path)), metric.name
    assert list(walk(stats, ("events_dropped",)))
    assert "hits" in stats
    assert "earlier" in stats


def test_every_path_leads_to_a_number_of_the_doors():
    doors = importlib.import_module("filterd.engine.engine").Doors
    stats = asdict(doors({"udp": 2, "forward": 1}, {"udp": 2, "forward": 0}, 3, 4))
    stats |= {"connections": 1, "refused": 0}  # of the TCP doors, see app/metering.py
    proxied, refused = importlib.import_module("filterd.core").Proxies(["192.0.2.1"]).counts()
    stats |= {"proxied": proxied, "proxy_refused": refused}
    assert set(refused) == set(PROXY_FAULTS)
    for metric in METRICS:
        if metric.source is Source.DOORS:
            assert list(walk(stats, metric.path)), metric.name


def test_every_rule_of_the_firewall_is_a_label_value():
    words = importlib.import_module("filterd.gateway.words")
    assert set(words.RULES["en"]) == set(FIREWALL)


def test_every_reason_that_an_address_stays_closed_is_a_label_value():
    assert set(importlib.import_module("filterd.app.gating").WHY) == set(SHUT)
