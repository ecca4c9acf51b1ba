"""The documents say what is there: links, commands, configurations, tables."""

import re
import shlex
import tomllib
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from filterd.app.demo import what_to_try
from filterd.app.paths import AUTO
from filterd.cli.base import Exit
from filterd.cli.completion import _children
from filterd.cli.main import COMMANDS, build_parser
from filterd.config.load import loads
from filterd.config.schema import Config
from filterd.formats.refusals import Code
from filterd.formats.registry import ALIASES, FORMATS
from filterd.formats.writers import WRITERS
from filterd.lists.requests import KINDS
from filterd.model.verdict import Step
from filterd.policy.overrides import parse as parse_overrides
from filterd.policy.rulebook import default_directory, load_rulebook

ROOT = Path(__file__).resolve().parents[3]
PAGES = {
    str(path.relative_to(ROOT)): path.read_text(encoding="utf-8")
    for pattern in ("*.md", "docs/**/*.md", "systemd/*.md", "deploy/*.md", "rules/*.md")
    for path in sorted(ROOT.glob(pattern))
}
FENCE = re.compile(r"^ *```([^\n]*)\n(.*?)^ *```$", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
INLINE = re.compile(r"`(?:sudo )?((?:\.venv/bin/)?filterd [^`]+|make [a-z-]+)`")
SOURCE = re.compile(r"`((?:filterd|rust|tests|rules|deploy|docs|systemd)/[\w./-]+)`")
SHELL = {"sh", "console", "bash"}
MAKEFILE = (ROOT / "Makefile").read_text(encoding="utf-8")
TARGETS = set(re.findall(r"^([a-z-]+):", MAKEFILE, re.MULTILINE))


def prose(text: str) -> str:
    return FENCE.sub("", text)


def anchors(text: str) -> set[str]:
    titles = re.findall(r"^#+ (.+)$", prose(text), re.MULTILINE)
    plain = (re.sub(r"[^\w\s-]", "", title.lower()) for title in titles)
    return {title.strip().replace(" ", "-") for title in plain}


def links() -> list[tuple[str, str]]:
    return [
        (page, target)
        for page, text in PAGES.items()
        for target in LINK.findall(prose(text))
        if "://" not in target and not target.startswith("mailto:")
    ]


def shell_commands(text: str) -> list[list[str]]:
    """Split shell text into simple commands, without redirections."""
    found: list[list[str]] = []
    for line in text.replace("\\\n", " ").split("\n"):
        lexer = shlex.shlex(line, posix=True, punctuation_chars=True)
        lexer.whitespace_split = True
        lexer.commenters = "#"
        words: list[str] = []
        redirected = False
        for word in lexer:
            if set(word) <= set("|&;()") and word:
                found.append(words)
                words = []
            elif set(word) <= set("<>"):
                redirected = True
            elif redirected:
                redirected = False
            else:
                words.append(word)
        found.append(words)
    return [words for words in found if words]


def shown() -> list[tuple[str, tuple[str, ...]]]:
    """Every command of ours that a document shows, as (page, words)."""
    found = []
    for page, text in PAGES.items():
        texts = [
            body for kind, body in FENCE.findall(text) if kind.strip().partition(" ")[0] in SHELL
        ]
        for words in (each for body in texts for each in shell_commands(body)):
            start = words[1:] if words[0] == "sudo" else words
            start = start[2:] if start[:1] == ["-u"] else start
            if start and (start[0] == "make" or start[0].endswith(("filterd", "/filterd"))):
                found.append((page, tuple(start)))
        for text_inline in INLINE.findall(prose(text)):
            found += [(page, tuple(words)) for words in shell_commands(text_inline)]
    return sorted(set(found))


SHOWN = shown()
COMMAND_LINES = [each for each in SHOWN if each[1][0] != "make"]
MAKE_LINES = [each for each in SHOWN if each[1][0] == "make"]


def blocks(kind: str) -> list[tuple[str, str]]:
    return [
        (page, body)
        for page, text in PAGES.items()
        for each, body in FENCE.findall(text)
        if each.strip() == kind
    ]


def table(page: str, heading: str) -> dict[str, tuple[str, ...]]:
    """Return the first table under a heading: the first cell (without quotes) -> the others."""
    section = PAGES[page].partition(f"# {heading}\n")[2]
    rows: dict[str, tuple[str, ...]] = {}
    for line in section.split("\n"):
        if line.startswith("|"):
            first, *rest = (cell.strip() for cell in line.strip("|").split(" | "))
            rows[first.strip(" `|")] = tuple(rest)
        elif rows or line.startswith("#"):
            break
    return dict(list(rows.items())[2:])  # without the head


def test_the_checks_see_something() -> None:
    assert len(links()) > 30
    assert len(COMMAND_LINES) > 30
    assert len(MAKE_LINES) > 4
    assert len(blocks("yaml config")) >= 3


@pytest.mark.parametrize(("page", "target"), links())
def test_every_link_leads_somewhere(page: str, target: str) -> None:
    path, _, anchor = target.partition("#")
    there = ((ROOT / page).parent / path).resolve() if path else ROOT / page
    assert there.exists(), f"{page}: {target}"
    if anchor:
        assert anchor in anchors(there.read_text(encoding="utf-8")), f"{page}: {target}"


@pytest.mark.parametrize(("page", "words"), COMMAND_LINES, ids=str)
def test_every_command_line_parses(
    page: str, words: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    parser = build_parser()
    # A mention such as `filterd lists check` names a command without its arguments.
    children = _children(parser)
    rest = list(words[1:])
    while rest and rest[0] in children:
        children = _children(children[rest.pop(0)])
    if not rest and len(words) > 1:
        return
    if "--help" in words or "--version" in words:
        with pytest.raises(SystemExit) as ended:
            parser.parse_args(words[1:])
        assert ended.value.code == 0
        return
    try:
        parser.parse_args(words[1:])
    except SystemExit:
        pytest.fail(f"{page}: {shlex.join(words)}: {capsys.readouterr().err}")


@pytest.mark.parametrize(("page", "words"), MAKE_LINES, ids=str)
def test_every_make_target_is_there(page: str, words: tuple[str, ...]) -> None:
    targets = {word for word in words[1:] if "=" not in word}
    assert targets <= TARGETS, page


@pytest.mark.parametrize(("page", "text"), blocks("yaml config"))
def test_every_configuration_loads(page: str, text: str) -> None:
    formats = {AUTO, *ALIASES, *(each.name for each in FORMATS)}
    config = loads(text, book=load_rulebook(default_directory()), formats=formats)
    assert config != Config(), page


@pytest.mark.parametrize(("page", "text"), blocks("json overrides"))
def test_every_override_reads(page: str, text: str) -> None:
    found = parse_overrides(text, ZoneInfo("Asia/Ho_Chi_Minh"))
    assert found.items, page
    assert not found.problems


@pytest.mark.parametrize("page", sorted(PAGES))
def test_every_file_named_is_there(page: str) -> None:
    example = set(re.findall(r"^```python (\S+)$", PAGES[page], re.MULTILINE))
    named = set(SOURCE.findall(prose(PAGES[page]))) - example
    assert not {name for name in named if not (ROOT / name).exists()}


def test_the_readme_shows_what_the_demonstration_prints() -> None:
    lines = what_to_try(5300, "127.0.0.1:9353", internet=True)
    printed = [line.strip() for line in lines if line.startswith("    ")]
    assert len(printed) == 6
    for line in printed:
        assert line in PAGES["README.md"].split("\n"), line


def test_the_readme_names_every_command() -> None:
    assert set(table("README.md", "Commands")) == {f"filterd {name}" for name in COMMANDS}


@pytest.mark.parametrize("page", ["README.md", "docs/cli.md"])
def test_exit_codes_are_complete(page: str) -> None:
    rows = re.findall(r"^\| ([0-9]) \| (.+) \|$", PAGES[page], re.MULTILINE)
    assert {int(code) for code, _ in rows} == set(map(int, Exit))


def test_every_refusal_code_is_explained() -> None:
    assert set(table("docs/rules.md", "Refused lines")) == {code.value for code in Code}


def test_every_format_is_explained() -> None:
    rows = table("docs/rules.md", "Formats")
    assert set(rows) == {each.name for each in FORMATS} | set(KINDS)
    aliases = {
        alias: name for name, cells in rows.items() for alias in re.findall(r"`([^`]+)`", cells[0])
    }
    assert aliases == ALIASES


def test_every_step_is_explained() -> None:
    rows = table("docs/rules.md", "Precedence")
    assert list(rows) == [str(int(step)) for step in Step]


def test_formats_that_can_be_written_are_named() -> None:
    paragraphs = PAGES["docs/cli.md"].split("\n\n")
    said = next(each for each in paragraphs if "can be written" in each).partition(". ")[0]
    assert set(re.findall(r"`([a-z]+)`", said)) == set(WRITERS)


def test_the_floors_are_those_of_the_contract() -> None:
    [(_, text)] = blocks("text floors")
    lines = [line for line in text.strip().split("\n") if not line.startswith(" ")]
    drawn = [re.split(r"\s{2,}", line)[0] for line in lines]
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    assert drawn == project["tool"]["importlinter"]["contracts"][0]["layers"]


ADRS = [page for page in PAGES if page.startswith("docs/adr/0")]


@pytest.mark.parametrize("page", ADRS)
def test_a_decision_names_its_price(page: str) -> None:
    text = PAGES[page]
    for heading in ("Context", "Decision", "Alternatives considered", "Consequences"):
        assert f"\n## {heading}\n" in text, heading
    assert "* Status: " in text
    assert "\n* Bad: " in text


def test_decisions_are_numbered_without_a_gap() -> None:
    numbers = [int(Path(page).name[:4]) for page in ADRS]
    assert numbers == list(range(1, len(numbers) + 1))


def test_every_decision_is_listed() -> None:
    listed = set(LINK.findall(PAGES["docs/adr/README.md"]))
    assert listed == {Path(page).name for page in ADRS}
