import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from filterd.http.labels.base import Label, raised, stricter
from filterd.http.labels.statements import read_headers, read_meta
from filterd.http.labels.words import SCHEMES, WORDS, read_words
from filterd.model.group import ALWAYS
from filterd.policy.rulebook import default_directory

RTA = "RTA-5042-1996-1400-1577-RTA"
PICS = '(PICS-1.1 "http://www.rsac.org/ratingsv01.html" l gen true r (n {n} s 0 v 0 l 4))'
ages = st.integers(0, 18) | st.just(ALWAYS)
labels = st.none() | st.builds(Label, ages, st.sampled_from(["rta", "rating", "age-xml"]))


@pytest.mark.parametrize(
    ("text", "age"),
    [
        ("adult", 18), ("Adult", 18), (" MATURE ", 18), ("restricted", 18), ("general", 0),
        ("safe for kids", 0), ("Safe  For\tKids", 0), ("14 years", 14), ("14 Years", 14),
        ("18", 18), ("18+", 18), ("12+", 12), ("00+", 0), ("6+", 6), ("over 13", 13),
        ("16 and over", 16), ("age: 16", 16), ("21+", 18), ("FSK 16", 16), ("T16", 16),
        ("film:T18", 18), ("film:C", ALWAYS), ("film:K", 13), ("game:12+", 12), ("18 tuổi", 18),
        ("１８＋", 18), ("general, adult", 18), ("adult; something else", 18), ("PG-13", 13),
    ],
)  # fmt: skip
def test_a_known_word_is_an_age(text, age):
    assert read_words(text) == age


@pytest.mark.parametrize(
    "text",
    ["", "5", "4.5", "10", "10/10", "c", "k", "p", "r", "99", "-18", "film:x", "game:13+", "18 USD",
     "adults love it", "unrated", "\0", "١٨", "18+" * 200, "tv:18"],
)  # fmt: skip
def test_an_unknown_word_raises_nothing(text):
    assert read_words(text) is None


@given(st.text(max_size=600))
def test_any_text_is_an_age_or_nothing(text):
    assert read_words(text) in {None, ALWAYS, *range(19)}


def test_the_schemes_are_those_of_the_rule_book():
    book = yaml.safe_load((default_directory() / "ages.yaml").read_text(encoding="utf-8"))
    for scheme, words in SCHEMES.items():
        told = book["schemes"][scheme]
        assert {k: ALWAYS if v == "everyone" else v for k, v in told.items()} == words
    assert all(age in range(19) for age in WORDS.values())


def test_the_rta_mark_counts_in_header_and_meta():
    assert read_headers([("Server", "x"), ("Rating", RTA)]) == Label(18, "rta", RTA)
    assert read_headers([("RATING", RTA.lower())]).min_age == 18
    assert read_meta(" Rating ", f"x {RTA} y").scheme == "rta"


@pytest.mark.parametrize("name", ["description", "x-rating", "ratings", "", "rating2"])
def test_other_fields_say_nothing(name):
    assert read_headers([(name, RTA)]) is None
    assert read_meta(name, RTA) is None


def test_of_several_fields_the_strictest_counts():
    fields = [("rating", "general"), ("rating", "14 years"), ("rating", "gibberish")]
    assert read_headers(fields).min_age == 14
    assert read_headers(reversed(fields)).min_age == 14


def test_ten_thousand_fields_are_not_all_read():
    assert read_headers([("x", "y")] * 10_000 + [("rating", RTA)]) is None


def test_a_long_field_is_cut():
    assert read_headers([("rating", "x" * 100_000_000 + RTA)]) is None


def test_what_is_kept_of_a_label_is_one_short_line():
    said = read_headers([("rating", f"{RTA}\r\nSet-Cookie: a=b\x1b[31m<script>" + "x" * 100)]).said
    assert said.isprintable()
    assert len(said) <= 64


@pytest.mark.parametrize(
    ("text", "age"),
    [("age=16 hash: abc v=1.0 kind=sl protocol=all", 16), ("AGE = 18", 18), ("age=0 v=1.0", 0),
     ("info=x age=12;age=16", 16), ("age=99", None), ("page=18", None), ("age=", None), ("", None)],
)  # fmt: skip
def test_the_page_part_of_age_xml(text, age):
    label = read_meta("age-de-meta-label", text)
    assert (None if label is None else label.min_age) == age
    assert read_headers([("Age-Meta-Label", text)]) == label


def test_pics_is_recognised_and_allows_nothing():
    assert read_meta("PICS-Label", PICS.format(n=0)) == Label(
        0, "pics", read_meta("pics-label", PICS.format(n=0)).said
    )
    assert read_meta("pics-label", PICS.format(n=4)).min_age == 18
    assert (
        read_headers([("PICS-Label", '(pics-1.1 "http://www.icra.org/" l r (cz 1 nz 1))')]).min_age
        == 0
    )
    assert read_meta("pics-label", "nonsense") is None


@given(st.integers(0, 18) | st.just(ALWAYS), st.lists(labels, max_size=6))
def test_labels_never_lower_an_age(age, many):
    label = stricter(many)
    assert raised(age, label) >= age
    assert all(raised(age, label) >= raised(age, each) for each in many)
    assert raised(age, label) == max([age, *(each.min_age for each in many if each)])


@pytest.mark.parametrize("age", [-1, 19, 254, 256])
def test_a_label_has_an_age(age):
    with pytest.raises(ValueError, match="no age"):
        Label(age, "rta")
