from collections.abc import Sequence

import pytest

from filterd.formats.adblock import Adblock
from filterd.formats.base import Item, Options
from filterd.model.rule import (
    Action,
    Cancel,
    Condition,
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
FRANK = "Frank's laptop"


def read(text: str, options: Options | None = None) -> Sequence[Item]:
    reader = Adblock().reader(options or Options())
    return (*reader.read(1, text), *reader.finish())


def one(text: str, options: Options | None = None) -> Item:
    items = read(text, options)
    assert len(items) == 1, items
    return items[0]


def code(text: str) -> str:
    item = one(text)
    assert isinstance(item, Refusal), item
    return item.code


@pytest.mark.parametrize(
    ("text", "pattern"),
    [
        ("||ads.example^", NamePattern("ads.example", SUBTREE)),
        ("||ADS.example^|", NamePattern("ads.example", SUBTREE)),
        ("||ads.example|", NamePattern("ads.example", SUBTREE)),
        ("||ads.example^*", NamePattern("ads.example", SUBTREE)),
        ("|ads.example^", NamePattern("ads.example", EXACT)),
        ("|ads.example|", NamePattern("ads.example", EXACT)),
        ("://ads.example^", NamePattern("ads.example", EXACT)),
        ("http://ads.example^", NamePattern("ads.example", EXACT)),
        ("||*.ads.example^", NamePattern("ads.example", BELOW)),
        ("*.ads.example^", NamePattern("ads.example", BELOW)),
        (".ads.example^", NamePattern("ads.example", BELOW)),
        ("ads.example", NamePattern("ads.example", EXACT)),
        ("ads.example  # why", NamePattern("ads.example", EXACT)),
        ("0.0.0.0 ads.example", NamePattern("ads.example", EXACT)),
        ("||bücher.example^", NamePattern("xn--bcher-kva.example", SUBTREE)),
        ("||ads.example", RegexPattern(r"(?:^|\.)ads\.example")),
        ("|ads.example", RegexPattern(r"^ads\.example")),
        ("ads.example^", RegexPattern(r"ads\.example$")),
        ("ads.example|", RegexPattern(r"ads\.example$")),
        ("ads-", RegexPattern("ads-")),
        (".ads.", RegexPattern(r"\.ads\.")),
        ("||ad*.example^", RegexPattern(r"(?:^|\.)ad.*\.example$")),
        ("||*ads.example^", RegexPattern(r"ads\.example$")),
        ("|*tracking*^", RegexPattern("tracking.*$")),
        ("ad*server", RegexPattern("ad.*server")),
        ("||bücher.*.example^", RegexPattern(r"(?:^|\.)xn--bcher-kva\..*\.example$")),
        (r"/^ad[sx]\./", RegexPattern(r"^ad[sx]\.")),
        (r"/(^|\.)ads\.example$/", NamePattern("ads.example", SUBTREE)),
        ("||192.0.2.1^", NetworkPattern("192.0.2.1/32", Trigger.ANSWER)),
        ("192.0.2.1", NetworkPattern("192.0.2.1/32", Trigger.ANSWER)),
        ("|192.0.2.1|", NetworkPattern("192.0.2.1/32", Trigger.ANSWER)),
        ("||2001:db8::1^", NetworkPattern("2001:db8::1/128", Trigger.ANSWER)),
        ("||198.51.100.0/24^", NetworkPattern("198.51.100.0/24", Trigger.ANSWER)),
        ("|2001:db8:", RegexPattern("^2001:db8:")),
    ],
)
def test_patterns(text: str, pattern: object) -> None:
    assert one(text) == Rule(pattern)


@pytest.mark.parametrize(
    ("modifiers", "condition"),
    [
        ("dnstype=AAAA", Condition(qtypes=frozenset({28}))),
        ("dnstype=a|TYPE65|~aaaa", Condition(qtypes=frozenset({1, 65}), not_qtypes=frozenset({28}))),
        ("client=192.0.2.7", Condition(clients=frozenset({"192.0.2.7"}))),
        ("client=192.0.2.0/24|~192.0.2.7", Condition(clients=frozenset({"192.0.2.0/24"}), not_clients=frozenset({"192.0.2.7"}))),
        ("client=2001:DB8:0::1", Condition(clients=frozenset({"2001:db8::1"}))),
        (r"client='Frank\'s laptop'", Condition(clients=frozenset({FRANK}))),
        (r"client=Frank\'s laptop", Condition(clients=frozenset({FRANK}))),
        (r'client="Frank\'s laptop"', Condition(clients=frozenset({FRANK}))),
        (r"client=~'Mary\, John\|Jim'|tv", Condition(clients=frozenset({"tv"}), not_clients=frozenset({"Mary, John|Jim"}))),
        ("client='a, b'", Condition(clients=frozenset({"a, b"}))),
        ("client=05:5a:00:00:00:01", Condition(clients=frozenset({"05:5a:00:00:00:01"}))),
        ("ctag=device_pc|~user_child", Condition(tags=frozenset({"device_pc"}), not_tags=frozenset({"user_child"}))),
        ("denyallow=a.example|Bücher.example", Condition(denyallow=frozenset({"a.example", "xn--bcher-kva.example"}))),
        ("ctag=user_child,dnstype=A", Condition(tags=frozenset({"user_child"}), qtypes=frozenset({1}))),
        ("dnstype=A,ctag=user_child", Condition(tags=frozenset({"user_child"}), qtypes=frozenset({1}))),
    ],
)  # fmt: skip
def test_conditions(modifiers: str, condition: Condition) -> None:
    assert one(f"||ads.example^${modifiers}") == Rule(
        NamePattern("ads.example", SUBTREE), condition=condition
    )


@pytest.mark.parametrize(
    ("value", "rewrite"),
    [
        ("192.0.2.1", Rewrite(records=(Record(1, "192.0.2.1"),))),
        ("2001:DB8::1", Rewrite(records=(Record(28, "2001:db8::1"),))),
        ("other.example", Rewrite(cname="other.example")),
        ("NXDOMAIN", Rewrite(3)),
        ("REFUSED", Rewrite(5)),
        ("SERVFAIL", Rewrite(2)),
        ("NOERROR", Rewrite(0)),
        ("", Rewrite(0)),
        ("NOERROR;;", Rewrite(0)),
        ("REFUSED;;", Rewrite(5)),
        ("nxdomain;A;192.0.2.1", Rewrite(3)),
        ("NOERROR;A;192.0.2.1", Rewrite(records=(Record(1, "192.0.2.1"),))),
        ("NOERROR;AAAA;2001:db8::2", Rewrite(records=(Record(28, "2001:db8::2"),))),
        ("NOERROR;CNAME;Other.example", Rewrite(cname="other.example")),
        ("NOERROR;PTR;host.example.", Rewrite(records=(Record(12, "host.example"),))),
        ("NOERROR;TXT;hello world", Rewrite(records=(Record(16, '"hello world"'),))),
        (r"NOERROR;TXT;a\,b", Rewrite(records=(Record(16, '"a,b"'),))),
        ("NOERROR;MX;32 mail.example", Rewrite(records=(Record(15, "32 mail.example"),))),
        ("NOERROR;HTTPS;1 . alpn=h3", Rewrite(records=(Record(65, "1 . alpn=h3"),))),
        ("NOERROR;SVCB;32 svc.example alpn=bar port=8080", Rewrite(records=(Record(64, "32 svc.example alpn=bar port=8080"),))),
        ("NOERROR;SRV;10 60 8080 srv.example", Rewrite(records=(Record(33, "10 60 8080 srv.example"),))),
    ],
)  # fmt: skip
def test_dnsrewrite(value: str, rewrite: Rewrite) -> None:
    pattern = NamePattern("a.example", SUBTREE)
    assert one(f"||a.example^$dnsrewrite={value}") == Rule(pattern, Action.REWRITE, rewrite=rewrite)
    exception = Rule(pattern, Action.UNREWRITE, rewrite=rewrite if value else None)
    assert one(f"@@||a.example^$dnsrewrite={value}") == exception


def test_dnsrewrite_without_a_value_excuses_from_all() -> None:
    pattern = NamePattern("a.example", SUBTREE)
    assert one("@@||a.example^$dnsrewrite") == Rule(pattern, Action.UNREWRITE)


@pytest.mark.parametrize(
    "value",
    [
        "NOERROR;A", "FOO;A;192.0.2.1", "NOERROR;FOO;x", "NOERROR;A;2001:db8::1", "NOERROR;AAAA;192.0.2.1", "HELLO",
        "NOERROR;MX;mail.example", "NOERROR;MX;70000 mail.example", "NOERROR;SRV;1 2 x.example", "a b", "NOERROR;NULL;x",
        "NOERROR;HTTPS;1 . alpn=a alpn=b", "NOERROR;CNAME;-..", "192.0.2.1;", f"NOERROR;TXT;{'x' * 256}",
    ],
)  # fmt: skip
def test_dnsrewrite_values_that_make_no_sense(value: str) -> None:
    assert code(f"||a.example^$dnsrewrite={value}") in {"bad-modifier", "bad-record", "bad-name"}


def test_exceptions_importance_and_badfilter() -> None:
    pattern = NamePattern("a.example", SUBTREE)
    assert one("@@||a.example^") == Rule(pattern, Action.ALLOW)
    assert one("@@||a.example^$important") == Rule(pattern, Action.ALLOW, important=True)
    assert one("||a.example^$important") == Rule(pattern, important=True)
    assert one("||a.example^$badfilter") == Cancel(Rule(pattern))
    assert one("||a.example^$important,badfilter") == Cancel(Rule(pattern, important=True))
    assert one("||a.example^$badfilter,dnstype=A") == Cancel(
        Rule(pattern, condition=Condition(qtypes=frozenset({1})))
    )


def test_a_modifier_makes_a_bare_name_a_pattern() -> None:
    assert one("a.example$important") == Rule(RegexPattern(r"a\.example"), important=True)
    assert one("@@a.example") == Rule(RegexPattern(r"a\.example"), Action.ALLOW)


@pytest.mark.parametrize(
    ("text", "regex", "condition"),
    [
        (r"/ads$/", "ads$", Condition()),
        (r"/ads$/$dnstype=A", "ads$", Condition(qtypes=frozenset({1}))),
        (
            r"/ads[0-9]{1,3}/$client=192.0.2.0/24",
            "ads[0-9]{1,3}",
            Condition(clients=frozenset({"192.0.2.0/24"})),
        ),
        (r"/ad(s|x)$|banner/", "ad(s|x)$|banner", Condition()),
    ],
)
def test_the_dollar_of_an_expression_is_not_that_of_modifiers(
    text: str, regex: str, condition: Condition
) -> None:
    assert one(text) == Rule(RegexPattern(regex), condition=condition)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("example.com##.ad", "cosmetic-rule"),
        ("##.ad", "cosmetic-rule"),
        ("###ad", "cosmetic-rule"),
        ("example.com,~a.example.com#@#.ad", "cosmetic-rule"),
        ("example.com#$#body { color: red }", "cosmetic-rule"),
        ("example.com#?#div:has(a)", "cosmetic-rule"),
        ("example.com#%#window.x = 1", "cosmetic-rule"),
        ('example.com$$script[tag-content="x"]', "cosmetic-rule"),
        ("*##.ad", "cosmetic-rule"),
        ("||a.example^$third-party", "unsupported-modifier"),
        ("||a.example^$important,script", "unsupported-modifier"),
        ("||a.example^$~third-party", "unsupported-modifier"),
        ("||a.example^$", "unsupported-modifier"),
        ("||a.example^$domain=b.example", "unsupported-modifier"),
        ("||a.example^$DNSTYPE=A", "unsupported-modifier"),
        ("||a.example^$important=1", "bad-modifier"),
        ("||a.example^$important,important", "bad-modifier"),
        ("||a.example^$dnstype=FOO", "bad-modifier"),
        ("||a.example^$dnstype=", "bad-modifier"),
        ("||a.example^$dnstype", "bad-modifier"),
        ("||a.example^$client=", "bad-modifier"),
        ("||a.example^$client=a|", "bad-modifier"),
        ("||a.example^$ctag=No Tag", "bad-modifier"),
        ("||a.example^$denyallow=~b.example", "bad-modifier"),
        ("||a.example^$denyallow=/x/", "bad-name"),
        ("||a.example/ads^", "url-rule"),
        ("||a.example^*/ads", "url-rule"),
        ("||a.example:8080^", "url-rule"),
        ("/banner.gif?", "url-rule"),
        ("//a.example^", "url-rule"),
        ("https://a.example^", "url-rule"),
        ("||com^", "too-wide"),
        ("||*.com^", "too-wide"),
        ("||co.uk^", "too-wide"),
        (".com^", "too-wide"),
        (".com", "too-wide"),
        ("com", "bad-name"),
        ("*", "too-wide"),
        ("||*", "too-wide"),
        ("||*^", "too-wide"),
        ("^", "too-wide"),
        ("||", "too-wide"),
        ("@@*", "too-wide"),
        ("ad", "bad-name"),
        ("/./", "too-wide"),
        ("/.*/", "too-wide"),
        ("||0.0.0.0/0^", "too-wide"),
        ("||lan^", "too-wide"),
        ("/(?=a)b/", "unsupported-regex"),
        ("/(/", "unsupported-regex"),
        ("||a..example^", "bad-name"),
        ("||.a.example^", "bad-name"),
        ("||a.example^ b", "bad-syntax"),
        ("||bü*.example^", "unsupported-pattern"),
        ("0.0.0.0 localhost", "local-name"),
    ],
)
def test_refusals(text: str, expected: str) -> None:
    assert code(text) == expected


@pytest.mark.parametrize(
    "text", ["! note", "# note", "#note", "#", "#### note", "[Adblock Plus 2.0]", "[AdGuard]", ""]
)
def test_comments(text: str) -> None:
    assert read(text) == ()


@pytest.mark.parametrize(
    "modifiers", ["denyallow=a.example", "dnstype=HTTPS", "client=tv", "ctag=~user_child"]
)
def test_everything_needs_a_condition(modifiers: str) -> None:
    item = one(f"*${modifiers}")
    assert isinstance(item, Rule)
    assert item.pattern == NamePattern("", SUBTREE)


def test_a_trusted_list_may_be_wide() -> None:
    wide = Options(wide=True)
    assert one("||com^", wide) == Rule(NamePattern("com", SUBTREE))
    assert one("*", wide) == Rule(NamePattern("", SUBTREE))


def test_the_addresses_of_a_name_come_out_as_one_rule() -> None:
    reader = Adblock().reader(Options())
    lines = [
        "192.0.2.1 nas.example",
        "||b.example^$dnsrewrite=192.0.2.9",
        "2001:db8::1 nas.example",
        "192.0.2.1 nas.example",
    ]
    items = [item for number, text in enumerate(lines, 1) for item in reader.read(number, text)]
    assert [item.line for item in items if isinstance(item, Rule)] == [2]
    records = (Record(1, "192.0.2.1"), Record(28, "2001:db8::1"))
    (joined,) = reader.finish()
    assert joined == Rule(
        NamePattern("nas.example", EXACT), Action.REWRITE, rewrite=Rewrite(records=records)
    )
    assert isinstance(joined, Rule)
    assert (joined.line, joined.text) == (1, "192.0.2.1 nas.example")


def test_one_bad_name_does_not_cost_a_hosts_line_its_others() -> None:
    items = read("0.0.0.0 a.example b..example c.example")
    assert [type(item).__name__ for item in items] == ["Rule", "Refusal", "Rule"]


@pytest.mark.parametrize(
    ("text", "pattern"),
    [
        ("ads", "bad-name"),  # a host name of one label, as in a hosts file, not a fragment
        ("-d", "too-wide"),
        ("@@", "bad-syntax"),
        ("ad*server.example|*", "bad-name"),
    ],
)
def test_what_adguard_does_not_take_either(text: str, pattern: str) -> None:
    assert code(text) == pattern


@pytest.mark.parametrize(
    ("text", "pattern"),
    [
        ("||ads.example/*", NamePattern("ads.example", SUBTREE)),
        ("|ads.example^/*", NamePattern("ads.example", EXACT)),
        ("||ads.example^*|", NamePattern("ads.example", SUBTREE)),
        ("/banners.", RegexPattern(r"^banners\.")),
        ("0.0.0.0\tads.example # why", NamePattern("ads.example", EXACT)),
        ("0.0.0.0   ads.example", NamePattern("ads.example", EXACT)),
    ],
)
def test_odd_spellings_mean_what_adguard_reads(text: str, pattern: object) -> None:
    rule = one(text)
    assert isinstance(rule, Rule)
    assert rule.pattern == pattern


def test_a_comma_too_many_carries_no_condition() -> None:
    assert one("||ads.example^$important,") == one("||ads.example^$important")
    assert one("||ads.example^$,important") == one("||ads.example^$important")
    assert code("||ads.example^$") == "unsupported-modifier"


def test_a_short_pattern_is_taken_where_a_condition_narrows_it() -> None:
    assert code("x-") == "too-wide"
    rule = one("x-$ctag=user_child")
    assert isinstance(rule, Rule)
    assert rule.pattern == RegexPattern("x-")


@pytest.mark.parametrize(
    ("text", "spared"),
    [
        ("||example.com^$dnsrewrite=safe.example.com", {"safe.example.com"}),
        ("/exam/$dnsrewrite=safe.example.com", {"safe.example.com"}),
        ("|safe.example.com^$dnsrewrite=safe.example.com", {"safe.example.com"}),
        ("||example.com^$dnsrewrite=safe.example.org", set()),
        ("|www.example.com^$dnsrewrite=safe.example.com", set()),
        ("@@||example.com^$dnsrewrite=safe.example.com", set()),
    ],
)
def test_a_rewrite_leaves_its_own_target_alone(text: str, spared: set[str]) -> None:
    rule = one(text)
    assert isinstance(rule, Rule)
    assert rule.condition.denyallow == spared
