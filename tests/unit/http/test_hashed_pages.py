"""Lists of hashed URLs in a worker: beside the index and ABP rules, and where those fail."""

from dataclasses import replace

import pytest

from filterd.app.handing_over import HandingOver
from filterd.app.request_deciding import open_requests
from filterd.core import HashedUrls
from filterd.http.page_rules import PagesFailed
from filterd.http.rules import Rules
from filterd.model.group import ListSpec
from filterd.model.verdict import Kind, Step
from filterd.policy.abp_rules import AbpRequest
from tests.support.handed import CONFIG, NOW, PUPIL, STAFF, counted, ruling
from tests.support.requests import hidden, loaded

SECRET = ListSpec("secret", "hashed-urls")
ORDER = replace(SECRET, name="order", mandatory=True)
GOOD = replace(SECRET, name="good", allow=True)
ADS = ListSpec("ads", "abp-url")
NAMES = ListSpec("names", "domains")
LISTS = {
    spec.name: {
        "format": spec.format,
        "path": "x",
        "mandatory": spec.mandatory,
        "action": "allow" if spec.allow else "block",
    }
    for spec in (SECRET, ORDER, GOOD, ADS, NAMES)
}
HASHED = (
    (SECRET, hidden("bad.test/games/", "good.example/x", "both.test/")),
    (ORDER, hidden("good.example/banned/")),
    (GOOD, hidden("named.test/free/", "ads.test/free/")),
)
RULES = "||ads.test^\n||both.test^\n@@||both.test/ok/\n||both.test/ok/\n"


def made(folder, *requests, number=1):
    lists = loaded(folder, *(requests or (*HASHED, (ADS, RULES))), names=((NAMES, "named.test\n"),))
    return ruling(CONFIG | {"lists": LISTS}, number, lists=lists)


@pytest.fixture
def rules(tmp_path):
    HandingOver(tmp_path).write(made(tmp_path))
    found = Rules(tmp_path / "http")
    assert found.look(), found.problem
    return found


def judged(rules, url, client=PUPIL):
    asked = AbpRequest(f"https://{url}", "https://page.test/", "script")
    return rules.now.judge_url(f"http://{url}", client, NOW, asked)


def test_an_entry_blocks_what_the_index_passes(rules):
    found = judged(rules, "www.bad.test:8443/games/1?x")
    assert (found.kind, found.step, found.list, found.line) == (Kind.BLOCK, Step.LIST, "secret", 0)
    assert f"{found.rule}\n" in HASHED[0][1]
    assert judged(rules, "bad.test/").kind is Kind.PASS


def test_a_list_of_exceptions_lifts_what_other_lists_block(rules):
    assert judged(rules, "named.test/x").list == "names"
    assert judged(rules, "named.test/free/x").kind is Kind.ALLOW
    assert judged(rules, "ads.test/x").list == "ads"
    assert judged(rules, "ads.test/free/x").list == "good"


def test_an_order_stands_before_the_schools_allow_and_a_list_behind_it(rules):
    for client in (PUPIL, STAFF):
        found = judged(rules, "good.example/banned/x", client)
        assert (found.kind, found.step, found.mandatory) == (Kind.BLOCK, Step.ORDER, True)
    assert judged(rules, "good.example/x").step is Step.LOCAL_ALLOW
    assert judged(rules, "bad.test/games/", STAFF).kind is Kind.PASS


def test_an_exception_in_abp_syntax_lifts_an_entrys_block(rules):
    assert judged(rules, "both.test/x").list == "secret"
    found = judged(rules, "both.test/ok/x")
    assert (found.kind, found.list) == (Kind.ALLOW, "ads")


@pytest.mark.parametrize(
    "url",
    ["bad.test/games/", "good.example/banned/", "named.test/free/", "ads.test/x", "both.test/ok/"],
)
def test_a_worker_and_explain_say_the_same(rules, tmp_path, url):
    ruled = made(tmp_path)
    decider, request = (
        open_requests(ruled),
        AbpRequest(f"https://{url}", "https://p.test/", "script"),
    )
    decision = ruled.snapshot.decide_url(url, NOW, client=PUPIL)
    verdict = decider.verdict(request, decision, ruled.classes, NOW)
    found = judged(rules, url)
    assert (verdict.kind, verdict.reason.list) == (found.kind, found.list)
    assert verdict.reason.rule == found.rule
    last = decider.found(request, decision, ruled.classes, NOW)
    assert decider.rules.classes[last.number] == last.rule_class
    first = len(ruled.classes)
    rows = decider.rows(request, decision.group, NOW, 1, first)
    assert (last.rank, first + last.number, last.rule) in [(row[0], row[1], row[3]) for row in rows]


class Broken:
    counts = ((),)

    def matches(self, *_words, **_named):
        raise RuntimeError("a panic")


def test_entries_are_asked_where_the_matcher_of_abp_rules_failed(rules):
    pages = rules.now.pages
    abp, standing = pages.rules.abp
    pages.rules = replace(pages.rules, abp=(replace(abp, abp=Broken()), standing))
    for _ in range(2):
        assert judged(rules, "bad.test/games/").list == "secret"
        assert judged(rules, "good.example/banned/").list == "order"
        # What no entry blocks, or one allows, an ABP rule could block.
        for url in ("bad.test/", "ads.test/free/"):
            with pytest.raises(PagesFailed) as failed:
                judged(rules, url)
            assert not failed.value.mandatory
    assert pages.failed


def test_a_file_is_opened_once_and_a_damaged_one_leaves_what_is_in_force(tmp_path, monkeypatch):
    opened = counted(monkeypatch, "filterd.http.page_rules.HashedUrls", HashedUrls)
    handing, rules = HandingOver(tmp_path), Rules(tmp_path / "http")
    handing.write(made(tmp_path, *HASHED))
    assert rules.look()
    handing.write(made(tmp_path, *HASHED, (ADS, RULES), number=2))
    assert rules.look()
    assert len(opened) == 1
    after = made(tmp_path, (SECRET, hidden("later.test/")), number=3)
    path = after.inputs.lists.requests["hashed"]
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)
    handing.write(after)
    assert not rules.look()
    assert rules.problem
    assert judged(rules, "bad.test/games/").list == "secret"
    assert judged(rules, "ads.test/x").list == "ads"
