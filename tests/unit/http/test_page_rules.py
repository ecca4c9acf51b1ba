"""Rules about requests beside the index in a worker: who has the last word, and what fails."""

import json
from dataclasses import replace

import pytest

from filterd.app.handing_over import HandingOver
from filterd.core import Abp
from filterd.http.gate import Gate, GateSettings
from filterd.http.never import Learned
from filterd.http.page_rules import PagesFailed
from filterd.http.rules import REOPEN_LOOKS, Rules
from filterd.http.words import Act, Request, Why
from filterd.model.group import ListSpec
from filterd.model.verdict import Kind, Step
from filterd.policy.abp_rules import AbpRequest
from tests.support.handed import CONFIG, NOW, PUPIL, STAFF, counted, ruling
from tests.support.requests import loaded

ADS = ListSpec("ads", "abp-url")
ORDER = replace(ADS, name="order", mandatory=True)
GOOD = replace(ADS, name="good", allow=True)
NAMES = ListSpec("names", "domains")
RULES = (
    "||ads.test^$script,third-party\n@@||named.test/free/\n||named.test/free/\n||good.example^\n"
)
LISTS = {spec.name: {"format": spec.format, "path": "x"} for spec in (ADS, ORDER, GOOD, NAMES)}
LISTS["order"]["mandatory"] = True
LISTS["good"] = {"format": "abp-url", "path": "x", "action": "allow"}


def made(folder, ads=RULES, number=1):
    lists = loaded(
        folder,
        (ADS, ads),
        (ORDER, "||ordered.test/banned/\n"),
        (GOOD, "||ads.test/fine.js\n"),
        names=((NAMES, "named.test\n"),),
    )
    return ruling(CONFIG | {"lists": LISTS}, number, lists=lists)


@pytest.fixture
def rules(tmp_path):
    HandingOver(tmp_path).write(made(tmp_path))
    found = Rules(tmp_path / "http")
    assert found.look(), found.problem
    return found


def judged(rules, url, kind="script", client=PUPIL):
    host = url.partition("://")[2]
    asked = AbpRequest(url, None if kind == "document" else "https://page.test/", kind)
    return rules.now.judge_url(f"http://{host}", client, NOW, asked)


def test_a_rule_blocks_what_the_index_passes(rules):
    found = judged(rules, "https://ads.test/x.js")
    assert (found.kind, found.step, found.list, found.line) == (Kind.BLOCK, Step.LIST, "ads", 1)
    assert found.rule == "||ads.test^$script,third-party"
    assert found.group == "pupils"
    assert judged(rules, "https://ads.test/x.js", "document").kind is Kind.PASS
    assert judged(rules, "https://ads.test/fine.js").list == "good"


def test_an_exception_lifts_what_the_index_blocks(rules):
    assert judged(rules, "https://named.test/x.js").list == "names"
    assert judged(rules, "https://named.test/free/x.js").kind is Kind.ALLOW


def test_what_stands_before_lists_is_not_touched(rules):
    found = judged(rules, "https://good.example/x.js")
    assert (found.kind, found.step) == (Kind.ALLOW, Step.LOCAL_ALLOW)


def test_an_order_holds_for_those_who_are_not_filtered(rules):
    for client in (PUPIL, STAFF):
        found = judged(rules, "https://ordered.test/banned/x", client=client)
        assert (found.kind, found.step, found.mandatory) == (Kind.BLOCK, Step.ORDER, True)
    assert judged(rules, "https://ads.test/x.js", client=STAFF).kind is Kind.PASS


def test_without_what_is_known_of_a_request_they_are_not_asked(rules):
    assert rules.now.judge_url("http://ads.test/x.js", PUPIL, NOW).kind is Kind.PASS


def test_a_new_hand_over_with_the_same_file_opens_it_once(tmp_path, monkeypatch):
    opened = counted(monkeypatch, "filterd.http.page_rules.Abp", Abp)
    handing, first = HandingOver(tmp_path), made(tmp_path)
    handing.write(first)
    rules = Rules(tmp_path / "http")
    assert rules.look()
    handing.write(made(tmp_path, number=2))
    assert rules.look()
    assert len(opened) == 1
    handing.write(made(tmp_path, "||later.test^\n", number=3))
    assert rules.look()
    assert len(opened) == 2
    assert judged(rules, "https://later.test/").kind is Kind.BLOCK


def test_a_damaged_file_leaves_what_is_in_force(rules, tmp_path):
    after = made(tmp_path, "||later.test^\n", number=2)
    data = bytearray(after.inputs.lists.requests["abp"].read_bytes())
    data[len(data) // 2] ^= 1
    after.inputs.lists.requests["abp"].write_bytes(data)
    HandingOver(tmp_path).write(after)
    assert not rules.look()
    assert rules.problem
    assert judged(rules, "https://ads.test/x.js").list == "ads"


def test_a_file_of_other_lists_is_not_used(rules, tmp_path):
    path = tmp_path / "http/ruling.json"
    said = json.loads(path.read_text())
    said["requests"]["abp"]["lists"].pop()
    for row in said["requests"]["abp"]["standing"]["rows"]:
        del row[-3:]
    path.write_text(json.dumps(said))
    assert not rules.look()
    assert "not of the lists" in rules.problem


class Broken:
    counts = [()] * 3

    def __init__(self):
        self.asked = 0

    def matches(self, *_words, **_named):
        self.asked += 1
        raise RuntimeError("a panic")


def request(host, path="/x.js"):
    return Request(PUPIL, "https", host, 443, path, "GET", kind="script", source="https://p.test/")


def test_a_matcher_that_failed_is_not_asked_again_and_nothing_passes_by_it(rules):
    pages, broken = rules.now.pages, Broken()
    abp, standing = pages.rules.abp
    pages.rules = replace(pages.rules, abp=(replace(abp, abp=broken), standing))
    for _ in range(2):
        with pytest.raises(PagesFailed):
            judged(rules, "https://ads.test/x.js")
    assert broken.asked == 1
    # What is known without them is told.
    assert judged(rules, "https://named.test/x").list == "names"
    assert judged(rules, "https://gov.vn/x").step is Step.MUST_NOT_BLOCK
    gate = Gate(GateSettings(), Learned(), inspecting=False)
    verdict = gate.request(rules.now, request("ads.test"), NOW)
    assert (verdict.act, verdict.why) == (Act.BLOCK, Why.NO_RULES)


def test_after_a_while_it_is_opened_anew(rules):
    rules.now.pages.failed = True
    assert not any(rules.look() for _ in range(REOPEN_LOOKS - 2))
    assert rules.look()
    assert judged(rules, "https://ads.test/x.js").list == "ads"
    assert not any(rules.look() for _ in range(2 * REOPEN_LOOKS))


@pytest.mark.parametrize(
    ("changes", "blocked"),
    [
        ({}, True),
        ({"source": "https://www.ads.test/"}, False),
        ({"kind": "image"}, False),
        ({"port": 80, "scheme": "http"}, True),
        ({"host": "192.0.2.1", "claimed": "ads.test"}, True),
        ({"path": "*", "method": "OPTIONS"}, True),
    ],
)
def test_the_gate_says_what_is_asked_for(rules, changes, blocked):
    gate = Gate(GateSettings(), Learned(), inspecting=False)
    verdict = gate.request(rules.now, replace(request("ads.test"), **changes), NOW)
    assert (verdict.act is Act.BLOCK) is blocked
