"""The words of the pages: TOML files, one a language, in three readings of age.

A school's own words lie over ours key by key (`Words.load(over=...)`); a key that we do not have,
or of another shape, is refused by name, so that a slip of the pen is found at the start and not by
a pupil.
"""

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from filterd.http.page.facts import PageFacts, Reading, Why
from filterd.model.errors import ConfigError

OURS = Path(__file__).with_name("texts")
NAMES = frozenset(
    {
        *("host", "category", "age", "list", "rule", "authority", "reference", "basis", "whom"),
        *("minutes", "hotline", "report", "appeal"),
    }
)
PLACE = re.compile(r"\{([a-z]+)\}")
OUTCOMES = (
    *("opened", "forged", "expired", "large", "odd", "often", "full", "method"),
    *("about", "nothing"),
)
GRAVE = "grave"  # instead of the words of an order
_LONGEST = 400  # characters of a text
_MOST = 6  # sentences
_FILE = 65_536  # bytes


@dataclass(frozen=True, slots=True)
class Text:
    """A title and the sentences below it, with `{places}`."""

    title: str
    says: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Appeal:
    """The form. `note` empty: no free text. `reasons`: word on the wire -> label."""

    title: str
    send: str
    note: str
    reasons: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Language:
    """All words of one language."""

    code: str
    name: str
    ui: Mapping[str, str]
    by: Mapping[str, str]
    pages: Mapping[tuple[str, Reading], Text]
    appeals: Mapping[Reading, Appeal]
    desk: Mapping[str, Text]

    def page(self, facts: PageFacts) -> Text:
        """Return the words for a block."""
        return self.pages[_key(facts), facts.reading]

    def who(self, facts: PageFacts) -> str:
        """Return who blocked, in a few words."""
        return self.by[_key(facts)]


@dataclass(frozen=True, slots=True)
class Words:
    """All words, by language code."""

    languages: Mapping[str, Language]

    @classmethod
    def load(cls, over: Path | None = None) -> "Words":
        """Return our words, with those of the folder `over` above them.

        Raises:
            ConfigError: a file cannot be read, or has a key that ours do not have.
        """
        trees = {path.stem: _read(path) for path in sorted(OURS.glob("*.toml"))}
        problems: list[str] = []
        for path in sorted(over.glob("*.toml")) if over else []:
            if path.stem in trees:
                problems += _lay(trees[path.stem], _read(path), path.name)
            else:
                trees[path.stem] = new = _read(path)
                problems += _compare(trees["vi"], new, path.name)
        if problems:
            raise ConfigError(tuple(problems))
        return cls({code: _language(code, tree) for code, tree in trees.items()})


def _key(facts: PageFacts) -> str:
    return GRAVE if facts.grave and facts.why is Why.ORDER else facts.why.value


def _read(path: Path) -> dict[str, object]:
    try:
        with path.open("rb") as file:
            content = file.read(_FILE + 1)
        if len(content) > _FILE:
            raise ConfigError((f"{path.name}: larger than {_FILE} bytes",))
        return tomllib.loads(content.decode())
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise ConfigError((f"{path.name}: {error}",)) from error


def _lay(below: dict[str, object], above: Mapping[str, object], where: str) -> list[str]:
    """Put the values of `above` into `below`; return what does not fit."""
    problems: list[str] = []
    for key, value in above.items():
        place = f"{where}: {key}"
        old = below.get(key)
        if isinstance(old, dict) and isinstance(value, dict):
            problems += _lay(old, value, place)
        elif key == "note" and isinstance(value, str) and not value:
            below[key] = ""  # no free text at this school
        elif (problem := _misfit(old, value)) is not None:
            problems.append(f"{place}: {problem}")
        else:
            below[key] = value
    return problems


def _compare(ours: Mapping[str, object], theirs: dict[str, object], where: str) -> list[str]:
    """Return what a new language lacks, or has too much."""
    problems = [f"{where}: {key}: is missing" for key in ours.keys() - theirs.keys()]
    for key, value in theirs.items():
        old = ours.get(key)
        if isinstance(old, dict) and isinstance(value, dict):
            problems += _compare(old, value, f"{where}: {key}")
        elif (problem := _misfit(old, value)) is not None:
            problems.append(f"{where}: {key}: {problem}")
    return sorted(problems)


def _misfit(old: object, value: object) -> str | None:
    if old is None:
        return "no such text; the keys are those of filterd/http/page/texts/vi.toml"
    if type(old) is not type(value):
        return f"wants {'a list of texts' if isinstance(old, list) else 'a text'}"
    given = value if isinstance(value, list) else [value]
    texts = [each for each in given if isinstance(each, str) and each.strip()]
    if not texts or len(texts) < len(given):
        return "wants texts that are not empty"
    if any(len(each) > _LONGEST for each in texts) or len(texts) > _MOST:
        return f"is too long: {_LONGEST} characters a text, {_MOST} sentences"
    unknown = {name for each in texts for name in PLACE.findall(each)} - NAMES
    if unknown:
        return f"has no {{{min(unknown)}}} to name; there are {', '.join(sorted(NAMES))}"
    return None


def _language(code: str, tree: Mapping[str, object]) -> Language:
    keys = (*(each.value for each in Why), GRAVE)
    appeals = _table(tree, "appeal")
    return Language(
        code=code,
        name=str(tree["language"]),
        ui=_texts(_table(tree, "ui")),
        by={key: str(_table(tree, key)["by"]) for key in keys},
        pages={
            (key, reading): _text(_table(_table(tree, key), reading.value))
            for key in keys
            for reading in Reading
        },
        appeals={reading: _appeal(_table(appeals, reading.value)) for reading in Reading},
        desk={key: _text(_table(_table(tree, "desk"), key)) for key in OUTCOMES},
    )


def _table(tree: Mapping[str, object], key: str) -> Mapping[str, object]:
    value = tree[key]
    assert isinstance(value, dict)
    return value


def _texts(table: Mapping[str, object]) -> dict[str, str]:
    return {key: str(value) for key, value in table.items()}


def _text(table: Mapping[str, object]) -> Text:
    says = table["says"]
    assert isinstance(says, list)
    return Text(str(table["title"]), tuple(map(str, says)))


def _appeal(table: Mapping[str, object]) -> Appeal:
    return Appeal(
        title=str(table["title"]),
        send=str(table["send"]),
        note=str(table.get("note", "")),
        reasons=_texts(_table(table, "reasons")),
    )
