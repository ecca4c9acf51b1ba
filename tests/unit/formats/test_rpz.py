from ipaddress import IPv4Network, IPv6Network, ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from filterd.formats.base import Item, Options
from filterd.formats.rpz import Rpz
from filterd.formats.scan import check, scan
from filterd.model.rule import (
    Action,
    Condition,
    NamePattern,
    NetworkPattern,
    Record,
    Refusal,
    Rewrite,
    Rule,
    Scope,
    Trigger,
)

EXACT, SUBTREE, BELOW = Scope


def read(zone: str, options: Options | None = None) -> list[Item]:
    return [
        item for _, _, items in scan(zone.encode(), Rpz(), options or Options()) for item in items
    ]


def rule(name: str, scope: Scope, action: Action, rewrite: Rewrite | None = None) -> Rule:
    return Rule(NamePattern(name, scope), action, rewrite=rewrite)


@pytest.mark.parametrize(
    ("target", "action"),
    [
        (".", Action.NXDOMAIN),
        ("*.", Action.NODATA),
        ("rpz-passthru.", Action.ALLOW),
        ("RPZ-DROP.", Action.DROP),
        ("rpz-tcp-only.", Action.TCP_ONLY),
        ("a.example.", Action.ALLOW),  # a CNAME to itself: passthru as it was once written
    ],
)
def test_actions(target: str, action: Action) -> None:
    assert read(f"a.example CNAME {target}") == [rule("a.example", EXACT, action)]


def test_a_wildcard_covers_what_is_below() -> None:
    assert read("*.a.example CNAME .") == [rule("a.example", BELOW, Action.NXDOMAIN)]


@pytest.mark.parametrize(
    "line",
    [
        "a.example 60 IN CNAME .",
        "a.example IN 60 CNAME .",
        "a.example\t1h\tCNAME\t.",
        "A.Example cname . ; why",
        "a.example (\n CNAME\n . )",
        "a.example.rpz.test. CNAME .",
    ],
)
def test_master_file_spellings(line: str) -> None:
    assert read(line, Options(zone="rpz.test")) == [rule("a.example", EXACT, Action.NXDOMAIN)]


ZONE = """\
$TTL 1h
$ORIGIN rpz.test.
@ IN SOA ns. root. ( 1 ; serial
   3600 600
   86400 60 )
  NS ns.test.
a.example CNAME .
data.example A 192.0.2.1
  A 192.0.2.2
  AAAA 2001:db8::1
  TXT "say \\"hi\\"" again
  MX 10 mail
walled.example CNAME garden.test.
near.example CNAME garden
b.example.rpz.test. CNAME .
$ORIGIN sub.rpz.test.
c CNAME .
other.test. CNAME .
"""


def test_a_whole_zone() -> None:
    items = read(ZONE)
    records = (
        Record(1, "192.0.2.1"),
        Record(1, "192.0.2.2"),
        Record(28, "2001:db8::1"),
        Record(16, '"say \\"hi\\"" "again"'),
        Record(15, "10 mail.rpz.test"),
    )
    assert [item for item in items if isinstance(item, Rule)] == [
        rule("a.example", EXACT, Action.NXDOMAIN),
        rule("walled.example", EXACT, Action.REWRITE, Rewrite(cname="garden.test")),
        rule("near.example", EXACT, Action.REWRITE, Rewrite(cname="garden.rpz.test")),
        rule("b.example", EXACT, Action.NXDOMAIN),
        rule("c.sub", EXACT, Action.NXDOMAIN),
        rule("data.example", EXACT, Action.REWRITE, Rewrite(records=records)),
    ]
    (refusal,) = (item for item in items if isinstance(item, Refusal))
    assert (refusal.line, refusal.code) == (18, "bad-name")
    data = items[-1]
    assert isinstance(data, Rule)
    assert (data.line, data.text) == (8, "data.example A 192.0.2.1")


def test_local_data_of_two_owners_is_two_rules() -> None:
    items = read("a.example A 192.0.2.1\nb.example A 192.0.2.2\nb.example A 192.0.2.3\n")
    assert items == [
        rule("a.example", EXACT, Action.REWRITE, Rewrite(records=(Record(1, "192.0.2.1"),))),
        rule(
            "b.example",
            EXACT,
            Action.REWRITE,
            Rewrite(records=(Record(1, "192.0.2.2"), Record(1, "192.0.2.3"))),
        ),
    ]


@pytest.mark.parametrize(
    ("owner", "network", "trigger"),
    [
        ("32.1.2.0.192.rpz-ip", "192.0.2.1/32", Trigger.ANSWER),
        ("24.0.2.0.192.rpz-client-ip", "192.0.2.0/24", Trigger.CLIENT),
        ("128.1.zz.db8.2001.rpz-ip", "2001:db8::1/128", Trigger.ANSWER),
        ("48.zz.1.db8.2001.RPZ-IP", "2001:db8:1::/48", Trigger.ANSWER),
        ("128.1.zz.rpz-ip", "::1/128", Trigger.ANSWER),
        ("64.0.0.0.0.2.1.db8.2001.rpz-client-ip", "2001:db8:1:2::/64", Trigger.CLIENT),
    ],
)
def test_addresses(owner: str, network: str, trigger: Trigger) -> None:
    assert read(f"{owner} CNAME .") == [Rule(NetworkPattern(network, trigger), Action.NXDOMAIN)]


V4 = st.builds(lambda bits, length: (bits, length), st.integers(0, 2**32 - 1), st.integers(8, 32))
V6 = st.builds(
    lambda bits, length: (bits, length), st.integers(0, 2**128 - 1), st.integers(16, 128)
)


@given(V4)
def test_every_ipv4_network_survives_its_encoding(value: tuple[int, int]) -> None:
    network = IPv4Network(value, strict=False)
    reverse = ".".join(reversed(str(network.network_address).split(".")))
    owner = f"{network.prefixlen}.{reverse}.rpz-ip"
    assert read(f"{owner} CNAME .")[0] == Rule(
        NetworkPattern(str(network), Trigger.ANSWER), Action.NXDOMAIN
    )


@given(V6, st.booleans())
def test_every_ipv6_network_survives_its_encoding(value: tuple[int, int], shortened: bool) -> None:
    network = IPv6Network(value, strict=False)
    text = str(network.network_address) if shortened else network.network_address.exploded
    groups = text.replace("::", ":zz:").strip(":").split(":")
    owner = f"{network.prefixlen}.{'.'.join(reversed(groups))}.rpz-ip"
    (item,) = read(f"{owner} CNAME .")
    assert isinstance(item, Rule)
    assert isinstance(item.pattern, NetworkPattern)
    assert ip_network(item.pattern.network) == network


@pytest.mark.parametrize(
    ("line", "code"),
    [
        ("8.0.0.0.10.rpz-nsip CNAME .", "unsupported-trigger"),
        ("ns.example.rpz-nsdname CNAME .", "unsupported-trigger"),
        ("33.1.2.0.192.rpz-ip CNAME .", "bad-address"),
        ("24.1.2.0.192.rpz-ip CNAME .", "bad-address"),
        ("rpz-ip CNAME .", "bad-address"),
        ("0.0.0.0.0.rpz-ip CNAME .", "too-wide"),
        ("*.com CNAME .", "too-wide"),
        ("* CNAME .", "too-wide"),
        ("a.example CNAME *.garden.test.", "unsupported-action"),
        ("a.example CNAME rpz-foo.", "unsupported-action"),
        ("a.example CNAME a. b.", "bad-record"),
        ("a.example CH CNAME .", "bad-record"),
        ("a.example A 2001:db8::1", "bad-record"),
        ("a.example LOC x", "bad-record"),
        ("a.example FOO x", "bad-record"),
        ("a.example", "bad-syntax"),
        ("  CNAME .", "bad-syntax"),
        ("a.example CNAME )", "bad-syntax"),
        ('a.example TXT "open', "bad-syntax"),
        ("a.example CNAME ( .", "bad-syntax"),
        ("$INCLUDE other.zone", "bad-syntax"),
        ("a.example. CNAME .", "bad-name"),
        ("@ CNAME .", "unsupported-trigger"),
    ],
)
def test_refusals(line: str, code: str) -> None:
    (item,) = read(line)
    assert isinstance(item, Refusal)
    assert item.code == code


def test_an_open_parenthesis_cannot_grow_without_bound() -> None:
    items = read("a.example TXT (\n" + "x " * 1000 + "\n" + ("y " * 1000 + "\n") * 40)
    assert "too-long" in {item.code for item in items if isinstance(item, Refusal)}


@pytest.mark.parametrize(
    "zone",
    [
        b"$ORIGIN a.test.\nb CNAME .\n",
        b"a.example (\nCNAME . )\n",
        b"a.example A 192.0.2.1\n  A 192.0.2.2\n",
        b"32.1.2.0.192.rpz-ip CNAME .\n",
    ],
)
def test_no_shapes_where_lines_depend_on_each_other(zone: bytes) -> None:
    assert Rpz().shapes(zone, Options()) == ()


def test_shapes_for_ordinary_zones() -> None:
    zone = b"$TTL 3600\n@ SOA ns. root. (\n 1 2 3\n 4 5 )\n  NS ns.\n;\n; (comment) $ORIGIN\na.example CNAME .\n"
    assert Rpz().shapes(zone, Options())


@pytest.mark.parametrize("data", ["A 192.0.2.9", "CNAME safe.example.", "TXT hello"])
def test_data_for_an_address_in_an_answer_is_refused(data: str) -> None:
    report = check(f"32.1.2.0.192.rpz-ip {data}\n".encode(), Rpz(), Options())
    assert [item.code for item in report.refused] == ["unsupported-action"]
    taken = check(f"32.1.2.0.192.rpz-client-ip {data}\n".encode(), Rpz(), Options())
    assert (taken.accepted, taken.refused) == (1, ())


def test_a_wildcard_leaves_the_target_of_its_own_rewrite_alone() -> None:
    reader = Rpz().reader(Options())
    (rule,) = reader.read(1, "*.example.com CNAME safe.example.com.")
    assert isinstance(rule, Rule)
    assert rule.condition == Condition(denyallow=frozenset({"safe.example.com"}))
