"""The core against the oracle: one list, many questions, the same outcome."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from filterd.core import IndexBuilder, Snapshot
from filterd.formats.base import Item, Options
from filterd.formats.registry import by_name
from filterd.formats.scan import scan
from filterd.model.group import Group, ListSpec
from tests.oracle.matcher import Outcome, Question, decide, decide_zones
from tests.support.policy_world import NOW, World

# Few names, so that several rules speak about one.
NAMES = st.sampled_from(["a.test", "b.a.test", "w.b.a.test", "ads.test", "ad-x.ads.test"])
PATTERNS = st.one_of(
    NAMES.map(lambda name: f"||{name}^"),
    NAMES.map(lambda name: f"|{name}^"),
    NAMES.map(lambda name: f"||*.{name}^"),
    st.sampled_from(["/ads/", "/^a[ds]/", "ads*b", "||ad-", "|b.", "*", "-x.test^"]),
)
MODIFIERS = st.lists(
    st.sampled_from(
        [
            "important", "important", "important", "badfilter", "dnstype=A", "dnstype=~A", "dnstype=AAAA|TXT", "client=tv", "client=~tv", "ctag=kid",
            "client=192.0.2.0/28", "client=~192.0.2.5|192.0.2.0/24", "ctag=~kid|old", "denyallow=a.test|b.ads.test",
            "dnsrewrite=192.0.2.80", "dnsrewrite=2001:db8::80", "dnsrewrite=c.test", "dnsrewrite=REFUSED", "dnsrewrite",
        ]
    ),
    max_size=2,
)  # fmt: skip
RULES = st.one_of(
    st.builds(
        lambda exception, pattern, modifiers: (
            exception + pattern + ("$" + ",".join(modifiers) if modifiers else "")
        ),
        st.sampled_from(["", "", "@@"]),
        PATTERNS,
        MODIFIERS,
    ),
    NAMES,
    NAMES.map(lambda name: f"192.0.2.99 {name}"),
    NAMES.map(lambda name: f"0.0.0.0 {name}"),
)
ZONE_LINES = st.builds(
    lambda star, name, target: f"{star}{name} {target}",
    st.sampled_from(["", "*."]),
    NAMES,
    st.sampled_from(
        [
            "CNAME .",
            "CNAME *.",
            "CNAME rpz-passthru.",
            "CNAME rpz-drop.",
            "A 192.0.2.80",
            "AAAA 2001:db8::80",
            "CNAME c.test.",
        ]
    ),
)
CLIENT_LINES = st.sampled_from(
    ["32.5.2.0.192.rpz-client-ip CNAME rpz-passthru.", "28.0.2.0.192.rpz-client-ip CNAME ."]
)
QUESTIONS = st.builds(
    Question,
    NAMES,
    st.sampled_from([1, 28, 16]),
    st.sampled_from([None, "192.0.2.5", "192.0.2.77", "2001:db8::5"]),
    st.sampled_from([None, "tv", "pc"]),
    st.sampled_from([frozenset(), frozenset({"kid"}), frozenset({"old", "kid"})]),
)  # fmt: skip


def items(lines: list[str], format_name: str) -> list[Item]:
    data = "\n".join(lines).encode()
    return [item for _, _, found in scan(data, by_name(format_name), Options()) for item in found]


def core_of(format_name: str, *lists: list[str]) -> Snapshot:
    form = by_name(format_name)
    specs = {
        ListSpec(f"list{number}", format_name): "\n".join(lines)
        for number, lines in enumerate(lists)
    }
    world = World(
        groups=(Group("g", 18, safe_search=False, bypass_protection=False),),
        lists=specs,
        formats={spec.name: form for spec in specs},
    )
    builders = world.build(IndexBuilder)
    return Snapshot([builder.finish("{}") for builder in builders], world.plan, 1)


def assert_agrees(core: Snapshot, question: Question, expected: Outcome) -> None:
    decision = core.decide(
        question.name,
        question.qtype,
        float(NOW),
        client=question.client,
        group="g",
        client_name=question.client_name,
        client_tags=sorted(question.tags),
    )
    assert decision.kind == expected.kind
    if expected.rule is not None:
        assert decision.action == expected.rule.action
    if expected.rewrite is not None:
        records = sorted((record.rtype, record.rdata) for record in expected.rewrite.records)
        assert decision.cname == expected.rewrite.cname
        assert decision.rcode == expected.rewrite.rcode
        assert sorted(decision.answers) == records


@settings(max_examples=250, deadline=None)
@given(lines=st.lists(RULES, max_size=8), questions=st.lists(QUESTIONS, min_size=1, max_size=6))
def test_adblock_rules(lines: list[str], questions: list[Question]) -> None:
    core = core_of("adblock", lines)
    for question in questions:
        assert_agrees(core, question, decide(items(lines, "adblock"), question))


@settings(max_examples=150, deadline=None)
@given(
    zones=st.lists(st.lists(st.one_of(ZONE_LINES, CLIENT_LINES), max_size=6, unique_by=lambda line: line.split()[0]), max_size=3),
    questions=st.lists(QUESTIONS, min_size=1, max_size=6),
)  # fmt: skip
def test_zones_in_order(zones: list[list[str]], questions: list[Question]) -> None:
    core = core_of("rpz", *zones)
    for question in questions:
        assert_agrees(
            core, question, decide_zones([items(zone, "rpz") for zone in zones], question)
        )


@pytest.mark.parametrize(
    ("format_name", "line"), [("hosts", "0.0.0.0 ads.test"), ("domains", "ads.test")]
)
def test_exact_lists_leave_subdomains_alone(format_name: str, line: str) -> None:
    core = core_of(format_name, [line])
    assert_agrees(
        core, Question("ads.test"), decide(items([line], format_name), Question("ads.test"))
    )
    assert_agrees(core, Question("w.ads.test"), Outcome("pass"))


def test_in_lists_of_dnsmasq_the_longest_name_decides() -> None:
    first = ["local=/a.test/", "server=/open.a.test/#", "address=/page.a.test/192.0.2.80"]
    second = ["local=/shut.open.a.test/", "server=/b.test/#", "local=/ads.b.test/"]
    core = core_of("dnsmasq", first, second)
    expected = {
        "w.a.test": "block",
        "w.open.a.test": "allow",
        "w.shut.open.a.test": "block",
        "w.page.a.test": "rewrite",
        "w.b.test": "allow",
        "w.ads.b.test": "block",
        "c.test": "pass",
    }
    found = {name: core.decide(name, 1, float(NOW), group="g").kind for name in expected}
    assert found == expected
