"""Local records and special names, by bytes in and bytes out; RFC 4592 is in tests/conformance."""

import dns.message
import pytest

from filterd.engine import special
from filterd.engine.local import LocalData, LocalRecord, Unfinished, check_records

QUERY = {}


def query(name, kind="A"):
    return dns.message.make_query(name, kind, id=0).to_wire()


def answered(data, name, kind="A", number=1):
    """Return the reply to a question as a message; None where it is for upstream."""
    reply = data.answer(name, number, query(name, kind))
    return None if reply is None else dns.message.from_wire(reply)


def texts(message):
    return [rdata.to_text() for rrset in message.answer for rdata in rrset]


def test_every_type_that_a_configuration_may_hold():
    rows = [
        ("A", 1, "192.0.2.1"),
        ("AAAA", 28, "2001:db8::1"),
        ("TXT", 16, '"hello world"'),
        ("MX", 15, "10 mail.example."),
        ("SRV", 33, "0 5 389 ldap.example."),
        ("CAA", 257, '0 issue "ca.example"'),
        ("PTR", 12, "host.example."),
    ]
    data = LocalData([LocalRecord("x.example", kind, text, 60) for kind, _, text in rows])
    for kind, number, text in rows:
        reply = answered(data, "x.example", kind, number)
        assert texts(reply) == [text], kind
        assert reply.answer[0].ttl == 60
        assert not reply.flags & 0x0400, "not authoritative"


def test_several_records_of_one_name():
    data = LocalData(
        [LocalRecord("x.example", "A", "192.0.2.1"), LocalRecord("x.example", "A", "192.0.2.2")]
    )
    assert texts(answered(data, "x.example")) == ["192.0.2.1", "192.0.2.2"]


def test_a_name_without_that_type_is_empty_with_an_soa():
    data = LocalData([LocalRecord("x.example", "A", "192.0.2.1")])
    reply = answered(data, "x.example", "AAAA", 28)
    assert (reply.rcode(), texts(reply)) == (0, [])
    assert [r.rdtype for r in reply.authority] == [6]


def test_names_of_nobody_here_are_for_upstream():
    data = LocalData([LocalRecord("x.example", "A", "192.0.2.1")])
    for name in ("example", "y.example", "a.x.example", "xx.example", ""):
        assert data.answer(name, 1, query(name or ".")) is None, name


def test_a_chain_inside():
    data = LocalData(
        [
            LocalRecord("a.example", "CNAME", "b.example"),
            LocalRecord("b.example", "CNAME", "c.example"),
            LocalRecord("c.example", "A", "192.0.2.3"),
        ]
    )
    assert texts(answered(data, "a.example")) == ["b.example.", "c.example.", "192.0.2.3"]
    assert texts(answered(data, "a.example", "CNAME", 5)) == ["b.example."]


def test_a_chain_that_bites_its_tail_ends():
    data = LocalData(
        [
            LocalRecord("a.example", "CNAME", "b.example"),
            LocalRecord("b.example", "CNAME", "a.example"),
        ]
    )
    reply = data.answer("a.example", 1, query("a.example"))
    assert isinstance(reply, bytes)
    assert len(reply) < 512


def test_a_chain_that_leaves_is_finished_with_upstreams_answer():
    data = LocalData([LocalRecord("a.example", "CNAME", "www.example.org", 60)])
    left = data.answer("a.example", 1, query("a.example"))
    assert isinstance(left, Unfinished)
    assert left.target == "www.example.org"
    asked = dns.message.from_wire(left.query)
    assert asked.question[0].to_text() == "www.example.org. IN A"
    reply = dns.message.make_response(asked)
    reply.answer = [dns.rrset.from_text("www.example.org.", 300, "IN", "A", "192.0.2.9")]
    whole = dns.message.from_wire(left.finish(reply.to_wire()))
    assert texts(whole) == ["www.example.org.", "192.0.2.9"]
    assert whole.question[0].to_text() == "a.example. IN A"


@pytest.mark.parametrize("zone", sorted(special.ZONES))
def test_special_zones_with_all_below_them(zone):
    data = LocalData()
    for name in (zone, f"x.{zone}"):
        reply = answered(data, name)
        assert reply.rcode() == special.ZONES[zone]
        assert texts(reply) == []
        assert [r.rdtype for r in reply.authority] == [6], "so that it may be kept"


def test_special_zones_are_zones_not_endings():
    data = LocalData()
    for name in ("mytest", "onion.example", "test.example", "localhost.example"):
        assert data.answer(name, 1, query(name)) is None, name


def test_a_record_or_a_forwarded_zone_comes_before_a_special_one():
    data = LocalData([LocalRecord("printer.local", "A", "192.0.2.5")], ["lab.test"])
    assert texts(answered(data, "printer.local")) == ["192.0.2.5"]
    assert data.answer("x.lab.test", 1, query("x.lab.test")) is None
    assert answered(data, "x.other.test").rcode() == 3


def test_records_that_cannot_be_used_are_told_by_their_place():
    good = LocalRecord("x.example", "A", "192.0.2.1")
    bad = LocalRecord("x.example", "A", "not an address")
    assert list(check_records([good, bad, good])) == [1]
