"""What holds for every format there is; a new one is tested by being in the registry."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from filterd.formats.base import Format, Options
from filterd.formats.names import name_pattern
from filterd.formats.refusals import Code, Refused
from filterd.formats.registry import ALIASES, FORMATS, by_name
from filterd.formats.scan import check, scan
from filterd.model.errors import RulesError
from filterd.model.rule import Cancel, NamePattern, Refusal, Rule

formats = pytest.mark.parametrize("each", FORMATS, ids=lambda each: each.name)
SNIPPETS = st.sampled_from(
    [
        "||", "|", "^", "@@", "$", "*", ".", "/", "~", ",", ";", "=", "'", '"', "\\", "(", ")", "#",
        "!", "example.com", "a.test", "192.0.2.1", "2001:db8::1", "0.0.0.0 ", "$dnsrewrite=", "A;", "NOERROR;",
        "$client=", "$denyallow=", "badfilter", "important", "dnstype=", "address=/", "local=/", "server=/",
        "$ORIGIN ", "$TTL 1", "@ SOA ", " CNAME .", " CNAME *.", ".rpz-ip", "32.1.2.0.192", ".rpz-nsip", " IN ", "\t",
        " ", "[", "]", "{", "}", "?", "(?=", "bücher", "xn--", "–", "\ufeff", "\x00", "\r", ";querytype=", ";reply=",
    ]
)  # fmt: skip
LINES = st.one_of(st.text(max_size=60), st.lists(SNIPPETS, max_size=8).map("".join))
LABEL = st.from_regex(r"[a-z0-9]([a-z0-9_-]{0,8}[a-z0-9])?", fullmatch=True)
NAMES = st.tuples(
    st.lists(LABEL, min_size=1, max_size=3), st.sampled_from(["com", "test", "co.uk", "vn"])
).map(lambda parts: ".".join((*parts[0], parts[1])))


@formats
@settings(max_examples=150, deadline=None)
@given(text=st.lists(LINES, max_size=6), options=st.builds(Options, st.booleans(), st.booleans()))
def test_reads_anything_without_raising(each: Format, text: list[str], options: Options) -> None:
    data = "\n".join(text).encode("utf-8", "surrogatepass")
    kept = data.decode("utf-8", "replace").split("\n")
    for _, _, items in scan(data, each, options):
        for item in items:
            if isinstance(item, Refusal):
                assert item.code in set(Code)
                assert item.reason.partition(": ")[2].strip(), "a reason has words"
                line, shown = item.line, item.text
            else:
                rule = item.rule if isinstance(item, Cancel) else item
                line, shown = rule.line, rule.text
            assert kept[line - 1].lstrip("\ufeff").rstrip("\r") == shown.lstrip("\ufeff").rstrip(
                "\r"
            )


@formats
@settings(max_examples=60, deadline=None)
@given(data=st.binary(max_size=200))
def test_reads_any_bytes_and_counts_every_line_once(each: Format, data: bytes) -> None:
    report = check(data, each, Options())
    refused = {item.line for item in report.refused}
    lines = len(data.split(b"\n")) - (data.endswith(b"\n") or not data)
    if not data.startswith((b"\xff\xfe", b"\xfe\xff")) and data != b"\xef\xbb\xbf":
        assert report.accepted + report.comments + len(refused) >= lines


@formats
@settings(max_examples=100, deadline=None)
@given(name=NAMES, options=st.builds(Options, st.booleans(), st.booleans()))
def test_shapes_say_what_the_reader_says(each: Format, name: str, options: Options) -> None:
    for shape in each.shapes(b"", options):
        text = (shape.prefix + name.encode() + shape.suffix).decode()
        try:
            pattern = name_pattern(name, shape.scope, options)
        except Refused:
            continue  # the core leaves such a line to the reader too
        assert each.reader(options).read(1, text) == (Rule(pattern, shape.action),), text


@formats
def test_a_line_of_4096_bytes_is_refused_whole(each: Format) -> None:
    report = check(b"a" * 4096, each, Options())
    assert [item.code for item in report.refused] == ["too-long"]
    assert len(report.refused[0].text) <= 200


@formats
def test_utf16_is_refused_whole(each: Format) -> None:
    report = check("ads.example.com\n".encode("utf-16"), each, Options())
    assert (report.accepted, [item.code for item in report.refused]) == (0, ["bad-encoding"])


@formats
def test_blank_lines_mean_nothing(each: Format) -> None:
    report = check(b"\n  \n\t\r\n\n", each, Options())
    assert (report.accepted, report.refused, report.comments) == (0, (), 4)


@formats
def test_comments_mean_nothing(each: Format) -> None:
    assert each.comments
    for mark in each.comments:
        report = check(b"  " + mark + b" ads.example.com\n" + mark + b"\n", each, Options())
        assert (report.accepted, report.refused) == (0, ())


@formats
def test_is_found_by_its_name_in_any_case(each: Format) -> None:
    assert by_name(each.name.upper()) is each
    assert each.title


def test_aliases_lead_to_formats_and_hide_none() -> None:
    names = {each.name for each in FORMATS}
    assert set(ALIASES.values()) <= names
    assert not set(ALIASES) & names


def test_an_unknown_format_names_the_known_ones() -> None:
    with pytest.raises(RulesError, match=r"unknown list format 'xml'.*adblock.*rpz"):
        by_name("xml")


def test_a_pattern_of_every_shape_is_a_name() -> None:
    shapes = [shape for each in FORMATS for shape in each.shapes(b"", Options())]
    assert len(shapes) > 30
    assert all(
        isinstance(name_pattern("ads.example.com", shape.scope, Options()), NamePattern)
        for shape in shapes
    )
