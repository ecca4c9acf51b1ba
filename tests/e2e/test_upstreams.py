"""Unbound as upstream by every way that filterd can ask it, and what happens when all are gone."""

from contextlib import ExitStack

import dns.rcode
import pytest

from tests.support.dnsclient import data_of, ede_of
from tests.support.node import eventually, node
from tests.support.servers import free_port
from tests.support.unbound import unbound

pytestmark = pytest.mark.real


def policy(servers, **more):
    return {
        "upstream": {"servers": servers, **more.pop("upstream", {})},
        "default_group": "g",
        "groups": {"g": {"age": 10}},
        **more,
    }


@pytest.mark.parametrize("scheme", ["udp", "tcp", "tls", "https"])
def test_each_transport(scheme, tmp_path, resolver, authority):
    server = {
        "udp": f"127.0.0.1:{resolver.port}",
        "tcp": f"tcp://127.0.0.1:{resolver.port}",
        "tls": f"tls://127.0.0.1:{resolver.tls_port}#dns.example.test",
        "https": f"https://127.0.0.1:{resolver.https_port}/dns-query",
    }[scheme]
    changes = policy([server], upstream={"ca_file": str(authority.ca_file)})
    with node(tmp_path, changes) as one:
        assert data_of(one.ask("www.example.com")) == ["192.0.2.1"]
        assert one.ask("nothing.example.com").rcode() == dns.rcode.NXDOMAIN
        assert len(one.dig("large.example.com", "TXT").data("TXT")) == 20
        assert one.metric('filterd_upstream_failures_total{reason="tls"') == 0
        assert one.metric("filterd_upstream_up") == 1


def test_a_server_by_name_is_found_by_the_bootstrap(tmp_path, resolver, authority):
    changes = policy(
        [f"tls://dns.example.test:{resolver.tls_port}"],
        upstream={
            "bootstrap": [f"127.0.0.1:{resolver.port}"],
            "ca_file": str(authority.ca_file),
        },
    )
    with node(tmp_path, changes) as one:
        assert data_of(one.ask("www.example.com")) == ["192.0.2.1"]


def test_a_certificate_of_nobody_is_refused(tmp_path, resolver):
    server = f"tls://127.0.0.1:{resolver.tls_port}#dns.example.test"
    with node(tmp_path, policy([server])) as one:
        answer = one.ask("www.example.com")
        assert answer.rcode() == dns.rcode.SERVFAIL
        assert ede_of(answer) in {22, 23}


def test_the_second_server_takes_over(tmp_path, resolver):
    dead = f"127.0.0.1:{free_port()}"
    changes = policy([dead, f"127.0.0.1:{resolver.port}"], upstream={"strategy": "strict"})
    with node(tmp_path, changes) as one:
        assert data_of(one.ask("www.example.com")) == ["192.0.2.1"]


def test_stale_then_servfail_when_all_are_dead(tmp_path):
    lines = (
        'local-zone: "example.com." static',
        'local-data: "www.example.com. 1 IN A 192.0.2.1"',
    )
    cache = {"stale": {"ttl": "1h", "answer_ttl": "7s", "wait": "300ms"}, "prefetch": 0}
    with ExitStack() as stack:
        server = stack.enter_context(unbound(tmp_path / "unbound", None, *lines))
        upstream = {"timeout": "2s"}
        changes = policy([f"127.0.0.1:{server.port}"], upstream=upstream, cache=cache)
        with node(tmp_path / "node", changes) as one:
            assert data_of(one.ask("www.example.com")) == ["192.0.2.1"]
            stack.close()  # Unbound ends
            answer = eventually(lambda: stale(one.ask("www.example.com")))
            assert (data_of(answer), answer.answer[0].ttl) == (["192.0.2.1"], 7)
            lost = one.ask("other.example.com")
            assert lost.rcode() == dns.rcode.SERVFAIL
            assert ede_of(lost) in {22, 23}
            eventually(lambda: one.metric("filterd_upstream_up") == 0)
            eventually(lambda: one.metric("filterd_cache_stale_answers_total") >= 1)


def stale(answer):
    return answer if ede_of(answer) == 3 else None
