"""Status, headers and shape of what is answered instead of what was asked for."""

import json
import re

import pytest

from filterd.http.page.asked import Asked
from filterd.http.page.facts import Contacts, Kind, Reading, Why
from filterd.http.page.style import HASH
from tests.support.pages import BROWSER, FULL, Reader, facts, shown


def names(given):
    return [name.lower() for name, _ in given.headers]


@pytest.mark.parametrize("why", Why)
def test_451_is_for_orders_only_and_school_policy_is_403(why):
    given = shown(facts(why))
    assert (given.status == 451) == (why is Why.ORDER)
    if why.kind in (Kind.SCHOOL, Kind.AGE, Kind.WARN):
        assert given.status == 403
    if why.kind is Kind.ERROR:
        assert given.status in (400, 502, 503, 504)
    assert (given.header("Link") != "") == (why is Why.ORDER)


def test_an_order_is_answered_as_rfc_7725_says():
    given = shown()
    assert (given.status, given.phrase) == (451, "Unavailable For Legal Reasons")
    assert given.header("Link") == '<https://truong.example/loc>; rel="blocked-by"'
    text = Reader(given.body).text
    for told in ("Bộ Thử Nghiệm", "1234/QĐ-BTN", "Nghị định 00/2026/NĐ-CP", "mọi người dùng mạng"):
        assert told in text


@pytest.mark.parametrize(
    "operator",
    ["", "javascript:alert(1)", 'https://a.example/>; rel="x', "https://a.example/\r\nA: b"],
)
def test_an_operator_that_is_no_address_is_not_named(operator):
    given = shown(contacts=Contacts(operator=operator))
    assert given.header("Link") == '<http://filterd.internal/>; rel="blocked-by"'


def test_the_page_is_not_stored_not_indexed_and_runs_nothing():
    given = shown()
    assert given.header("Cache-Control") == "no-store"
    assert given.header("X-Content-Type-Options") == "nosniff"
    assert given.header("Referrer-Policy") == "no-referrer"
    assert given.header("X-Robots-Tag").startswith("noindex")
    assert given.header("Content-Language") == "vi, en"
    policy = given.header("Content-Security-Policy")
    assert policy.startswith(f"default-src 'none'; style-src '{HASH}';")
    assert "unsafe" not in policy
    assert "script-src" not in policy
    assert "frame-ancestors 'none'" in policy
    assert "sandbox allow-forms" in policy
    assert len(names(given)) == len(set(names(given)))


@pytest.mark.parametrize(
    ("dest", "content_type"),
    [
        ("image", "image/gif"),
        ("style", "text/css; charset=utf-8"),
        ("script", "text/javascript; charset=utf-8"),
        ("video", "application/octet-stream"),
        ("font", "text/plain; charset=utf-8"),
        ("websocket", "text/plain; charset=utf-8"),
    ],
)
@pytest.mark.parametrize("why", [Why.ORDER, Why.LIST])
def test_what_a_page_loads_is_answered_with_a_tiny_body_of_its_kind(dest, content_type, why):
    given = shown(facts(why), Asked(dest=dest, accept="text/html"))
    assert given.status == why.status
    assert given.header("Content-Type") == content_type
    assert len(given.body) < 64
    assert given.header("Access-Control-Allow-Origin") == "*"
    assert b"gambling" not in given.body


def test_the_pixel_is_a_gif_of_one_by_one():
    body = shown(asked=Asked(accept="image/avif,image/webp,*/*;q=0.8")).body
    assert body[:6] == b"GIF89a"
    assert body[6:10] == b"\x01\0\x01\0"
    assert body.endswith(b";")


def test_a_program_is_told_in_rfc_9457():
    given = shown(asked=Asked(accept="application/json", language="en"))
    assert given.header("Content-Type") == "application/problem+json"
    told = json.loads(given.body)
    assert told["status"] == 451
    assert told["type"] == "http://filterd.internal/problem/order"
    assert told["reference"] == "1234/QĐ-BTN"
    assert told["hotline"] == "111"
    assert told["title"] == "This address is blocked"
    assert "Bộ Thử Nghiệm" in told["detail"]


@pytest.mark.parametrize(
    "asked", [Asked(dest="empty"), Asked(accept="*/*", origin="https://a.example")]
)
def test_a_script_of_a_site_learns_neither_the_school_nor_the_rule(asked):
    given = shown(asked=asked)
    assert json.loads(given.body).keys() == {"type", "title", "status"}
    assert given.header("Access-Control-Allow-Origin") == ""


def test_a_frame_gets_a_line_without_a_form():
    given = shown(asked=Asked(dest="iframe"))
    page = Reader(given.body)
    assert len(given.body) < 300
    assert "form" not in page.tags
    assert given.header("X-Frame-Options") == ""
    assert "sandbox" in given.header("Content-Security-Policy")


def test_a_websocket_a_preflight_and_head_get_no_body():
    for asked in (
        Asked.of("GET", {"upgrade": "WebSocket", "accept": "text/html"}),
        Asked(method="OPTIONS", accept="text/html"),
    ):
        given = shown(asked=asked)
        assert (given.status, given.body) == (451, b"")
    given = shown(asked=Asked.of("head", {"accept": "text/html"}))
    assert given.body == b""
    assert given.header("Content-Type") == "text/html; charset=utf-8"


@pytest.mark.parametrize(
    ("accepted", "first"),
    [
        ("", "vi"),
        ("en-US,en;q=0.9", "en"),
        ("vi,en;q=0.9", "vi"),
        ("en;q=0.8,vi;q=0.9", "vi"),
        ("fr,de", "vi"),
        ("fr,en;q=0.1", "en"),
        ("en;q=0", "vi"),
        ("*", "vi"),
        ("<script>alert(1)</script>", "vi"),
        ("en;q=9999", "vi"),
        ("en\r\nSet-Cookie: a=b", "vi"),
        ("," * 5000 + "en", "vi"),
    ],
)
def test_the_first_language_is_vietnamese_unless_another_is_asked_for_more(accepted, first):
    given = shown(asked=Asked(accept="text/html", language=accepted))
    other = {"vi": "en", "en": "vi"}[first]
    assert given.header("Content-Language") == f"{first}, {other}"
    page = Reader(given.body)
    assert page.values("html", "lang") == [first]
    assert other in page.values("details", "lang")


def test_the_gravest_category_names_no_host_anywhere():
    for reading in Reading:
        grave = facts(reading=reading, grave=True, care=True)
        for asked in (BROWSER, Asked(accept="application/json"), Asked(dest="iframe")):
            given = shown(grave, asked)
            assert b"gambling.example" not in given.body
            assert "gambling.example" not in str(given.headers)


@pytest.mark.parametrize("reading", Reading)
def test_a_rating_by_order_says_for_whom_it_is(reading):
    assert "người dưới 16 tuổi" in Reader(shown(facts(reading=reading, age=16)).body).text


def test_the_body_says_no_sentence_about_what_is_not_known():
    page = Reader(shown(facts(authority="", reference="", legal_basis="")).body)
    assert "Nơi ra lệnh" not in page.text
    assert "Căn cứ pháp lý" not in page.text
    assert not re.search(r"\{[a-z]+\}", page.text)
    assert FULL.authority not in page.text
