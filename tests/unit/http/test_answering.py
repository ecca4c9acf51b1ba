"""From a verdict to what the block page speaks of."""

import pytest

from filterd.http.answering import Answering, open_desk, page_facts
from filterd.http.page import facts as page
from filterd.http.page.asked import Asked
from filterd.http.page.desk import Asker
from filterd.http.page.facts import Reading
from filterd.http.page.pieces import GO_PATH
from filterd.http.words import Act, Reason, Verdict, Why
from filterd.model.verdict import Kind, Step
from tests.support.handed import CONFIG, NOW, PUPIL, STAFF, handed, ruling

SCHOOL = {"school": "Trường <Thử>", "hotline": "112", "words": "block-page"}
PAGE = CONFIG | {"http": CONFIG["http"] | {"page": SCHOOL}}


@pytest.fixture(scope="module")
def rules(tmp_path_factory):
    return handed(tmp_path_factory.mktemp("rules"), ruling(PAGE)).now


def verdict(why=Why.RULE, **reason):
    made = Reason(Kind.BLOCK, reason.pop("step", Step.AGE), "pupils", **reason) if reason else None
    return Verdict(Act.BLOCK, why, "www.bad.example", made)


def test_an_order_of_an_authority_is_told_with_its_numbers(rules):
    facts = page_facts(
        rules,
        verdict(step=Step.ORDER, list="order:mic/77", order="12/2026", mandatory=True),
        STAFF,
    )
    assert (facts.why, facts.authority, facts.order) == (page.Why.ORDER, "mic", "77")
    assert (facts.reference, facts.reading, facts.group) == ("12/2026", Reading.STAFF, "staff")


def test_a_category_comes_with_its_titles_and_whether_help_comes_first(rules):
    facts = page_facts(rules, verdict(category="self-harm", min_age=18), PUPIL)
    assert facts.category_names["vi"]
    assert (facts.care, facts.grave, facts.reading) == (True, False, Reading.PRIMARY)
    facts = page_facts(rules, verdict(category="child-abuse"), PUPIL)
    assert (facts.care, facts.grave, facts.shown_host) == (True, True, "")


@pytest.mark.parametrize(
    ("why", "expected"),
    [
        (Why.NAMELESS, page.Why.MISMATCH),
        (Why.PORT, page.Why.MISMATCH),
        (Why.BAD_NAME, page.Why.MALFORMED),
        (Why.NO_RULES, page.Why.UNREADY),
        (Why.ANSWER, page.Why.RULE),
    ],
)
def test_what_no_rule_decided_is_told_as_what_it_is(rules, why, expected):
    assert page_facts(rules, verdict(why), PUPIL).why is expected


def test_without_rules_or_a_client_that_can_be_read_there_is_a_page_for_the_youngest(rules):
    assert page_facts(None, verdict(Why.NO_RULES), PUPIL).reading is Reading.PRIMARY
    assert page_facts(rules, verdict(Why.NO_RULES), "nobody").reading is Reading.PRIMARY


def test_the_page_speaks_of_the_school_and_escapes_it(rules, tmp_path):
    key = tmp_path / "page.key"
    key.write_bytes(bytes(32))
    answering = Answering(open_desk(tmp_path, key, lambda n: n - 1))
    asked = Asked.of("GET", {"accept": "text/html"})
    asker = Asker(PUPIL, "www.bad.example", "/x?secret=1", tls=True)
    answer = answering.refuse(rules, verdict(step=Step.LOCAL_BLOCK), asked, asker, NOW)
    body = answer.body.decode()
    assert answer.status == 403
    assert "Trường &lt;Thử&gt;" in body
    assert "112" in body
    assert "secret" not in body
    assert answering.refuse(None, verdict(Why.NO_RULES), asked, asker, NOW).status == 503


def test_a_school_has_words_of_its_own(rules, tmp_path):
    (tmp_path / "key").write_bytes(bytes(32))
    words = tmp_path / "words"
    words.mkdir()
    (words / "vi.toml").write_text('[rule.primary]\ntitle = "Trang này trường chưa mở"\n')
    own = Answering(open_desk(tmp_path, tmp_path / "key", lambda _n: 0, words))
    said, asker = verdict(step=Step.LOCAL_BLOCK), Asker(PUPIL, "www.bad.example")
    shown = own.refuse(rules, said, Asked(accept="text/html"), asker, NOW).body.decode()
    assert "Trang này trường chưa mở" in shown


def test_a_key_that_is_too_short_is_no_key(tmp_path):
    key = tmp_path / "page.key"
    key.write_bytes(b"short")
    with pytest.raises(ValueError, match="shorter than 16"):
        open_desk(tmp_path, key, lambda n: 0)


def test_a_warning_names_the_authority_and_opens_for_who_goes_on(rules, tmp_path):
    (tmp_path / "key").write_bytes(bytes(32))
    answering = Answering(open_desk(tmp_path, tmp_path / "key", lambda _n: 0))
    said = verdict(Why.WARNING, step=Step.ORDER, list="order:mic/77", order="12/2026")
    facts = page_facts(rules, said, PUPIL)
    assert (facts.why, facts.authority) == (page.Why.WARNING, "mic")
    asker = Asker(PUPIL, "www.bad.example", "/a?b")
    shown = answering.refuse(rules, said, Asked(accept="text/html"), asker, NOW)
    assert shown.status == 403
    token = shown.body.decode().split(GO_PATH)[1].split('value="')[1]
    form = f"token={token.partition(chr(34))[0]}".encode()
    asked = Asked("POST", content_type="application/x-www-form-urlencoded")
    there = Asker(PUPIL, "www.bad.example", GO_PATH)
    went = answering.receive(rules, asked, there, form, NOW)
    assert (went.status, went.header("Location")) == (303, "/a?b")
    cookie = went.header("Set-Cookie").partition(";")[0]
    assert answering.may_go_on(asker, cookie, NOW + 60)
    assert not answering.may_go_on(Asker(STAFF, "www.bad.example"), cookie, NOW + 60)
    assert not answering.may_go_on(asker, cookie, NOW + 3600)


@pytest.mark.parametrize("why", [Why.CERTIFICATE, Why.UNREACHABLE, Why.SLOW])
def test_a_server_that_cannot_be_had_is_told_as_that(rules, why):
    assert page_facts(rules, verdict(why), PUPIL).why.value == why.value


def test_of_a_file_on_a_list_nothing_is_told_and_help_comes_first(rules):
    facts = page_facts(rules, verdict(Why.MEDIA), PUPIL)
    assert (facts.grave, facts.care, facts.shown_host) == (True, True, "")
    label = page_facts(rules, verdict(Why.LABEL, min_age=18, rule="label:rta"), PUPIL)
    assert (label.why, label.age) == (page.Why.LABEL, 18)
