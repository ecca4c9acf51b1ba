"""RFC 2308: negative answers."""

from tests.support.dnsclient import data_of


def soa(reply):
    (found,) = [r for r in reply.authority if r.rdtype == 6]
    return found


def test_3_a_negative_answer_carries_the_soa(desk):
    one = desk(upstream=["www.example.com A 192.0.2.1"])
    missing = one.ask("no.example.com")
    assert missing.rcode() == 3
    assert soa(missing).ttl == 600, "the smaller of TTL and MINIMUM (section 5)"
    empty = one.ask("www.example.com", "AAAA")
    assert (empty.rcode(), data_of(empty)) == (0, [])
    assert soa(empty).ttl == 600


def test_3_so_do_our_own_blocks(desk):
    config = "groups: {g: {age: 18, answer: {style: nxdomain, ttl: 90s}}}\ndefault_group: g\n"
    one = desk(config + "block: [bad.example.com]\n")
    reply = one.ask("bad.example.com")
    assert reply.rcode() == 3
    assert soa(reply).ttl == 90
    assert soa(reply)[0].minimum == 90


def test_5_it_is_cached_and_ages(desk):
    one = desk(upstream=["www.example.com A 192.0.2.1"])
    one.ask("no.example.com")
    one.now += 100
    assert soa(one.ask("no.example.com")).ttl == 500
    assert len(one.upstream.asked) == 1
    one.now += 501
    one.ask("no.example.com")
    assert len(one.upstream.asked) == 2


def test_5_nxdomain_holds_for_every_type_nodata_for_one(desk):
    one = desk(upstream=["www.example.com A 192.0.2.1"])
    one.ask("www.example.com", "AAAA")
    assert data_of(one.ask("www.example.com")) == ["192.0.2.1"]
    assert one.ask("no.example.com", "A").rcode() == 3
    assert one.ask("no.example.com", "AAAA").rcode() == 3


def test_7_1_a_failure_is_remembered_five_minutes_at_most(desk):
    one = desk(upstream=["www.example.com A 192.0.2.1"])
    one.upstream.failure = 22
    assert one.ask("www.example.com").rcode() == 2
    one.upstream.failure = None
    one.now += 300
    assert data_of(one.ask("www.example.com")) == ["192.0.2.1"]
