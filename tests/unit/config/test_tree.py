"""YAML without its guesses, and with the line of every key."""

import pytest

from filterd.config.tree import read_tree


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("a: off", "off"),
        ("a: no", "no"),
        ("a: 11:30", "11:30"),
        ("a: 2026-11-20", "2026-11-20"),
        ("a: 010", 10),
        ("a: true", True),
        ("a: 1234567890123456789012", "1234567890123456789012"),
        ("a: ''", ""),
        ("a: |\n  x\n  y\n", "x\ny\n"),
        ("a: ~", None),
        ("a:", None),
        ("a: 0.5", 0.5),
        ("a: 1e3", "1e3"),
        ("a: 02:00:00:00:00:07", "02:00:00:00:00:07"),
        ("a: '1'", "1"),
        ("a: [1, b]", (1, "b")),
    ],
)
def test_scalars(text: str, value: object) -> None:
    tree = read_tree(text)
    assert tree.problems == []
    assert tree.value == {"a": value}
    assert type(tree.value["a"]) is type(value)


def test_lines() -> None:
    tree = read_tree("a:\n  b:\n    - x\n    - c: 1\n")
    assert tree.line(("a", "b", 1, "c")) == 4
    assert tree.line(("a", "b", 1, "missing")) == 4
    assert tree.line(("z",)) is None


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("a:\n  b: 1\n\tc: 2\n", "spaces"),
        ("a:\n  b: 1\n    c: 2\n", "indented"),
        ("a: [*.b.example]\n", "quotes"),
        ("a: [@b.example]\n", "quotes"),
        ("a: [::1]\n", "quotes"),
        ("a: 'b\n", "not closed"),
        ("a: {b: 1 c: 2, d: 3}\n", "comma"),
        ("a: [b\nc: 1\n", "comma"),
        ("a:\n  b: {c: 1}\n d: {}\n", "indented"),
        ("a:b\nc: 1\n", "colon"),
    ],
)
def test_what_is_no_yaml_gets_a_word_of_help(text: str, hint: str) -> None:
    (problem,) = read_tree(text).problems
    assert hint in problem.text


@pytest.mark.parametrize(
    ("text", "part", "line"),
    [
        ("a: 1\nb: 2\na: 3\n", "given twice, first in line 1", 3),
        ("a: &x [1]\nb: *x\n", "aliases", 2),
        ("a: !!python/object:os.system x\n", "tag", 1),
        ("a: [1\nb: 2\n", "not YAML", 2),
        ("a: {b: 1, b: {c: 2}}", "given twice, first in line 1", 1),
        ("? [a]\n: 1\n", "key must be text", 1),
        ("[" * 50, "nested deeper", 1),
        ("a: 1\n---\nb: 2\n", "second document", 2),
    ],
)
def test_refusals(text: str, part: str, line: int) -> None:
    (problem,) = read_tree(text).problems
    assert part in problem.text
    assert problem.line == line


def test_bytes_must_be_utf8() -> None:
    assert "UTF-8" in read_tree(b"a: \xff").problems[0].text
    assert read_tree("\ufeffa: ê".encode()).value == {"a": "ê"}


def test_size_is_bounded() -> None:
    assert "bytes" in read_tree(b"#" * (9 * 2**20)).problems[0].text
