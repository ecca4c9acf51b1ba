from collections import Counter

import pytest

from filterd.formats.base import Options
from filterd.formats.registry import by_name
from filterd.formats.scan import scan
from filterd.formats.writers import WRITERS, write
from filterd.model.errors import RulesError
from filterd.model.rule import Action, Condition, NamePattern, RegexPattern, Rewrite, Rule, Scope

EXACT, SUBTREE, BELOW = Scope
BLOCKS = [Rule(NamePattern(f"{scope.name.lower()}.example", scope)) for scope in Scope]
ALLOW = Rule(NamePattern("ok.example", SUBTREE), Action.ALLOW)


def covered(lines: list[str], target: str) -> set[tuple[str, Scope, bool]]:
    found = set()
    for _, _, items in scan("\n".join(lines).encode(), by_name(target), Options()):
        for item in items:
            assert isinstance(item, Rule), item
            assert isinstance(item.pattern, NamePattern)
            found.add((item.pattern.name, item.pattern.scope, item.action is Action.ALLOW))
    return found


@pytest.mark.parametrize("target", ["adblock", "rpz"])
def test_everything_about_names_survives(target: str) -> None:
    left_out: Counter[str] = Counter()
    lines = list(write([*BLOCKS, ALLOW], target, left_out))
    expected = {("exact.example", EXACT, False), ("below.example", BELOW, False)}
    for name, allow in (("subtree.example", False), ("ok.example", True)):
        scopes = (SUBTREE,) if target == "adblock" else (EXACT, BELOW)
        expected |= {(name, scope, allow) for scope in scopes}
    assert covered(lines, target) == expected
    assert not left_out


@pytest.mark.parametrize(
    ("target", "names", "left_out"),
    [
        ("hosts", {("exact.example", EXACT), ("subtree.example", EXACT)}, {"subdomains": 1, "scope": 1, "exception": 1}),
        ("domains", {("exact.example", EXACT), ("subtree.example", EXACT)}, {"subdomains": 1, "scope": 1, "exception": 1}),
        ("wildcard", {("subtree.example", SUBTREE)}, {"scope": 2, "exception": 1}),
        ("onlydomains", {("subtree.example", SUBTREE)}, {"scope": 2, "exception": 1}),
        ("dnsmasq", {("subtree.example", SUBTREE), ("below.example", BELOW), ("ok.example", SUBTREE)}, {"scope": 1}),
    ],
)  # fmt: skip
def test_what_a_target_cannot_say_is_counted(
    target: str, names: set[tuple[str, Scope]], left_out: dict[str, int]
) -> None:
    counted: Counter[str] = Counter()
    lines = list(write([*BLOCKS, ALLOW], target, counted))
    assert {(name, scope) for name, scope, _ in covered(lines, target)} == names
    assert counted == left_out


@pytest.mark.parametrize("target", WRITERS)
def test_what_is_no_plain_name_is_left_out_everywhere(target: str) -> None:
    name = NamePattern("a.example", SUBTREE)
    rules = [
        Rule(RegexPattern("ads[0-9]")),
        Rule(name, important=True),
        Rule(name, condition=Condition(qtypes=frozenset({1}))),
        Rule(name, Action.REWRITE, rewrite=Rewrite(3)),
    ]
    counted: Counter[str] = Counter()
    assert covered(list(write(rules, target, counted)), target) == set()
    assert counted == {"not-a-name": 1, "important": 1, "condition": 1, "action": 1}


def test_an_unknown_target_names_the_known_ones() -> None:
    with pytest.raises(RulesError, match=r"cannot write 'regex'.*adblock"):
        list(write([], "regex", Counter()))
