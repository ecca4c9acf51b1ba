"""The page itself: for whom it is written, valid, small, readable, and nothing of others in it."""

import itertools
import re
import unicodedata
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from filterd.http.page.asked import Asked
from filterd.http.page.facts import Contacts, Reading, Why, why_of
from filterd.http.page.markup import clean, element
from filterd.http.page.pieces import Offer
from filterd.http.page.style import COLOURS, KINDS, SHEET
from filterd.model.verdict import Step
from tests.support.pages import BROWSER, OFFER, SCHOOL, WORDS, Reader, facts, shown

ALL = list(itertools.product(Why, Reading, ["vi", "en"]))
NASTY = [
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "' onfocus='alert(1)",
    "</title></style><svg onload=alert(1)>",
    "\u202etxet desrever\u2066\u2069",
    "null\0byte\x1b[31m",
    "line\r\nSet-Cookie: stolen=1\r\n\r\n<b>",
    "\u2028\u2029\ufeff\u200bhidden",
    "a" + "\u0301" * 500,
    "\ud800 half",
    "{rule} {host} &amp; &lt;b&gt; <!-- --> ]]>",
    "x" * 100_000,
]


def page(why, reading, language="vi", offer=OFFER, **more):
    asked = Asked(accept="text/html", language=language)
    return shown(facts(why, reading, **more), asked, offer)


@pytest.mark.parametrize(("why", "reading", "language"), ALL)
def test_every_page_is_valid_small_and_complete(why, reading, language):
    offer = Offer("K7QD-3MXA", "c" * 400, "g" * 300, 30)
    given = page(why, reading, language, offer, care=True)
    assert len(given.body) < 15_000
    read = Reader(given.body)
    text = given.body.decode()
    assert text == unicodedata.normalize("NFC", text)
    assert read.tags.count("h1") == 1
    assert read.tags.count("main") == 1
    assert {"script", "img", "link", "iframe"}.isdisjoint(read.tags)
    assert not any(name.startswith("on") or name == "style" for _, name, _ in read.attributes)
    assert "noindex,nofollow" in read.values("meta", "content")
    assert read.values("html", "lang") == [language]
    assert not re.search(r"\{[a-z]+\}", read.text)
    assert "111" in read.text
    links = read.values("a", "href")
    assert set(links) <= {
        "tel:111",
        "https://vn-cop.vn/",
        "mailto:bvte@vncert.vn",
        "mailto:tin-hoc@truong.example",
    }
    title = WORDS.languages[language].page(facts(why, reading)).title
    assert title in read.text


def visible(body):
    return body.decode().split("<details")[0]


def test_the_youngest_read_two_short_sentences_and_write_nothing():
    for why, language in itertools.product(Why, ("vi", "en")):
        says = WORDS.languages[language].page(facts(why, Reading.PRIMARY)).says
        assert len(says) <= 2, why
        assert max(map(len, says)) <= 75, says
        read = Reader(page(why, Reading.PRIMARY, language).body)
        assert "text" not in read.values("input", "type")
    unfolded = visible(page(Why.LIST, Reading.PRIMARY).body)
    assert "||gambling.example^" not in unfolded
    assert "Thầy cô" in unfolded


def test_the_older_read_why_and_staff_the_rule_and_the_list():
    older = Reader(page(Why.LIST, Reading.SECONDARY).body).text
    assert "Cờ bạc trực tuyến" in older
    assert "||gambling.example^" not in older
    staff = Reader(page(Why.LIST, Reading.STAFF).body).text
    assert "||gambling.example^" in staff
    assert "orders" in staff
    assert "grades-6-7" in staff


def test_nothing_is_offered_without_a_token():
    read = Reader(page(Why.LIST, Reading.SECONDARY, offer=Offer()).body)
    assert "form" not in read.tags
    assert "button" not in read.tags


def test_a_warning_has_a_button_that_posts_and_says_for_how_long():
    read = Reader(page(Why.WARNING, Reading.STAFF, offer=Offer("", "", "g" * 300, 30)).body)
    assert set(read.values("form", "action")) == {"/.well-known/filterd/continue"}
    assert set(read.values("form", "method")) == {"post"}
    assert "30 phút" in read.text


@pytest.mark.parametrize("nasty", NASTY)
@pytest.mark.parametrize("reading", Reading)
def test_what_others_wrote_stays_text(nasty, reading):
    names = {"vi": nasty, "en": nasty}
    given = facts(
        reading=reading,
        host=nasty,
        group=nasty,
        category=nasty,
        category_names=names,
        list=nasty,
        rule=nasty,
        authority=nasty,
        order=nasty,
        reference=nasty,
        legal_basis=nasty,
    )
    contacts = Contacts(nasty, nasty, nasty, nasty, nasty, nasty)
    offer = Offer("K7QD-3MXA", nasty[:400], nasty[:400], 30)
    plain = Reader(shown(facts(reading=reading), offer=Offer("K7QD-3MXA", "c", "g", 30)).body)
    json = Asked(accept="application/json", language=nasty)
    for why in (Why.ORDER, Why.LIST, Why.WARNING):
        for asked in (BROWSER, json, Asked(dest="iframe")):
            answered = shown(replace(given, why=why), asked, offer, contacts)
            for name, value in answered.headers:
                assert re.fullmatch(r"[\x20-\x7e]+", name + value)
            text = answered.body.decode()
            assert not any(each in text for each in "\0\x1b\r\u202e\u2066\u2028\u200b\ufeff")
            assert b"<img" not in answered.body
            assert b"<svg onload" not in answered.body
            assert len(answered.body) < 20_000
        read = Reader(shown(given, BROWSER, offer, contacts).body)
        assert set(read.tags) <= {*plain.tags, "b", "bdi"}
        assert not any(name.startswith("on") for _, name, _ in read.attributes)
        assert set(read.values("a", "href")) <= {"tel:111"}


@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=300))
def test_whatever_text_is_shown_is_one_clean_line(text):
    line = clean(text)
    assert len(line) <= 160
    assert line == unicodedata.normalize("NFC", line)
    assert line.isprintable()
    assert clean(line) == line
    read = Reader(element("p", text, title=text).encode())
    assert read.tags == ["p"]
    assert read.text == clean(text, 600)


def test_clean_keeps_vietnamese_and_drops_what_steers():
    assert clean("Tie\u0302\u0301ng Vie\u0323\u0302t") == "Tiếng Việt"
    assert clean(" a\r\n\tb\0\u202ec ") == "a bc"
    assert clean("x" * 500) == "x" * 159 + "…"
    assert clean("e" + "\u0301" * 99) in {"é\u0301", "é\u0301\u0301"}


def luminance(colour):
    parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one, other):
    bright, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (bright + 0.05) / (dark + 0.05)


def in_sheet(mode):
    """The colours as the sheet has them: the first block is light, the next dark."""
    block = re.findall(r":root\{([^{}]*)\}", SHEET)[mode]
    return dict(re.findall(r"--(\w+):(#[0-9a-f]{6})", block))


@pytest.mark.parametrize("mode", [0, 1])
def test_text_and_borders_stand_out(mode):
    colours = in_sheet(mode)
    assert colours.keys() == COLOURS.keys()
    assert contrast("#000000", "#ffffff") == pytest.approx(21)
    mains = (*KINDS, "young")
    text = [("text", b) for b in ("back", "card", "soft")] + [("dim", b) for b in ("back", "card")]
    text += [("link", "card"), ("link", "soft")]
    text += [(main, "card") for main in mains] + [("on", main) for main in mains]
    low = {pair: contrast(colours[pair[0]], colours[pair[1]]) for pair in text}
    assert min(low.values()) >= 4.5, low
    assert contrast(colours["line"], colours["card"]) >= 3


def test_the_sheet_shows_focus_and_serves_dark_rooms_paper_and_small_screens():
    for wanted in ("prefers-color-scheme:dark", "@media print", ":focus-visible", "max-width"):
        assert wanted in SHEET
    assert "outline:none" not in SHEET
    assert "url(" not in SHEET
    assert "@import" not in SHEET


@pytest.mark.parametrize(
    ("step", "mandatory", "why"),
    [
        (Step.ORDER, False, Why.ORDER),
        (Step.AGE, True, Why.ORDER),
        (Step.AGE, False, Why.AGE),
        (Step.LOCAL_BLOCK, False, Why.RULE),
        (Step.LIST, False, Why.LIST),
        (Step.SCHEDULE, False, Why.SCHEDULE),
        (Step.DEFAULT, False, Why.UNLISTED),
    ],
)
def test_the_words_follow_the_step_that_decided(step, mandatory, why):
    assert why_of(step, mandatory=mandatory) is why


def test_the_reading_follows_the_age_of_the_group():
    readings = [Reading.of_age(age) for age in (3, 6, 10, 11, 17, 18)]
    assert readings == [Reading.PRIMARY] * 3 + [Reading.SECONDARY] * 2 + [Reading.STAFF]


def test_a_school_without_contacts_is_not_named():
    read = Reader(shown(contacts=Contacts(hotline="", report_site="", report_mail="")).body)
    assert "header" not in read.tags
    assert "section" not in read.tags
    assert SCHOOL.school not in read.text
