"""Orders as rules, by the real core: names and URLs in one index."""

import logging

import pytest

from filterd.core import IndexBuilder, Snapshot
from filterd.model.group import Group, School
from filterd.model.order import Effect, Match, Order, Pattern, Sunset
from filterd.policy.classes import Origin
from filterd.policy.orders import add_orders
from filterd.policy.plan import build_plan
from filterd.policy.precedence import NOT_APPLICABLE
from tests.support.policy_world import EMPTY_BOOK, NOW

GROUP = Group("g", 10, safe_search=False, bypass_protection=False)
SCHOOL = School(groups=(GROUP,), default_group="g")


def order(number, *patterns, effect=Effect.BLOCK):
    return Order(
        id=f"o{number}",
        authority="authority",
        reference=f"{number}/QD",
        legal_basis="a decree",
        category="fraud",
        effect=effect,
        patterns=tuple(Pattern(match, text) for match, text in patterns),
        not_before=NOW - 60,
        not_after=NOW + 3600,
        sunset=Sunset.THREAT,
    )


def snapshot_of(*orders):
    builder = IndexBuilder()
    table = add_orders(builder, orders, NOW)
    index = builder.finish("{}")
    return Snapshot([index], build_plan(SCHOOL, EMPTY_BOOK, [table], NOW), 1), table


PAGE = order(1, (Match.URL, "forum.example/thread/7"), (Match.URL, "forum.example/q?id=1"))
HOST = order(2, (Match.SUBTREE, "bet.example"))


@pytest.mark.parametrize(
    ("url", "verdict", "pattern"),
    [
        ("https://forum.example/thread/7", "block", "forum.example/thread/7"),
        ("http://FORUM.example:8080/thread/./7/reply?x#y", "block", "forum.example/thread/7"),
        ("https://forum.example/%74hread%2F7", "block", "forum.example/thread/7"),
        ("https://forum.example/q?id=1", "block", "forum.example/q?id=1"),
        ("https://forum.example/q?id=12", "pass", ""),
        ("https://forum.example/q", "pass", ""),
        ("https://forum.example/thread/70", "pass", ""),
        ("https://forum.example/thread", "pass", ""),
        ("https://www.forum.example/thread/7", "pass", ""),
        ("https://www.bet.example/any/page", "block", "bet.example"),
    ],
)
def test_an_order_for_a_url(url, verdict, pattern):
    snapshot, _ = snapshot_of(PAGE, HOST)
    decision = snapshot.decide_url(url, NOW)
    assert (decision.kind, decision.pattern) == (verdict, pattern)
    assert decision.step == (2 if verdict == "block" else 9)


def test_dns_is_as_it_was_without_urls():
    with_urls, _ = snapshot_of(PAGE, HOST, order(3, (Match.URL, "a.bet.example/x")))
    without, _ = snapshot_of(order(1), HOST, order(3))
    names = [
        "forum.example",
        "www.forum.example",
        "bet.example",
        "a.bet.example",
        "x.a.bet.example",
    ]
    for name in [*names, "example", "", "forum.example/thread"]:
        for qtype in (1, 28, 65):
            one, other = (s.decide(name, qtype, NOW) for s in (with_urls, without))
            assert (one.kind, one.step, one.class_id, one.pattern, one.pattern_kind) == (
                (other.kind, other.step, other.class_id, other.pattern, other.pattern_kind)
            )
            assert with_urls.matches(name, qtype, NOW) == without.matches(name, qtype, NOW)


def test_the_more_specific_is_named_and_matches_name_both():
    snapshot, table = snapshot_of(
        order(
            1,
            (Match.NAME, "bet.example"),
            (Match.URL, "bet.example/"),
            (Match.URL, "bet.example/a"),
        )
    )
    decision = snapshot.decide_url("https://bet.example/a/b", NOW)
    assert (decision.pattern, decision.pattern_kind) == ("bet.example/a", "url")
    assert [row[2:4] for row in snapshot.matches_url("https://bet.example/a/b", NOW)] == [
        ("url", "bet.example/a"),
        ("url", "bet.example/"),
        ("exact", "bet.example"),
    ]
    assert len(table.classes) == 1


def test_an_order_to_warn_is_found_and_decides_nothing():
    pattern = (Match.URL, "forum.example/x")
    snapshot, table = snapshot_of(order(1, pattern, effect=Effect.WARN))
    assert snapshot.decide_url("https://forum.example/x", NOW).kind == "pass"
    rows = snapshot.matches_url("https://forum.example/x", NOW)
    assert [(row[0], row[3]) for row in rows] == [(NOT_APPLICABLE, "forum.example/x")]
    assert table.classes[rows[0][1]].origin is Origin.WARNING


def test_an_order_to_allow_a_page_of_a_site_does_not_lift_what_is_ordered_for_all_of_it():
    snapshot, _ = snapshot_of(HOST, order(2, (Match.URL, "bet.example/help"), effect=Effect.ALLOW))
    assert snapshot.decide("bet.example", 1, NOW).kind == "block"
    kinds = [snapshot.decide_url(f"https://bet.example/{at}", NOW).kind for at in ("help", "play")]
    assert kinds[1] == "block"


def test_a_url_that_cannot_be_matched_is_told_and_the_rest_holds(caplog):
    long = ".".join(["a" * 60] * 4)
    with caplog.at_level(logging.WARNING):
        snapshot, _ = snapshot_of(
            order(1, (Match.URL, f"{long}/x"), (Match.URL, "forum.example/x"))
        )
    assert "authority/o1" in caplog.text
    assert snapshot.decide_url("https://forum.example/x", NOW).kind == "block"
