import pytest

from filterd.formats.base import Options
from filterd.formats.regex import Regex
from filterd.model.rule import (
    Action,
    Condition,
    NamePattern,
    Record,
    Refusal,
    RegexPattern,
    Rewrite,
    Rule,
    Scope,
)

ADS = RegexPattern(r"^ads[0-9]*\.")


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        (r"^ads[0-9]*\.", Rule(ADS)),
        (r"(\.|^)a\.example$", Rule(NamePattern("a.example", Scope.SUBTREE))),
        (
            r"^ads[0-9]*\.;querytype=A,AAAA",
            Rule(ADS, condition=Condition(qtypes=frozenset({1, 28}))),
        ),
        (
            r"^ads[0-9]*\.;querytype=!https",
            Rule(ADS, condition=Condition(not_qtypes=frozenset({65}))),
        ),
        (r"^ads[0-9]*\.;reply=NXDOMAIN", Rule(ADS, Action.NXDOMAIN)),
        (r"^ads[0-9]*\.;reply=nodata", Rule(ADS, Action.NODATA)),
        (r"^ads[0-9]*\.;reply=none", Rule(ADS, Action.DROP)),
        (r"^ads[0-9]*\.;reply=refused", Rule(ADS, Action.REWRITE, rewrite=Rewrite(5))),
        (
            r"^ads[0-9]*\.;reply=192.0.2.1;querytype=A",
            Rule(
                ADS,
                Action.REWRITE,
                condition=Condition(qtypes=frozenset({1})),
                rewrite=Rewrite(records=(Record(1, "192.0.2.1"),)),
            ),
        ),
    ],
)
def test_expressions_and_extensions(text: str, rule: Rule) -> None:
    assert Regex().reader(Options()).read(1, text) == (rule,)


@pytest.mark.parametrize(
    ("text", "code"),
    [
        (r"^a\.example$;invert", "unsupported-modifier"),
        ("abc;reply=IP", "unsupported-modifier"),
        ("abc;querytype=FOO", "bad-modifier"),
        (".*", "too-wide"),
        ("(?!a)bcd", "unsupported-regex"),
        ("(abc", "unsupported-regex"),
    ],
)
def test_refusals(text: str, code: str) -> None:
    (item,) = Regex().reader(Options()).read(1, text)
    assert isinstance(item, Refusal)
    assert item.code == code
