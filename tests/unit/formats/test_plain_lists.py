from collections.abc import Sequence

import pytest

from filterd.formats.base import Item, Options
from filterd.formats.registry import by_name
from filterd.model.rule import (
    Action,
    NamePattern,
    NetworkPattern,
    Record,
    Refusal,
    RegexPattern,
    Rewrite,
    Rule,
    Scope,
    Trigger,
)

EXACT, SUBTREE, BELOW = Scope
SUBDOMAINS = Options(subdomains=True)


def read(format_name: str, text: str, options: Options | None = None) -> Sequence[Item]:
    reader = by_name(format_name).reader(options or Options())
    return (*reader.read(1, text), *reader.finish())


def codes(items: Sequence[Item]) -> list[str]:
    return [item.code for item in items if isinstance(item, Refusal)]


@pytest.mark.parametrize("null", ["0.0.0.0", "127.0.0.1", "::", "::1", "0", "255.255.255.255"])
def test_hosts_null_addresses_block(null: str) -> None:
    assert read("hosts", f"{null}\ta.example b.example # why") == (
        Rule(NamePattern("a.example", EXACT)),
        Rule(NamePattern("b.example", EXACT)),
    )
    assert read("hosts", f"{null} A.example.", SUBDOMAINS) == (
        Rule(NamePattern("a.example", SUBTREE)),
    )


def test_hosts_other_addresses_answer() -> None:
    rewrite = Rewrite(records=(Record(28, "fd00::5"),))
    nas = Rule(NamePattern("nas", EXACT), Action.REWRITE, rewrite=rewrite)
    assert read("hosts", "fd00::5 nas", SUBDOMAINS) == (nas,)


def test_hosts_joins_both_addresses_of_a_name() -> None:
    reader = by_name("hosts").reader(Options())
    assert reader.read(1, "192.0.2.5 nas.example") == ()
    assert reader.read(2, "2001:db8::5 nas.example") == ()
    records = (Record(1, "192.0.2.5"), Record(28, "2001:db8::5"))
    assert reader.finish() == (
        Rule(NamePattern("nas.example", EXACT), Action.REWRITE, rewrite=Rewrite(records=records)),
    )


@pytest.mark.parametrize(
    "text",
    [
        "127.0.0.1 localhost",
        "::1 ip6-localhost",
        "ff02::1 ip6-allnodes",
        "255.255.255.255 broadcasthost",
        "0.0.0.0 0.0.0.0",
    ],
)
def test_hosts_own_names_are_refused(text: str) -> None:
    assert codes(read("hosts", text)) == ["local-name"]


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("a.example", "bad-syntax"),
        ("a.example b.example", "bad-address"),
        ("1.2.3 a.example", "bad-address"),
        ("0.0.0.0 a..example", "bad-name"),
        ("0.0.0.0 https://a.example/", "bad-name"),
        ("0.0.0.0 192.0.2.1", "bad-name"),
        ("0.0.0.0 tv", "bad-name"),
    ],
)
def test_hosts_refusals(text: str, code: str) -> None:
    assert codes(read("hosts", text)) == [code]


def test_hosts_with_subdomains_may_not_cover_a_suffix() -> None:
    assert codes(read("hosts", "0.0.0.0 edu.vn", SUBDOMAINS)) == ["too-wide"]
    assert read("hosts", "0.0.0.0 edu.vn") == (Rule(NamePattern("edu.vn", EXACT)),)


def test_domains_mean_each_name_alone() -> None:
    assert read("domains", "A.example # why") == (Rule(NamePattern("a.example", EXACT)),)
    assert read("domains", "a.example", SUBDOMAINS) == (Rule(NamePattern("a.example", SUBTREE)),)
    assert read("domains", "bücher.example") == (Rule(NamePattern("xn--bcher-kva.example", EXACT)),)


def test_onlydomains_mean_subdomains_too() -> None:
    assert read("onlydomains", "a.example") == (Rule(NamePattern("a.example", SUBTREE)),)
    assert codes(read("onlydomains", "com")) == ["too-wide"]


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("a.example b.example", "bad-syntax"),
        ("*.a.example", "bad-name"),
        ("||a.example^", "bad-name"),
        ("192.0.2.1", "bad-name"),
        ("a.example/x", "url-rule"),
        ("https://a.example/", "url-rule"),
    ],
)
def test_domains_refuse_other_syntaxes(text: str, code: str) -> None:
    assert codes(read("domains", text)) == [code]


def test_wildcard_means_the_name_and_below() -> None:
    subtree = (Rule(NamePattern("a.example", SUBTREE)),)
    assert read("wildcard", "*.a.example") == subtree
    assert read("wildcard", "a.example # why") == subtree
    assert read("wildcard", "*.ad*.a.example") == (
        Rule(RegexPattern(r"(?:^|\.)ad.*\.a\.example$")),
    )
    assert codes(read("wildcard", "*.com")) == ["too-wide"]
    assert codes(read("wildcard", "*")) == ["unsupported-pattern"]
    assert codes(read("wildcard", "*.ads.*")) == ["unsupported-pattern"]


@pytest.mark.parametrize(
    ("text", "action"),
    [
        ("local=/a.example/", Action.NXDOMAIN),
        ("server=/a.example/", Action.NXDOMAIN),
        ("address=/a.example/", Action.NXDOMAIN),
        ("address=/a.example/#", Action.BLOCK),
        ("address=/a.example/0.0.0.0", Action.BLOCK),
        ("address=/a.example/::", Action.BLOCK),
        ("address = /A.example./127.0.0.1  # why", Action.BLOCK),
        ("server=/a.example/#", Action.ALLOW),
    ],
)
def test_dnsmasq_actions(text: str, action: Action) -> None:
    assert read("dnsmasq", text) == (Rule(NamePattern("a.example", SUBTREE), action),)


def test_dnsmasq_addresses_and_several_names() -> None:
    reader = by_name("dnsmasq").reader(Options())
    assert reader.read(1, "address=/a.example/b.example/192.0.2.1") == ()
    assert reader.read(2, "address=/a.example/2001:db8::1") == ()
    v4, v6 = Record(1, "192.0.2.1"), Record(28, "2001:db8::1")
    assert reader.finish() == (
        Rule(NamePattern("a.example", SUBTREE), Action.REWRITE, rewrite=Rewrite(records=(v4, v6))),
        Rule(NamePattern("b.example", SUBTREE), Action.REWRITE, rewrite=Rewrite(records=(v4,))),
    )


def test_dnsmasq_wildcards() -> None:
    assert read("dnsmasq", "address=/*.a.example/#") == (Rule(NamePattern("a.example", BELOW)),)
    assert read("dnsmasq", "address=/*a.example/#") == (Rule(RegexPattern(r"a\.example$")),)
    everything = Rule(NamePattern("", SUBTREE))
    assert read("dnsmasq", "address=/#/#", Options(wide=True)) == (everything,)
    assert codes(read("dnsmasq", "address=/#/192.0.2.1")) == ["too-wide"]


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("server=/a.example/192.0.2.53", "forwarding-rule"),
        ("server=192.0.2.53", "forwarding-rule"),
        ("cache-size=1000", "not-a-rule"),
        ("no-resolv", "not-a-rule"),
        ("address=/a.example", "bad-syntax"),
        ("address=/a.example/nowhere", "bad-address"),
        ("local=/vn/", "too-wide"),
        ("local=//", "unsupported-pattern"),
        ("local=/a*b.example/", "unsupported-pattern"),
        ("local=/a b.example/", "bad-name"),
    ],
)
def test_dnsmasq_refusals(text: str, code: str) -> None:
    assert codes(read("dnsmasq", text)) == [code]


def test_addresses_are_held_against_answers() -> None:
    assert read("addresses", "192.0.2.1 # why") == (
        Rule(NetworkPattern("192.0.2.1/32", Trigger.ANSWER)),
    )
    assert read("addresses", "2001:db8::/32") == (
        Rule(NetworkPattern("2001:db8::/32", Trigger.ANSWER)),
    )
    assert codes(read("addresses", "192.0.2.1/24")) == ["bad-address"]
    assert codes(read("addresses", "0.0.0.0/0")) == ["too-wide"]
    assert codes(read("addresses", "a.example")) == ["bad-address"]
