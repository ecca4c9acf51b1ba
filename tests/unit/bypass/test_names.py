"""What names say, and what the HTTP filter tells of them: by group, never of whom."""

import pytest

from filterd.app.http_told import MOST_WORDS, HttpTold
from filterd.bypass.names import (
    ADDRESS_NAMES,
    signal_of_hello,
    signal_of_rule,
    signal_of_unresolved,
)
from filterd.bypass.signals import Signal
from filterd.http.daemon import Daemon, Events
from filterd.http.exchange import Exchange
from filterd.http.never import Learned
from filterd.http.standing import Standing, Standings, signal_of
from filterd.http.words import Act, Reason, Verdict, Why
from filterd.model.clock import Clock
from filterd.model.verdict import Kind, Step
from filterd.policy.rulebook import default_directory, load_rulebook


@pytest.mark.parametrize(
    ("name", "source", "category", "signal"),
    [
        ("dns.google", "bypass", None, Signal.DOH),
        ("203-0-113-7.sslip.io", "bypass", None, Signal.NAME),
        ("nip.io", "bypass", None, Signal.NAME),
        ("use-application-dns.net", "canary", None, None),
        ("mask.icloud.com", "canary", None, None),
        ("vpn.example", "vpn-list", "bypass", Signal.NAME),
        ("www.torproject.org", "vpn-list", "bypass", Signal.TOR),
        ("games.example", "list", "games", None),
        ("", "list", "bypass", Signal.NAME),
    ],
)
def test_what_a_block_says(name, source, category, signal):
    assert signal_of_rule(name, source, category) is signal


def test_names_that_contain_an_address_are_those_of_the_rule_book():
    assert set(load_rulebook(default_directory()).bypass) >= ADDRESS_NAMES


def test_the_extension_alone_says_nothing():
    assert signal_of_hello("www.example.com", ech=True) is None
    assert signal_of_hello("cloudflare-ech.com", ech=True) is Signal.ECH
    assert signal_of_hello("cloudflare-ech.com", ech=False) is None
    assert signal_of_hello("abcdefgh.onion", ech=False) is Signal.TOR


@pytest.mark.parametrize(
    ("name", "signal"),
    [
        ("www.k4j2xqd7.com", Signal.TOR),
        ("www.abcdefgh.com", Signal.SNI),
        ("k4j2xqd7.com", Signal.SNI),
        ("www.k4j2xqd7.net", Signal.SNI),
        ("www.k8j1.com", Signal.SNI),
    ],
)
def test_a_name_that_is_made_up_is_tor_s(name, signal):
    assert signal_of_unresolved(name) is signal


def standings():
    clock = Clock(lambda: 0.0, lambda: 0.0)
    exchange = Exchange(Learned(), clock.steady, lambda: 1, "0123456789abcdef")
    return Standings(Events(Daemon("s")), exchange, clock)


def verdict(kind=Kind.PASS, source=None, category=None):
    return Verdict(
        Act.SPLICE,
        Why.RULE,
        "x.example",
        Reason(kind, Step.DEFAULT, "lớp 6.a", list=source, category=category),
    )


def told_by(each):
    told = HttpTold("e", lambda: 0.0, lambda: 1)
    told.take(each.exchange.tell())
    return told


def test_a_sign_goes_from_a_worker_to_the_daemon_by_its_group():
    each = standings()
    made = verdict(Kind.BLOCK, "bypass")
    standing = Standing("192.0.2.9", sni="dns.google")
    for _ in range(3):
        each.tried(made, signal_of(standing, made))
    told = told_by(each)
    assert told.take_tried() == {("lớp 6.a", "doh"): 3}
    assert told.take_tried() == {}
    assert "bypass" not in told.numbers()


def test_what_is_allowed_or_has_no_name_is_no_sign():
    allowed = verdict(Kind.ALLOW, "local-allow", "bypass")
    assert signal_of(Standing("192.0.2.9", sni="vpn.example"), allowed) is None
    assert signal_of(Standing("192.0.2.9"), verdict(Kind.BLOCK, "bypass")) is None
    hidden = Standing("192.0.2.9", sni="cloudflare-ech.com", ech=True)
    assert signal_of(hidden, verdict()) is Signal.ECH


def test_words_that_workers_make_up_are_bounded():
    told = HttpTold("e", lambda: 0.0, lambda: 1)
    for number in range(3 * MOST_WORDS):
        told._count(
            {f"bypass.x{number}.g": 1, "bypass": 1, "bypass.dot.g": -1, "bypass.dot": 2**40}
        )
    assert len(told.take_tried()) == MOST_WORDS
