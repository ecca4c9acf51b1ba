"""The rule book: our own data holds together, and a wrong file is refused with its place."""

import shutil
from pathlib import Path

import pytest

from filterd.config.load import loads
from filterd.model.errors import RulesError
from filterd.model.group import ADULT, ALWAYS
from filterd.model.name import ascii_name, parents
from filterd.policy.rulebook import default_directory, load_rulebook

BOOK = load_rulebook(default_directory())


def test_categories() -> None:
    ages = {each.name: each.min_age for each in BOOK.categories}
    assert len(ages) == len(BOOK.categories) >= 25
    assert ages["gambling"] == ages["malware"] == ALWAYS
    assert ages["adult"] == ADULT
    assert ages["social"] == 16
    assert ages["education"] == 0
    assert all(each.title_en and each.title_vi for each in BOOK.categories)


def test_ages() -> None:
    brackets, schemes = dict(BOOK.brackets), dict(BOOK.schemes)
    assert [brackets[f"grade-{grade}"] for grade in range(1, 13)] == list(range(6, 18))
    assert (brackets["grades-6-7"], brackets["staff"]) == (11, 18)
    assert (schemes["film:p"], schemes["film:t13"], schemes["film:c"]) == (0, 13, ALWAYS)
    assert (schemes["game:12+"], schemes["web:rta"]) == (12, 18)


def test_services() -> None:
    names = {each.name for each in BOOK.services}
    assert len(names) == len(BOOK.services) >= 60
    assert names >= {
        "zalo",
        "garena",
        "vng",
        "zingplay",
        "zing-mp3",
        "coccoc",
        "vieon",
        "fpt-play",
        "tiktok",
        "facebook",
        "youtube",
        "roblox",
        "minecraft",
        "telegram",
        "chatgpt",
    }
    assert {each.category for each in BOOK.services} <= {each.name for each in BOOK.categories}


def test_every_name_is_normalised() -> None:
    every = [*BOOK.must_not_block, *BOOK.canaries, *BOOK.bypass]
    every += [name for each in BOOK.services for name in each.names]
    every += [name for each in BOOK.safe_search for name in (*each.names, each.target)]
    assert all(ascii_name(name) == name for name in every)


def test_no_service_takes_a_shared_suffix() -> None:
    wide = {
        "com",
        "vn",
        "com.vn",
        "net",
        "google.com",
        "googleapis.com",
        "microsoft.com",
        "apple.com",
        "cloudfront.net",
        "akamaized.net",
        "zing.vn",
        "fpt.vn",
        "cloudflare.com",
        "qq.com",
    }
    assert not wide & {name for each in BOOK.services for name in each.names}


def test_nothing_protected_is_blocked() -> None:
    protected = set(BOOK.must_not_block)
    assert {"tongdai111.vn", "gov.vn"} <= protected
    blocked = [*BOOK.bypass, *(name for each in BOOK.services for name in each.names)]
    assert not [name for name in blocked if protected & set(parents(name))]


def test_safe_search() -> None:
    targets = {
        name: each.target
        for each in BOOK.safe_search
        for name in each.names
        if each.kind == "search"
    }
    assert targets["www.google.com.vn"] == targets["www.google.com"] == "forcesafesearch.google.com"
    assert targets["www.google.no"] == "forcesafesearch.google.com"
    assert targets["www.bing.com"] == "strict.bing.com"
    youtube = {each.kind: each.target for each in BOOK.safe_search if each.engine == "youtube"}
    assert youtube == {
        "youtube-moderate": "restrictmoderate.youtube.com",
        "youtube-strict": "restrict.youtube.com",
    }
    answered = set(targets)
    assert not [each.target for each in BOOK.safe_search if each.target in answered]


def test_demonstration_names_are_nobodys() -> None:
    assert dict(BOOK.demo)["social.demo.test"] == "social"
    assert all(name.endswith(".test") for name, _ in BOOK.demo)


@pytest.mark.parametrize(
    ("file", "old", "new", "part"),
    [
        ("categories.yaml", "{min_age: 18, vi: Hẹn hò", "{min_age: 19, vi: Hẹn hò", "age from 0 to 18"),
        ("categories.yaml", "{min_age: 18, vi: Hẹn hò", "{min_agee: 18, vi: Hẹn hò", "did you mean 'min_age'?"),
        ("categories.yaml", "{everyone: true, illegal: true, vi: Lừa đảo", "{min_age: 3, illegal: true, vi: Lừa đảo", "must be blocked for everyone"),
        ("ages.yaml", "k: 13", "k: old", "must be an age"),
        ("services.yaml", "category: messaging, names: [zalo.me", "category: mesaging, names: [zalo.me", "unknown category 'mesaging'"),
        ("services.yaml", "names: [zalo.me", "names: [Zalo.me", "lower case"),
        ("services.yaml", "names: [zalo.me", "names: [facebook.com", "belongs to"),
        ("services.yaml", "names: [zalo.me", "names: [zalo.gov.vn", "must not be blocked"),
        ("services.yaml", "  zalo:", "  voz:", "given twice"),
        ("safesearch.yaml", "target: strict.bing.com", "target: 5", "must be text"),
        ("bypass.yaml", "- dns.google\n", "- 'dns google'\n", "not a domain name"),
        ("must-not-block.yaml", "- gov.vn", "- gov.vn\n  - gov.vn", "given twice"),
        ("demo.yaml", "social.demo.test: social", "social.demo.example: social", "must end in .test"),
        ("demo.yaml", "names:", "names: [", "not YAML"),
    ],
)  # fmt: skip
def test_a_wrong_file_is_refused_with_its_place(
    tmp_path: Path, file: str, old: str, new: str, part: str
) -> None:
    rules = tmp_path / "rules"
    shutil.copytree(default_directory(), rules)
    text = (rules / file).read_text(encoding="utf-8")
    assert old in text
    (rules / file).write_text(text.replace(old, new, 1), encoding="utf-8")
    with pytest.raises(RulesError) as caught:
        load_rulebook(rules)
    assert part in str(caught.value)
    assert file in str(caught.value) or "service zalo" in str(caught.value)


def test_every_missing_file_is_told(tmp_path: Path) -> None:
    with pytest.raises(RulesError) as caught:
        load_rulebook(tmp_path)
    for name in (
        "categories",
        "ages",
        "services",
        "safesearch",
        "bypass",
        "must-not-block",
        "demo",
    ):
        assert f"{name}.yaml: cannot be read" in str(caught.value)


def test_the_lists_of_the_readme_can_be_configured() -> None:
    text = (default_directory() / "README.md").read_text(encoding="utf-8")
    config = loads(text.split("```yaml\n")[1].split("```")[0], book=BOOK)
    assert len(config.lists) == 5
    assert all(each.url and each.category for each in config.lists.values())
