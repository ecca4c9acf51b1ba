"""Neighbour tables: what real kernels print, and anything else."""

import sys

from hypothesis import given, settings
from hypothesis import strategies as st

from filterd.who.neighbours import (
    Neighbours,
    gathered,
    parse_arp,
    parse_ip_neigh,
    read_neighbours,
)
from tests.support.needs import program

ARP = """\
IP address       HW type     Flags       HW address            Mask     Device
192.0.2.7        0x1         0x2         02:00:5E:10:00:01     *        eth0
192.0.2.8        0x1         0x0         00:00:00:00:00:00     *        eth0
192.0.2.9        0x1         0x6         02:00:5e:10:00:01     *        eth0
192.0.2.10       0x1         0x0         02:00:5e:10:00:03     *        eth0
not-an-address   0x1         0x2         02:00:5e:10:00:04     *        eth0
192.0.2.11       0x20        0x2         80:00:00:48:fe:80     *        ib0
192.0.2.12       0x1         zz          02:00:5e:10:00:05     *        eth0
192.0.2.13       0x1
"""
NEIGH = """\
fe80::1 dev eth0 lladdr 02:00:5e:10:00:01 router REACHABLE
2001:db8::7 dev eth0 lladdr 02:00:5E:10:00:01 STALE
2001:db8::8 dev eth0  FAILED
2001:db8::9 dev eth0 lladdr 02:00:5e:10:00:02 FAILED
2001:db8::a dev eth0 INCOMPLETE
2001:db8::b dev eth0 lladdr
ff02::1 dev eth0 lladdr 33:33:00:00:00:01 NOARP
fe80::2%eth0 dev eth0 lladdr 02:00:5e:10:00:03 DELAY

"""


def test_the_ipv4_table():
    assert list(parse_arp(ARP)) == [
        ("02:00:5e:10:00:01", "192.0.2.7"),
        ("02:00:5e:10:00:01", "192.0.2.9"),
        ("80:00:00:48:fe:80", "192.0.2.11"),
    ]


def test_the_ipv6_table():
    assert list(parse_ip_neigh(NEIGH)) == [
        ("02:00:5e:10:00:01", "fe80::1"),
        ("02:00:5e:10:00:01", "2001:db8::7"),
        ("02:00:5e:10:00:03", "fe80::2"),
    ]


def test_each_address_once_in_order():
    pairs = [("m", "2"), ("m", "1"), ("n", "3"), ("m", "2")]
    assert gathered(pairs) == {"m": ("2", "1"), "n": ("3",)}


def test_both_are_put_together(tmp_path):
    arp = tmp_path / "arp"
    arp.write_text(ARP)
    command = (sys.executable, "-c", f"print({NEIGH!r})")
    found = read_neighbours(arp, command)
    assert found.problems == ()
    assert found.addresses["02:00:5e:10:00:01"] == (
        "192.0.2.7",
        "192.0.2.9",
        "fe80::1",
        "2001:db8::7",
    )


def test_what_is_missing_is_said_and_the_other_table_counts(tmp_path):
    arp = tmp_path / "arp"
    arp.write_text(ARP)
    found = read_neighbours(arp, ("no-such-command-here",))
    assert "02:00:5e:10:00:01" in found.addresses
    assert len(found.problems) == 1
    assert "no IPv6 neighbours" in found.problems[0]
    found = read_neighbours(tmp_path / "absent", (sys.executable, "-c", "raise SystemExit(3)"))
    assert found.addresses == Neighbours().addresses
    assert len(found.problems) == 2


def test_this_machine():
    program("ip", "iproute2")
    found = read_neighbours()
    assert not [problem for problem in found.problems if "IPv6" in problem]


@settings(deadline=None)
@given(st.text())
def test_no_text_breaks_the_parsers(text):
    for parse in (parse_arp, parse_ip_neigh):
        assert len(list(parse(text))) <= text.count("\n") + len(text)
