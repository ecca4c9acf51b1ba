"""Connections: how many there may be, and what is told of each."""

import pytest

from filterd.http.daemon import Events
from filterd.http.exchange import Exchange
from filterd.http.never import Learned
from filterd.http.standing import Most, Standings, plain
from filterd.http.words import Act, Verdict, Why
from filterd.model.clock import Clock


@pytest.fixture
def standings():
    exchange = Exchange(Learned(), lambda: 0.0, lambda: 1, "0" * 8)
    clock = Clock(lambda: 100.0, lambda: 0.0)
    return Standings(Events(None), exchange, clock, Most(each=2, all=3))


def test_a_client_has_so_many_connections_and_no_more(standings):
    assert standings.begin("a", "192.0.2.1")
    assert standings.begin("b", "::ffff:192.0.2.1")
    assert not standings.begin("c", "192.0.2.1")
    assert standings.begin("d", "192.0.2.2")
    assert not standings.begin("e", "192.0.2.3")  # that is all there may be
    standings.end("c")  # which never began
    standings.end("a")
    assert standings.begin("f", "192.0.2.1")
    assert standings.exchange.tell()["counts"] == {"connections.reset.too-many": 2}


def test_what_is_known_stays_until_the_end(standings):
    standings.begin("a", "192.0.2.1")
    standings.of("a", "192.0.2.1").sni = "www.good.example"
    assert standings.of("a", "192.0.2.1").sni == "www.good.example"
    standings.end("a")
    assert standings.of("a", "192.0.2.1").sni is None


def test_a_fault_of_ours_is_a_block(standings, caplog):
    standing = standings.of("a", "192.0.2.1")
    verdict = standings.settle(standing, Act.RESET, lambda: 1 // 0)
    assert (verdict.act, verdict.why) == (Act.RESET, Why.NO_RULES)
    assert standing.verdict is verdict
    assert "not let through" in caplog.text


def test_an_outcome_is_told_once_a_connection(standings):
    events = standings._events
    standing = standings.of("a", "192.0.2.1")
    for host in ("one.example", "one.example", "two.example"):
        standings.tell(standing, Verdict(Act.RESET, Why.RULE, host))
    assert len(events) == 2


def test_an_address_is_written_in_one_way():
    assert plain("::ffff:192.0.2.1") == "192.0.2.1"
    assert plain("fe80::1%eth0") == "fe80::1"
