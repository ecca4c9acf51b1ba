"""The core's bulk reading against the readers: with and without shapes a list means the same."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from filterd.core import IndexBuilder
from filterd.formats.base import Format, Options
from filterd.formats.registry import FORMATS, by_name
from filterd.formats.scan import check
from filterd.model.rule import NamePattern, Rule, Scope
from tests.support.data import real_list

NAMES = st.sampled_from(
    [
        "ads.example",
        "A.Example",
        "b.ads.example",
        "com",
        "co.uk",
        "a_b.test",
        "xn--bcher-kva.example",
        "bücher.example",
        "192.0.2.1",
        "a..b",
        "a.b.",
        "-a.test",
        "localhost",
        "x.1",
        "rpz-ip",
        "32.1.2.0.192.rpz-ip",
        "*.a.test",
        "localhost.localdomain",
        "0.0.0.0",
        "a.test#x",
    ]
)
OPTIONS = st.builds(Options, st.booleans(), st.booleans())
KINDS = {"exact": Scope.EXACT, "subtree": Scope.SUBTREE, "below": Scope.BELOW}


def shaped_lines(each: Format) -> st.SearchStrategy[str]:
    shapes = each.shapes(b"", Options())
    affixes = [(shape.prefix.decode(), shape.suffix.decode()) for shape in shapes]
    affixes += [("", ""), (" ", " "), ("# ", ""), ("!", "")]
    endings = st.sampled_from(["", " ", " # x", "\t"])
    return st.builds(
        lambda affix, name, end: affix[0] + name + affix[1] + end,
        st.sampled_from(affixes),
        NAMES,
        endings,
    )


@pytest.mark.parametrize(
    "each", [each for each in FORMATS if each.shapes(b"", Options())], ids=lambda each: each.name
)
@settings(max_examples=200, deadline=None)
@given(data=st.data(), options=OPTIONS)
def test_a_skimmed_line_means_what_the_reader_says(
    each: Format, data: st.DataObject, options: Options
) -> None:
    text = data.draw(shaped_lines(each))
    shapes = each.shapes(text.encode(), options)
    classes = [
        (shape.prefix, shape.suffix, int(shape.scope), number)
        for number, shape in enumerate(shapes)
    ]
    builder = IndexBuilder(lines=True)
    skimmed = builder.skim(text.encode(), classes, each.comments, wide=options.wide)
    reader = each.reader(options)
    items = (*reader.read(1, text), *reader.finish())
    if skimmed.comments:
        assert check(text.encode(), each, options).accepted == 0
    elif skimmed.accepted:
        (rule,) = items
        assert isinstance(rule, Rule)
        assert isinstance(rule.pattern, NamePattern)
        index = builder.finish("{}")
        ((number, kind, _, line),) = index.find(f"x.{rule.pattern.name}") or index.find(
            rule.pattern.name
        )
        assert (shapes[number].action, KINDS[kind], line) == (rule.action, rule.pattern.scope, 1)
    else:
        assert skimmed.leftovers == [(1, text.rstrip())]


@pytest.mark.real
@pytest.mark.parametrize(
    "name", ["adblock", "dnsmasq", "rpz", "onlydomains", "domains", "wildcard"]
)
def test_real_lists_are_read_in_bulk(name: str) -> None:
    each, data = by_name(name), real_list(f"hagezi/light/{name}")
    shapes = each.shapes(data, Options())
    classes = [
        (shape.prefix, shape.suffix, int(shape.scope), number)
        for number, shape in enumerate(shapes)
    ]
    skimmed = IndexBuilder().skim(data, classes, each.comments)
    assert skimmed.accepted > 60_000
    rest = [text for _, text in skimmed.leftovers if "xn--" not in text]
    assert len(rest) <= 3, "a header, and the first records of a zone"
