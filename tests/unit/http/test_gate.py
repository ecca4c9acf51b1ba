"""Facts in, verdict out: every act and why, over rules that were really handed over."""

import ipaddress

import pytest

from filterd.http.failing import Failing
from filterd.http.gate import Gate, GateSettings, may_go_by_address
from filterd.http.never import Learned
from filterd.http.words import Act, Hello, Request, Why
from filterd.model.verdict import Step
from tests.support.handed import CHOSEN, CONFIG, NOW, PUPIL, READ, STAFF, TOLD, handed, ruling

CHOOSING = CONFIG | {
    "groups": CONFIG["groups"] | {"adults": {"age": 18, "networks": [f"{CHOSEN}/32"]}},
    "http": CONFIG["http"] | {"inspect": {"categories": ["social"]}},
}
DST = "198.51.100.7"


@pytest.fixture(scope="module")
def rules(tmp_path_factory):
    return handed(tmp_path_factory.mktemp("rules")).now


def gate(*, inspecting=True, learned=None, **settings):
    return Gate(GateSettings(**settings), learned or Learned(), inspecting=inspecting)


def hello(rules, sni, *, client=PUPIL, address=DST, tunnel=None, a_gate=None):
    address = None if tunnel is not None else address
    facts = Hello(client, address, 443, sni, tunnel=tunnel)
    return (a_gate or gate()).hello(rules, facts, NOW, 0.0)


def request(rules, host, claimed=None, *, client=PUPIL, port=80, sni=None, tunnel=None):
    facts = Request(client, "http", host, port, "/p?q", "GET", claimed, sni, tunnel)
    return gate().request(rules, facts, NOW)


def shown(verdict):
    return verdict.act, verdict.why, verdict.dial


def test_an_allowed_name_is_spliced_to_an_address_of_its_own(rules):
    assert shown(hello(rules, "www.good.example")) == (Act.SPLICE, Why.RULE, "www.good.example")


def test_a_blocked_name_is_reset_with_its_rule(rules):
    verdict = hello(rules, "www.bad.example")
    assert shown(verdict) == (Act.RESET, Why.RULE, None)
    assert (verdict.reason.step, verdict.reason.rule) == (Step.LOCAL_BLOCK, "bad.example")


@pytest.mark.parametrize(
    ("tunnel", "sni"),
    [("good.example", "bad.example"), ("bad.example", "good.example"), ("bad.example", None)],
)
def test_of_connect_and_sni_the_stricter_wins(rules, tunnel, sni):
    assert hello(rules, sni, tunnel=tunnel).act is Act.RESET


def test_a_tunnel_to_one_name_for_another_goes_to_the_one_that_was_asked_for(rules):
    verdict = hello(rules, "good.example", tunnel="other.example")
    assert shown(verdict) == (Act.SPLICE, Why.RULE, "other.example")


def test_a_tunnel_to_an_address_goes_to_the_name_inside(rules):
    assert hello(rules, "good.example", tunnel="192.0.2.99").dial == "good.example"


@pytest.mark.parametrize("sni", [None, "192.0.2.99", "0x7f.1", "a..b"])
def test_no_name_is_no_way_in(rules, sni):
    assert hello(rules, sni).act is Act.RESET


def test_no_name_passes_where_the_school_says_so_and_for_who_is_not_filtered(rules):
    allowing = gate(nameless=(ipaddress.ip_network("198.51.100.0/24"),))
    assert shown(hello(rules, None, a_gate=allowing)) == (Act.SPLICE, Why.NAMELESS, None)
    assert hello(rules, None, address="203.0.113.1", a_gate=allowing).act is Act.RESET
    assert shown(hello(rules, None, client=STAFF)) == (Act.SPLICE, Why.NAMELESS, None)


def test_only_a_group_that_asks_for_it_is_decrypted(rules):
    assert hello(rules, "other.example", client=READ).act is Act.INSPECT
    assert hello(rules, "other.example", client=PUPIL).act is Act.SPLICE
    assert (
        hello(rules, "other.example", client=READ, a_gate=gate(inspecting=False)).act is Act.SPLICE
    )


def test_a_category_asks_for_every_group(tmp_path):
    rules = handed(tmp_path, ruling(CHOOSING)).now
    assert hello(rules, "www.facebook.com", client=CHOSEN).act is Act.INSPECT
    assert hello(rules, "other.example", client=CHOSEN).act is Act.SPLICE


def test_what_is_never_decrypted_is_not(rules):
    for name in ("www.clinic.example", "dichvucong.gov.vn"):
        assert shown(hello(rules, name, client=READ)) == (Act.SPLICE, Why.NEVER, name)


def test_a_name_that_is_never_decrypted_does_not_shield_another(rules):
    verdict = hello(rules, "clinic.example", client=READ, tunnel="other.example")
    assert verdict.act is Act.INSPECT
    verdict = hello(rules, "other.example", client=READ, tunnel="clinic.example")
    assert verdict.act is Act.INSPECT


def test_who_refused_our_certificate_is_spliced_for_that_name(rules):
    learned = Learned()
    learned.learn(READ, "app.example", 0.0)
    knowing = gate(learned=learned)
    assert shown(hello(rules, "app.example", client=READ, a_gate=knowing))[:2] == (
        Act.SPLICE, Why.LEARNED,
    )  # fmt: skip
    assert hello(rules, "web.example", client=READ, a_gate=knowing).act is Act.INSPECT


def test_a_block_is_decrypted_to_be_explained_only_where_asked_for(rules):
    assert hello(rules, "bad.example", client=TOLD).act is Act.INSPECT
    assert hello(rules, "bad.example", client=READ).act is Act.RESET
    assert hello(rules, "other.example", client=TOLD).act is Act.SPLICE


def test_a_block_of_what_is_never_decrypted_is_a_reset(tmp_path):
    rules = handed(tmp_path, ruling(CONFIG | {"block": ["clinic.example"]})).now
    assert hello(rules, "clinic.example", client=TOLD).act is Act.RESET


def test_connect_is_decided_by_host_and_port(rules):
    def connect(host, port=443, client=PUPIL):
        facts = Hello(client, None, port, None, tunnel=host)
        verdict = gate().tunnel(rules, facts, NOW)
        return verdict.act, verdict.why

    assert connect("good.example") == (Act.PASS, Why.RULE)
    assert connect("bad.example") == (Act.BLOCK, Why.RULE)
    assert connect("bad.example", client=TOLD) == (Act.PASS, Why.RULE)  # the hello decides
    assert connect("good.example", 22) == (Act.BLOCK, Why.PORT)
    assert connect("192.0.2.99") == (Act.BLOCK, Why.NAMELESS)
    assert connect("a b") == (Act.BLOCK, Why.BAD_NAME)


@pytest.mark.parametrize(
    ("facts", "act"),
    [
        ({"host": "good.example", "claimed": "good.example"}, Act.PASS),
        ({"host": "good.example", "claimed": "bad.example"}, Act.BLOCK),
        ({"host": "bad.example", "claimed": "good.example"}, Act.BLOCK),
        ({"host": "198.51.100.7", "claimed": "good.example"}, Act.PASS),
        ({"host": "198.51.100.7", "claimed": "bad.example:80"}, Act.BLOCK),
        ({"host": "198.51.100.7", "claimed": "198.51.100.7"}, Act.BLOCK),
        ({"host": "198.51.100.7"}, Act.BLOCK),
        ({"host": "0xc6.0x33.100.7"}, Act.BLOCK),
        ({"host": "good.example", "claimed": "good.example", "sni": "bad.example"}, Act.BLOCK),
        ({"host": "good.example", "claimed": "good.example", "tunnel": "bad.example"}, Act.BLOCK),
        ({"host": "good.example", "claimed": "a\x00b"}, Act.BLOCK),
        ({"host": "good.example", "claimed": "good.example", "port": 25}, Act.BLOCK),
    ],
)
def test_of_all_names_of_a_request_the_stricter_wins(rules, facts, act):
    assert request(rules, **facts).act is act


def test_without_rules_only_what_schools_learn_with_passes():
    closed = gate(failing=Failing(frozenset({"school.example"})))
    opened = gate(failing=Failing(inappropriate=True))

    def act(a_gate, sni):
        verdict = a_gate.hello(None, Hello(PUPIL, DST, 443, sni), NOW, 0.0)
        return verdict.act, verdict.why

    assert act(closed, "www.school.example") == (Act.SPLICE, Why.NO_RULES)
    assert act(closed, "other.example") == (Act.RESET, Why.NO_RULES)
    # What is illegal may be among it.
    assert act(opened, "other.example") == (Act.RESET, Why.NO_RULES)
    assert act(opened, None) == (Act.RESET, Why.NAMELESS)


def test_a_client_that_the_core_cannot_read_is_not_let_through(rules):
    assert hello(rules, "good.example", client="nobody").act is Act.RESET


def test_what_has_no_name_to_dial_goes_nowhere_unless_an_address_was_allowed(rules):
    explained = hello(rules, "bad.example", client=TOLD)
    opened = gate().tunnel(rules, Hello(TOLD, None, 443, None, tunnel="bad.example"), NOW)
    assert (explained.act, opened.act) == (Act.INSPECT, Act.PASS)
    for verdict in (explained, opened, hello(rules, "bad.example"), hello(rules, None)):
        assert verdict.dial is None
        assert not may_go_by_address(verdict)
    assert may_go_by_address(hello(rules, None, client=STAFF))


def test_a_url_without_one_spelling_is_refused(rules):
    def act(path):
        facts = Request(PUPIL, "http", "good.example", 80, path, "GET", "good.example")
        verdict = gate().request(rules, facts, NOW)
        return verdict.act, verdict.why

    assert act("/a?b") == (Act.PASS, Why.RULE)
    assert act("*") == (Act.PASS, Why.RULE)
    assert act("/" + "x" * 70_000) == (Act.BLOCK, Why.BAD_URL)
