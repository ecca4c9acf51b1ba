"""The oracle itself, on cases small enough to decide by hand."""

import pytest

from filterd.formats.base import Item, Options
from filterd.formats.registry import by_name
from filterd.formats.scan import scan
from filterd.model.rule import Rewrite
from tests.oracle.matcher import Outcome, Question, decide, decide_zones, in_force, matches, under


def rules(text: str, format_name: str = "adblock") -> list[Item]:
    return [
        item
        for _, _, items in scan(text.encode(), by_name(format_name), Options())
        for item in items
    ]


def decided(text: str, question: Question) -> Outcome:
    return decide(rules(text), question)


def test_labels_not_letters_make_a_subdomain() -> None:
    assert under("b.a.test", "a.test")
    assert under("a.test", "a.test")
    assert not under("ba.test", "a.test")
    assert under("a.test", "")


@pytest.mark.parametrize(
    ("lines", "kind"),
    [
        ("||a.test^", "block"),
        ("||a.test^\n@@||b.a.test^", "allow"),
        ("||b.a.test^$important\n@@||b.a.test^", "block"),
        ("||b.a.test^$important\n@@||b.a.test^$important", "allow"),
        ("||b.a.test^\n||b.a.test^$badfilter", "pass"),
        ("||b.a.test^$badfilter\n||b.a.test^", "pass"),
        ("||b.a.test^$important\n||b.a.test^$badfilter", "block"),
        ("||a.test^$denyallow=b.a.test", "pass"),
        ("||a.test^$dnstype=AAAA", "pass"),
        ("||a.test^$dnstype=~AAAA", "block"),
        ("||a.test^$client=192.0.2.0/24", "block"),
        ("||a.test^$client=~192.0.2.0/24", "pass"),
        ("||a.test^$client=tv", "block"),
        ("||a.test^$client=radio", "pass"),
        ("||a.test^$ctag=user_child", "block"),
        ("||a.test^$ctag=~user_child", "pass"),
        ("||a.test^$client=tv,ctag=other", "pass"),
        ("@@||b.a.test^\n||b.a.test^$dnsrewrite=192.0.2.9", "rewrite"),
        ("@@||b.a.test^$dnsrewrite\n||b.a.test^$dnsrewrite=192.0.2.9", "pass"),
        ("@@||b.a.test^$dnsrewrite=192.0.2.8\n||b.a.test^$dnsrewrite=192.0.2.9", "rewrite"),
        ("192.0.2.9 b.a.test\n||b.a.test^", "block"),
        ("192.0.2.9 b.a.test", "rewrite"),
        ("||198.51.100.7^", "block"),
        ("/^198\\.51\\./", "block"),
        ("||198.51.100.8^", "pass"),
    ],
)
def test_one_question_under_several_lists(lines: str, kind: str) -> None:
    question = Question(
        "b.a.test", 1, "192.0.2.5", "tv", frozenset({"user_child"}), ("198.51.100.7",)
    )
    assert decided(lines, question).kind == kind


def test_the_most_specific_rule_is_reported() -> None:
    outcome = decided("||a.test^\n||b.a.test^\n/test/", Question("b.a.test"))
    assert outcome.rule is not None
    assert outcome.rule.line == 2


def test_rewrites_add_up_and_a_cname_goes_alone() -> None:
    two = "||a.test^$dnsrewrite=192.0.2.1\n||a.test^$dnsrewrite=192.0.2.2\n||a.test^$dnsrewrite=2001:db8::1"
    answer = decided(two, Question("a.test")).rewrite
    assert answer is not None
    assert [record.rdata for record in answer.records] == ["192.0.2.1", "192.0.2.2"]
    assert decided(two + "\n||a.test^$dnsrewrite=b.test", Question("a.test")).rewrite == Rewrite(
        cname="b.test"
    )
    assert decided(two + "\n||a.test^$dnsrewrite=REFUSED", Question("a.test")).rewrite == Rewrite(
        rcode=5
    )
    assert decided(two, Question("a.test", 16)).rewrite == Rewrite()


def test_the_first_zone_with_a_trigger_decides() -> None:
    first = rules("a.test CNAME rpz-passthru.\n32.7.2.0.192.rpz-client-ip CNAME rpz-drop.", "rpz")
    second = rules(
        "a.test CNAME .\nb.test CNAME .\n*.b.test CNAME *.\n24.0.100.51.198.rpz-ip CNAME .", "rpz"
    )
    zones = [first, second]
    assert decide_zones(zones, Question("a.test")).kind == "allow"
    assert decide_zones(zones[::-1], Question("a.test")).kind == "block"
    assert decide_zones(zones, Question("c.b.test")).kind == "block"
    assert decide_zones(zones, Question("c.test")).kind == "pass"
    assert decide_zones(zones, Question("c.test", client="192.0.2.7")).kind == "block"
    assert decide_zones(zones, Question("c.test", answers=("198.51.100.9",))).kind == "block"


def test_client_address_comes_before_name_and_name_before_answer() -> None:
    zone = rules(
        "a.test CNAME rpz-passthru.\n32.7.2.0.192.rpz-client-ip CNAME rpz-drop.\n24.0.100.51.198.rpz-ip CNAME .",
        "rpz",
    )
    answers = ("198.51.100.9",)
    assert (
        decide_zones([zone], Question("a.test", client="192.0.2.7", answers=answers)).kind
        == "block"
    )
    assert (
        decide_zones([zone], Question("a.test", client="192.0.2.8", answers=answers)).kind
        == "allow"
    )


def test_voided_rules_and_single_matches() -> None:
    items = rules("||a.test^\n||a.test^$badfilter\n||b.test^$dnstype=A")
    (rule,) = in_force(items)
    assert matches(rule, "x.b.test", 1)
    assert not matches(rule, "x.b.test", 28)
