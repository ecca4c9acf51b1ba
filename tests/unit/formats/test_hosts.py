"""Odd lines of hosts files, as real lists have them."""

import pytest

from filterd.formats.base import Options
from filterd.formats.hosts import Hosts
from filterd.formats.scan import check
from filterd.model.rule import Action, Rule


@pytest.mark.parametrize(
    "address", ["127.0.0.2", "127.0.1.1", "0:0:0:0:0:0:0:0", "0:0::1", "255.255.255.255", "0"]
)
def test_every_spelling_of_nowhere_blocks(address: str) -> None:
    (rule,) = Hosts().reader(Options()).read(1, f"{address} ads.example.com")
    assert isinstance(rule, Rule)
    assert rule.action is Action.BLOCK


def test_a_byte_order_mark_in_the_middle_of_joined_files() -> None:
    data = b"0.0.0.0 a.example.com\n\xef\xbb\xbf0.0.0.0 b.example.com\n\xef\xbb\xbf# c\n"
    report = check(data, Hosts(), Options())
    assert (report.accepted, report.refused) == (2, ())


@pytest.mark.parametrize(
    ("line", "names"),
    [
        ("  0.0.0.0   a.example.com\tb.example.com # why", 2),
        ("0.0.0.0 a.example.com#why", 1),
        ("0.0.0.0 A.EXAMPLE.COM.\r", 1),
        ("0.0.0.0\u00a0a.example.com", 1),
        ("0.0.0.0 a.example.com\u200b", 1),
        ("0.0.0.0 a.example.com ; why", 1),
    ],
)
def test_names_of_odd_lines(line: str, names: int) -> None:
    items = Hosts().reader(Options()).read(1, line)
    assert sum(isinstance(item, Rule) for item in items) == names


@pytest.mark.parametrize(
    "line", ["000.000.000.000 a.example.com", "0.0.0.0,a.example.com", "0.0.0.0 http://a.example/"]
)
def test_what_is_no_hosts_line_costs_itself_only(line: str) -> None:
    report = check(f"{line}\n0.0.0.0 b.example.com\n".encode(), Hosts(), Options())
    assert (report.accepted, len(report.refused)) == (1, 1)
