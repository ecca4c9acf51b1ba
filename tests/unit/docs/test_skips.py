"""Skips of the suite: made in one place, read alike, and none on a machine our scripts set up."""

import ast
import re
from pathlib import Path

import pytest

from tests.support import needs

ROOT = Path(__file__).resolve().parents[3]
SKIPS = {"skip", "skipif", "importorskip", "skipTest", "SkipTest", "skipUnless", "skipIf"}
SETS_UP = "".join(
    (ROOT / "deploy" / "build" / name).read_text() for name in ("environment.sh", "test-tools.sh")
)
TEXTS = {
    path.relative_to(ROOT).as_posix(): path.read_text(encoding="utf-8")
    for path in sorted((ROOT / "tests").rglob("*.py"))
    if path != Path(__file__)
}
TREES = {
    path: ast.parse(text)
    for path, text in TEXTS.items()
    if "program(" in text or any(word in text for word in SKIPS)
}


def skips(tree):
    for part in ast.walk(tree):
        name = getattr(part, "attr", None) or getattr(part, "id", None)
        if name in SKIPS:
            yield f"line {part.lineno}: {name}"


def programs(tree):
    """The (program, package) pairs a module asks for; a constant of the module is looked up."""
    constants = {
        part.targets[0].id: part.value.value
        for part in tree.body
        if isinstance(part, ast.Assign)
        and isinstance(part.targets[0], ast.Name)
        and isinstance(part.value, ast.Constant)
    }
    for part in ast.walk(tree):
        if isinstance(part, ast.Call) and getattr(part.func, "id", None) == "program":
            yield tuple(
                each.value if isinstance(each, ast.Constant) else constants[each.id]
                for each in part.args
            )


def test_every_skip_is_made_in_one_place():
    found = {path: list(skips(tree)) for path, tree in TREES.items()}
    found = {path: said for path, said in found.items() if said}
    assert found.keys() == {"tests/support/needs.py"}, found


def test_every_program_asked_for_is_one_our_scripts_install():
    wanted = {pair for tree in TREES.values() for pair in programs(tree)}
    assert {("nginx", "nginx-light"), ("systemd-analyze", "systemd"), ("cc", "gcc")} < wanted
    installed = set(re.findall(r"[\w.-]+", SETS_UP.replace(":", " ")))
    assert [pair for pair in wanted if not installed.issuperset(pair)] == []


@pytest.mark.parametrize(
    ("ask", "told"),
    [
        (
            lambda: needs.program("no-such-program", "a-package"),
            r"^no-such-program IS ABSENT: apt-get install a-package to run this test$",
        ),
        (
            lambda: needs.allowed("to fail", "sh", "-c", "echo no >&2; exit 3"),
            r"^THE RIGHT to fail \(no\) IS ABSENT: become root to run this test$",
        ),
        (
            lambda: needs.allowed("to be", "no-such-program"),
            r"^THE RIGHT to be \(.*no-such-program.*\) IS ABSENT: become root to run this test$",
        ),
    ],
)
def test_a_skip_says_what_is_absent_and_what_to_do(ask, told):
    with pytest.raises(pytest.skip.Exception, match=told):
        ask()


def test_what_is_there_is_not_skipped():
    assert needs.program("sh", "dash").endswith("/sh")
    needs.allowed("to do nothing", "true")
