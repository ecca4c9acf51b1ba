import pytest

from filterd.formats.base import Options
from filterd.formats.detect import detect
from filterd.formats.registry import by_name
from filterd.formats.scan import check, lines, scan
from filterd.model.rule import Rule


def test_lines_are_numbered_from_one_and_lose_their_ends() -> None:
    assert list(lines(b"\xef\xbb\xbfa\r\n\nb")) == [(1, b"a"), (2, b""), (3, b"b")]
    assert list(lines(b"a\n")) == [(1, b"a")]
    assert list(lines(b"")) == []


def test_items_carry_their_place() -> None:
    found = list(scan(b"# x\r\n\r\n0.0.0.0 a.example b.example\r\n", by_name("hosts"), Options()))
    assert [(number, text, len(items)) for number, text, items in found] == [
        (1, "", 0),
        (2, "", 0),
        (3, "0.0.0.0 a.example b.example", 2),
    ]
    for item in found[2][2]:
        assert isinstance(item, Rule)
        assert (item.line, item.text) == (3, "0.0.0.0 a.example b.example")


def test_a_report_counts_lines() -> None:
    data = b"! c\n||a.example^\n||a.example^$popup\n0.0.0.0 b.example c.example localhost\n##.ad\n192.0.2.1 d.example\n\n"
    report = check(data, by_name("adblock"), Options())
    assert (report.accepted, report.rules, report.comments) == (3, 4, 2)
    assert [(item.line, item.code) for item in report.refused] == [
        (3, "unsupported-modifier"),
        (4, "local-name"),
        (5, "cosmetic-rule"),
    ]
    assert report.codes == {"unsupported-modifier": 1, "local-name": 1, "cosmetic-rule": 1}


def test_a_line_that_is_not_utf8_is_refused_alone() -> None:
    report = check(
        b"a.example\nb\xff.example\n# caf\xe9\nc\x00.example\n", by_name("domains"), Options()
    )
    assert report.accepted == 1
    assert [(item.line, item.code) for item in report.refused] == [
        (2, "bad-encoding"),
        (4, "bad-encoding"),
    ]


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("[Adblock Plus]\n! x\n||a.example^\n", "adblock"),
        ("||a.example^\n@@||b.example^\n/x[0-9]/\n", "adblock"),
        ("example.com##.ad\nexample.com#@#.ad\n", "adblock"),
        ("# x\n0.0.0.0 a.example\n127.0.0.1\tb.example c.example\n", "hosts"),
        ("a.example\nb.example # why\n", "domains"),
        ("# Syntax: Domains (without subdomains)\na.example\n", "onlydomains"),
        ("*.a.example\n*.b.example\n", "wildcard"),
        ("local=/a.example/\naddress=/b.example/0.0.0.0\n", "dnsmasq"),
        (
            "$TTL 3600\n@ SOA a. b. 1 2 3 4 5\n  NS a.\na.example CNAME .\n*.a.example CNAME .\n",
            "rpz",
        ),
        ("(\\.|^)a\\.example$\n^ad[sx]?[0-9]+\\.\n", "regex"),
        ("192.0.2.1\n2001:db8::/32 # why\n", "addresses"),
    ],
)
def test_detection(text: str, name: str) -> None:
    found, scores = detect(text.encode())
    assert found is not None, scores
    assert found.name == name, scores


@pytest.mark.parametrize(
    "text",
    ["", "<!DOCTYPE html>\n<html lang=en>\n<p>Not found\n", "# only\n! comments\n", "\x00\x01\x02"],
)
def test_nothing_is_detected_where_nothing_is(text: str) -> None:
    assert detect(text.encode())[0] is None
