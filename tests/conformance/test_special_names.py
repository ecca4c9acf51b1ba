"""RFC 6761 (special names), 6303 (local zones), 7686 (onion), 8375 (home.arpa)."""

import pytest

from tests.support.dnsclient import data_of

FORWARDED = """\
groups: {g: {age: 18}}
default_group: g
upstream: {servers: [192.0.2.53], zones: {168.192.in-addr.arpa: [192.0.2.54]}}
rebind: {protect: false}
"""


def test_rfc6761_6_3_localhost_is_this_machine(desk):
    one = desk()
    for name in ("localhost", "any.localhost", "LOCALHOST"):
        assert data_of(one.ask(name)) == ["127.0.0.1"]
        assert data_of(one.ask(name, "AAAA")) == ["::1"]
    reply = one.ask("localhost", "MX")
    assert (reply.rcode(), data_of(reply)) == (0, [])
    assert one.upstream.asked == []


@pytest.mark.parametrize("name", ["x.test", "test", "invalid", "a.b.invalid"])
def test_rfc6761_6_2_and_6_4_test_and_invalid_do_not_exist(desk, name):
    one = desk()
    assert one.ask(name).rcode() == 3
    assert one.upstream.asked == []


def test_rfc6761_6_5_example_is_like_any_other(desk):
    one = desk(upstream=["www.example.com A 192.0.2.1"])
    assert data_of(one.ask("www.example.com")) == ["192.0.2.1"]


@pytest.mark.parametrize("name", ["onion", "abc.onion", "www.abc.onion"])
def test_rfc7686_2_onion_is_not_looked_up(desk, name):
    one = desk()
    for kind in ("A", "AAAA", "TXT"):
        assert one.ask(name, kind).rcode() == 3
    assert one.upstream.asked == []


@pytest.mark.parametrize(
    "name",
    [
        "1.0.0.10.in-addr.arpa",
        "1.0.16.172.in-addr.arpa",
        "1.0.31.172.in-addr.arpa",
        "1.1.168.192.in-addr.arpa",
        "1.0.0.127.in-addr.arpa",
        "1.1.254.169.in-addr.arpa",
        "1.2.0.192.in-addr.arpa",
        "1." + "0." * 31 + "ip6.arpa",
        "1.d.f.ip6.arpa",
        "1.8.e.f.ip6.arpa",
        "1.8.b.d.0.1.0.0.2.ip6.arpa",
    ],
)
def test_rfc6303_4_private_reverse_zones_stay_here(desk, name):
    one = desk()
    reply = one.ask(name, "PTR")
    assert reply.rcode() == 3
    assert [r.rdtype for r in reply.authority] == [6]
    assert one.upstream.asked == []


@pytest.mark.parametrize("name", ["1.0.32.172.in-addr.arpa", "8.8.8.8.in-addr.arpa"])
def test_rfc6303_public_reverse_zones_go_up(desk, name):
    one = desk()
    one.ask(name, "PTR")
    assert len(one.upstream.asked) == 1


def test_rfc6303_3_a_zone_that_is_configured_wins(desk):
    one = desk(FORWARDED, ["5.1.168.192.in-addr.arpa PTR printer.school.example."])
    assert data_of(one.ask("5.1.168.192.in-addr.arpa", "PTR")) == ["printer.school.example."]


def test_rfc8375_4_home_arpa(desk):
    one = desk()
    assert one.ask("router.home.arpa").rcode() == 3
    assert one.upstream.asked == []
