"""What docs/age-labels.md and docs/vi/nhan-tuoi.md show is read as they say."""

import re
from pathlib import Path

import pytest

from filterd.http.labels.age_label import read as read_declaration
from filterd.http.labels.age_xml import read as read_age_xml
from filterd.http.labels.head import Head
from filterd.http.labels.words import SCHEMES, read_words

ROOT = Path(__file__).resolve().parents[3]
PAGES = {
    name: (ROOT / "docs" / name).read_text(encoding="utf-8")
    for name in ("age-labels.md", "vi/nhan-tuoi.md")
}
FENCE = re.compile(r"^ *```([^\n]*)\n(.*?)^ *```$", re.MULTILINE | re.DOTALL)


def blocks(kind: str) -> list[tuple[str, str]]:
    found = [
        each
        for page in PAGES.values()
        for each in FENCE.findall(page)
        if re.fullmatch(kind, each[0])
    ]
    assert found
    return found


@pytest.mark.parametrize(("kind", "text"), blocks("json age-label"))
def test_a_declaration_is_one(kind: str, text: str) -> None:
    site = read_declaration(text.encode())
    assert site.default is not None
    assert len(site.parts) == text.count('"path"')


def test_the_parts_mean_what_is_said() -> None:
    films = [each for each in blocks("json age-label") if "sieu-anh-hung" in each[1]]
    assert len(films) == 2
    for _, text in films:
        site = read_declaration(text.encode())
        ages = [
            site.find("phim.example", path).min_age
            for path in ("/", "/thieu-nhi/a", "/Thieu-nhi/sieu-anh-hung/b")
        ]
        assert ages == [18, 0, 13]


@pytest.mark.parametrize(("kind", "text"), blocks("html age=[0-9]+"))
def test_a_page_has_the_age(kind: str, text: str) -> None:
    assert Head("text/html").feed(text.encode()).min_age == int(kind.partition("=")[2])


def test_the_age_xml_is_one() -> None:
    site = read_age_xml(blocks("xml age.xml")[0][1].encode())
    ages = [site.find("www.school.example", path).min_age for path in ("/", "/kids/1")]
    assert ages == [16, 0]


@pytest.mark.parametrize("page", PAGES)
def test_every_word_of_the_schemes_is_told(page: str) -> None:
    told = {each.lower() for each in re.findall(r"`((?:film|game):[^`]+)`", PAGES[page])}
    assert told == {f"{scheme}:{word}" for scheme, words in SCHEMES.items() for word in words}


def test_every_word_of_the_table_is_read() -> None:
    rows = PAGES["age-labels.md"].partition("| read | from |")[2].split("\n\n")[0].split("\n")
    told = {
        word: int(row.split(" | ")[1].strip(" |").partition(":")[0])
        for row in rows
        if re.search(r"\| (?:0|13|18)\b", row) and "PICS" not in row
        for word in re.findall(r"`([^`]+)`", row.split(" | ")[0])
    }
    assert len(told) >= 14
    assert {word: read_words(word) for word in told} == told
    for word in ("14 years", "over 13", "16 and over", "16+", "18 tuổi", "18"):
        assert f"`{word}`" in PAGES["age-labels.md"]
        assert read_words(word) == int(re.search("[0-9]+", word)[0])
