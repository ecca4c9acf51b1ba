"""The desk: what a reader may do, and what comes of the forms, honest and forged."""

import fcntl
import urllib.parse
from dataclasses import replace

import pytest

from filterd.http.page import going
from filterd.http.page.asked import Asked
from filterd.http.page.cases import BOX, LOCK, Box
from filterd.http.page.desk import FORM, Asker, Desk, is_ours
from filterd.http.page.facts import Reading, Why
from filterd.http.page.limits import CLIENTS, Pace
from filterd.http.page.signed import Signer
from filterd.model.case import from_line
from tests.support.pages import BROWSER, SCHOOL, WORDS, Reader, facts

NOW = 1_790_000_123.5
CLIENT = "192.0.2.7"
POST = Asked(method="POST", accept="text/html", language="vi", content_type=FORM)
CASE = "/.well-known/filterd/case"
GO = "/.well-known/filterd/continue"


@pytest.fixture
def desk(tmp_path):
    numbers = iter(range(10_000))
    return Desk(Signer(bytes(32)), WORDS, SCHOOL, Box(tmp_path), lambda n: next(numbers) * 7 % n)


def asker(path="/", host="shop.example", client=CLIENT, **more):
    return Asker(client, host, path, **more)


def tokens(desk, given, who=None, now=NOW):
    body = desk.refuse(given, BROWSER, who or asker("/a/b?c=d"), now).body
    read = Reader(body)
    return list(dict.fromkeys(v for v in read.values("input", "value") if v and "." in v))


def post(desk, path=CASE, who=None, now=NOW, asked=POST, **fields):
    body = urllib.parse.urlencode(fields).encode()
    return desk.receive(asked, who or asker(path), body, now)


def kept(tmp_path):
    box = tmp_path / BOX
    return [from_line(each) for each in box.read_bytes().splitlines()] if box.exists() else []


@pytest.mark.parametrize("reading", Reading)
def test_an_appeal_opens_a_case(desk, tmp_path, reading):
    (token,) = tokens(desk, facts(Why.LIST, reading, host="shop.example"))
    given = post(desk, token=token, reason="mistake")
    assert given.status == 200
    (case,) = kept(tmp_path)
    assert case.reference in Reader(given.body).text
    assert (case.host, case.why, case.reason, case.group) == (
        "shop.example",
        "list",
        "mistake",
        "grades-6-7",
    )
    assert case.hour % 3600 == 0
    content = (tmp_path / BOX).read_text()
    assert CLIENT not in content
    assert "/a/b" not in content
    assert "c=d" not in content


def test_the_reference_is_on_the_page_and_differs_each_time(desk):
    first, second = (
        Reader(desk.refuse(facts(Why.LIST, Reading.STAFF), BROWSER, asker(), NOW).body).text
        for _ in range(2)
    )
    assert first != second


def test_the_gravest_category_leaves_no_host_in_page_token_or_case(desk, tmp_path):
    given = facts(Why.ORDER, host="never.example", rule="||never.example^", grave=True, care=True)
    (token,) = tokens(desk, given)
    post(desk, token=token, reason="mistake")
    (case,) = kept(tmp_path)
    assert (case.host, case.rule, case.order) == ("", "", "2026-11-0042")
    assert "never" not in (tmp_path / BOX).read_text()


def test_a_rule_that_speaks_of_a_client_is_left_out(desk, tmp_path):
    (token,) = tokens(desk, facts(Why.RULE, rule="||a.example^$client=192.0.2.7"))
    post(desk, token=token, reason="lesson")
    assert [each.rule for each in kept(tmp_path)] == [""]


def test_the_youngest_write_nothing_even_if_they_send_it(desk, tmp_path):
    (token,) = tokens(desk, facts(Why.LIST, Reading.PRIMARY))
    assert post(desk, token=token, reason="lesson", note="I am Nam, 4A").status == 400
    assert kept(tmp_path) == []


def test_a_note_is_cleaned_and_bounded(desk, tmp_path):
    (token,) = tokens(desk, facts(Why.LIST))
    assert post(desk, token=token, reason="help", note="a\r\nb\0\u202e" + "x" * 999).status == 200
    (case,) = kept(tmp_path)
    assert case.note.startswith("a bx")
    assert len(case.note) == 200


@pytest.mark.parametrize(
    ("why", "fields", "status", "outcome"),
    [
        ("no token", {"reason": "lesson"}, 403, "forged"),
        ("a made-up one", {"token": "x.y", "reason": "lesson"}, 403, "forged"),
        ("no reason", {"token": "T"}, 400, "odd"),
        ("another reason", {"token": "T", "reason": "<script>"}, 400, "odd"),
        ("staff's reason", {"token": "T", "reason": "ours"}, 400, "odd"),
    ],
)
def test_what_does_not_fit_is_refused_and_says_why(desk, tmp_path, why, fields, status, outcome):
    (token,) = tokens(desk, facts(Why.LIST))
    given = post(desk, **{k: token if v == "T" else v for k, v in fields.items()})
    assert given.status == status, why
    assert WORDS.languages["vi"].desk[outcome].title in Reader(given.body).text
    assert b"script" not in given.body
    assert kept(tmp_path) == []


def test_a_token_is_for_its_client_its_purpose_and_an_hour(desk, tmp_path):
    case, go = sorted(tokens(desk, facts(Why.WARNING)), key=len, reverse=True)
    assert post(desk, token=go, reason="lesson").status == 403
    assert post(desk, GO, token=case).status == 403
    assert post(desk, who=asker(CASE, client="192.0.2.8"), token=case, reason="help").status == 403
    assert post(desk, now=NOW + 3601, token=case, reason="lesson").status == 410
    assert kept(tmp_path) == []
    assert post(desk, now=NOW + 3500, token=case, reason="lesson").status == 200


def test_what_is_no_form_is_refused(desk):
    who = asker(CASE)
    json = replace(POST, content_type="application/json")
    assert desk.receive(json, who, b"{}", NOW).status == 400
    assert desk.receive(POST, who, b"token=a&token=b&reason=lesson", NOW).status == 400
    assert desk.receive(POST, who, b"\xff\xfe", NOW).status == 400
    assert desk.receive(POST, who, b"token=%ff", NOW).status == 400
    assert desk.receive(POST, who, b"a=1&" * 99, NOW).status == 400
    assert desk.receive(POST, who, b"token=" + b"x" * 9000, NOW).status == 413
    given = desk.receive(BROWSER, who, b"", NOW)
    assert (given.status, given.header("Allow")) == (405, "POST")
    assert desk.receive(POST, asker("/.well-known/filterd/x"), b"", NOW).status == 404


def test_a_client_that_asks_too_often_waits(desk, tmp_path):
    (token,) = tokens(desk, facts(Why.LIST))
    said = [post(desk, token=token, reason="lesson") for _ in range(6)]
    assert [each.status for each in said] == [200] * 5 + [429]
    assert said[-1].header("Retry-After") == "3600"
    assert len(kept(tmp_path)) == 5
    (other,) = tokens(desk, facts(Why.LIST), asker(client="192.0.2.9"))
    assert post(desk, who=asker(CASE, client="192.0.2.9"), token=other, reason="told").status == 200


def test_the_pace_holds_for_all_and_forgets_with_the_hour():
    pace = Pace(each=2, all=3)
    assert [pace.take(bytes([n]), 7200.0) for n in range(5)] == [True] * 3 + [False] * 2
    assert pace.take(b"a", 7200.0 + 3600)
    for n in range(2 * CLIENTS):
        pace.take(n.to_bytes(4, "big"), 20_000.0)
    assert len(pace._seen) == CLIENTS


def test_a_full_box_and_a_broken_one_are_said(desk, tmp_path):
    (token,) = tokens(desk, facts(Why.LIST))
    full = replace(desk, box=Box(tmp_path, most=10))
    assert post(full, token=token, reason="lesson").status == 503
    gone = replace(desk, box=Box(tmp_path / "gone"))
    assert post(gone, token=token, reason="lesson").status == 503
    assert kept(tmp_path) == []


def test_a_lock_that_nobody_gives_back_does_not_hold_the_worker(desk, tmp_path):
    pauses = []
    (token,) = tokens(desk, facts(Why.LIST))
    waiting = replace(desk, box=Box(tmp_path, wait=pauses.append))
    with (tmp_path / LOCK).open("ab") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        assert post(waiting, token=token, reason="lesson").status == 503
    assert sum(pauses) < 0.1
    assert post(waiting, token=token, reason="lesson").status == 200


def test_the_box_is_no_link_to_somewhere_else(desk, tmp_path):
    (tmp_path / BOX).symlink_to(tmp_path / "elsewhere")
    (token,) = tokens(desk, facts(Why.LIST))
    assert post(desk, token=token, reason="lesson").status == 503
    assert not (tmp_path / "elsewhere").exists()


def test_who_goes_on_gets_a_cookie_for_this_host_and_client_and_a_while(desk):
    _, go = sorted(tokens(desk, facts(Why.WARNING)), key=len, reverse=True)
    given = post(desk, GO, token=go)
    assert (given.status, given.header("Location")) == (303, "/a/b?c=d")
    cookie = given.header("Set-Cookie")
    for wanted in ("HttpOnly", "SameSite=Lax", "Secure", "Path=/", "Max-Age=1800"):
        assert wanted in cookie
    header = "theirs=1; " + cookie.partition(";")[0]
    assert desk.may_go_on(asker(), header, NOW + 1799)
    assert not desk.may_go_on(asker(), header, NOW + 1801)
    assert not desk.may_go_on(asker(host="other.example"), header, NOW)
    assert not desk.may_go_on(asker(client="192.0.2.8"), header, NOW)
    assert not desk.may_go_on(asker(), "theirs=1", NOW)
    assert going.without_ours(header) == "theirs=1"
    assert going.without_ours("a=1; b=2") == "a=1; b=2"
    assert going.without_ours(cookie.partition(";")[0]) == ""


def test_a_token_of_another_host_does_not_go_on(desk):
    _, go = sorted(tokens(desk, facts(Why.WARNING)), key=len, reverse=True)
    assert post(desk, who=asker(GO, host="other.example"), token=go).status == 403


@pytest.mark.parametrize(
    ("path", "back"),
    [
        ("/a?b=c%20d", "/a?b=c%20d"),
        ("//evil.example/", "/"),
        ("/\\evil.example", "/"),
        ("https://evil.example/", "/"),
        ("/a\r\nSet-Cookie: x=y", "/"),
        ("/\0", "/"),
        ("/ẫ", "/"),
        ("", "/"),
        ("/" + "x" * 5000, "/"),
        ("/a//b", "/a//b"),
    ],
)
def test_nobody_is_led_elsewhere(path, back):
    assert going.back(path) == back


def test_what_is_the_filters_own():
    assert is_ours("shop.example", CASE)
    assert is_ours("filterd.internal", "/anything")
    assert not is_ours("shop.example", "/.well-known/acme")
    assert not is_ours("a.example", "/")


@pytest.mark.parametrize("path", ["/", "/problem/order"])
def test_the_filter_says_who_it_is(desk, path):
    given = desk.receive(BROWSER, asker(path, host="filterd.internal"), b"", NOW)
    assert given.status == 200
    assert "tin-hoc@truong.example" in Reader(given.body).text
    assert desk.receive(BROWSER, asker("/x", host="filterd.internal"), b"", NOW).status == 404


def test_a_fault_offers_nothing_and_an_image_no_form(desk):
    assert tokens(desk, facts(Why.CERTIFICATE)) == []
    body = desk.refuse(facts(Why.LIST), Asked(dest="image"), asker(), NOW).body
    assert body.startswith(b"GIF89a")


def test_the_longest_facts_still_make_a_case_that_reads(desk, tmp_path):
    long = "ỹ" * 900
    names = dict.fromkeys(("host", "group", "category", "list", "rule", "order"), long)
    (token,) = tokens(desk, facts(Why.ORDER, Reading.STAFF, **names))
    assert post(desk, token=token, reason="mistake", note="ỹ" * 200).status == 200
    (case,) = kept(tmp_path)
    assert case is not None
    assert case.note == "ỹ" * 200
