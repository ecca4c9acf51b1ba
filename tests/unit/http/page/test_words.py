"""Words: complete in every language and reading, and a school's own above them."""

import re
import unicodedata

import pytest

from filterd.http.page.facts import Reading, Why
from filterd.http.page.words import GRAVE, NAMES, OURS, OUTCOMES, PLACE, Words
from filterd.model.errors import ConfigError

WORDS = Words.load()
VI, EN = WORDS.languages["vi"], WORDS.languages["en"]


def texts(language):
    yield from language.ui.values()
    yield from language.by.values()
    for each in (*language.pages.values(), *language.desk.values()):
        yield from (each.title, *each.says)
    for each in language.appeals.values():
        yield from (each.title, each.send, each.note, *each.reasons.values())


@pytest.mark.parametrize("language", WORDS.languages.values(), ids=WORDS.languages)
def test_every_language_is_complete(language):
    keys = {*(each.value for each in Why), GRAVE}
    assert set(language.by) == keys
    assert set(language.pages) == {(key, reading) for key in keys for reading in Reading}
    assert set(language.appeals) == set(Reading)
    assert set(language.desk) == set(OUTCOMES)
    assert language.ui.keys() == VI.ui.keys()
    for text in texts(language):
        assert text == unicodedata.normalize("NFC", text)
        assert set(PLACE.findall(text)) <= NAMES
        assert not re.search(r"[<>&]|\s\s", text)
    for reading in Reading:
        assert language.appeals[reading].reasons.keys() == VI.appeals[reading].reasons.keys()
        assert bool(language.appeals[reading].note) == (reading is not Reading.PRIMARY)
    for text in language.pages.values():
        # Something is said even where nothing is known.
        assert any(not PLACE.search(each) for each in text.says)


def test_both_languages_name_the_same_things():
    for key, text in VI.pages.items():
        other = EN.pages[key]
        assert [PLACE.findall(each) for each in text.says] == [
            PLACE.findall(each) for each in other.says
        ], key


def test_vietnamese_is_vietnamese_and_english_is_not():
    marked = re.compile(
        "[ăâđêôơưạảãàáặắằẵẳậấầẫẩẹẻẽệếềễểịỉĩọỏõộốồỗổợớờỡởụủũựứừữửỵỷỹ]", re.IGNORECASE
    )
    for key, text in VI.pages.items():
        assert marked.search(text.title), key
        assert not marked.search(EN.pages[key].title + " ".join(EN.pages[key].says)), key


def test_a_school_changes_a_word_and_keeps_the_rest(tmp_path):
    (tmp_path / "vi.toml").write_text(
        '[age.primary]\ntitle = "Em lớn thêm chút nữa nhé"\n[appeal.secondary]\nnote = ""\n'
    )
    words = Words.load(tmp_path).languages["vi"]
    assert words.pages["age", Reading.PRIMARY].title == "Em lớn thêm chút nữa nhé"
    assert words.pages["age", Reading.PRIMARY].says == VI.pages["age", Reading.PRIMARY].says
    assert words.appeals[Reading.SECONDARY].note == ""
    assert Words.load(tmp_path).languages["en"] == EN


def test_a_school_adds_a_language_that_is_complete(tmp_path):
    path = tmp_path / "tay.toml"
    path.write_bytes((OURS / "vi.toml").read_bytes())
    assert set(Words.load(tmp_path).languages) == {"vi", "en", "tay"}
    path.write_text('language = "Tày"\n')
    with pytest.raises(ConfigError, match=r"tay\.toml: age: is missing"):
        Words.load(tmp_path)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('[age.primry]\ntitle = "x"\n', r"vi\.toml: age: primry: no such text"),
        ('[age.primary]\ntitle = ["x"]\n', "title: wants a text"),
        ('[age.primary]\nsays = "x"\n', "says: wants a list of texts"),
        ('[age.primary]\nsays = ["", "x"]\n', "wants texts that are not empty"),
        ("[age.primary]\nsays = [1]\n", "wants texts that are not empty"),
        ('[age.primary]\ntitle = "{hots}"\n', r"has no \{hots\} to name"),
        (f'[age.primary]\ntitle = "{"x" * 500}"\n', "is too long"),
        ('[appeal.primary]\nnote = "your name"\n', "note: no such text"),
        ("[age\n", r"vi\.toml: "),
        ("#" * 70_000, "larger than"),
    ],
)
def test_a_slip_of_the_pen_is_named(tmp_path, text, said):
    (tmp_path / "vi.toml").write_text(text)
    with pytest.raises(ConfigError, match=said):
        Words.load(tmp_path)
