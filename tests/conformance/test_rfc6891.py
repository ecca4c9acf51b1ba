"""RFC 6891: EDNS(0)."""

import dns.edns
import dns.flags
import dns.message
import pytest


@pytest.fixture
def one(desk):
    return desk(upstream=["www.example.com A 192.0.2.1"])


def test_6_1_1_an_opt_goes_out_exactly_when_one_came_in(one):
    assert one.ask("www.example.com").edns == 0
    assert one.ask("www.example.com", use_edns=None).edns == -1


def test_6_1_1_two_opts_are_a_format_error(one):
    query = dns.message.make_query("www.example.com", "A", use_edns=0).to_wire()
    opt = query[-11:]
    assert one.send(query[:11] + b"\2" + query[12:] + opt)[3] & 15 == 1


def test_6_1_1_an_opt_belongs_to_the_additional_section(one):
    query = dns.message.make_query("www.example.com", "A", use_edns=0).to_wire()
    moved = query[:8] + b"\0\1\0\0" + query[12:]
    assert one.send(moved)[3] & 15 == 1


def test_6_1_2_its_owner_is_the_root(one):
    query = dns.message.make_query("www.example.com", "A", use_edns=0).to_wire()
    assert one.send(query[:-11] + b"\1x" + query[-11:])[3] & 15 == 1


def test_6_1_2_unknown_options_are_passed_over(one):
    option = dns.edns.GenericOption(65001, b"\1\2\3")
    reply = one.ask("www.example.com", options=[option])
    assert reply.rcode() == 0
    assert reply.options == ()


def test_6_1_3_another_version_is_badvers_with_ours(one):
    query = dns.message.make_query("www.example.com", "A", use_edns=1)
    reply = dns.message.from_wire(one.send(query.to_wire()))
    assert reply.rcode() == 16
    assert reply.edns == 0
    assert reply.answer == []


def test_6_1_4_do_comes_back_and_unknown_flags_do_not(one):
    reply = one.ask("www.example.com", ednsflags=dns.flags.DO | 0x4000)
    assert reply.ednsflags & 0xFFFF == dns.flags.DO


def test_6_2_3_a_size_below_512_counts_as_512(one):
    reply = one.ask("www.example.com", payload=100)
    assert [r.to_text() for r in reply.answer[0]] == ["192.0.2.1"]


def test_6_2_5_we_say_1232(one):
    assert one.ask("www.example.com", payload=4096).payload == 1232


def test_6_2_1_what_is_asked_upstream_carries_our_opt_not_the_clients(one):
    cookie = dns.edns.GenericOption(dns.edns.OptionType.COOKIE, b"12345678")
    subnet = dns.edns.ECSOption("192.0.2.77", 32)
    one.ask("www.example.com", options=[cookie, subnet])
    (asked,) = one.upstream.asked
    assert asked.edns == 0
    assert asked.options == ()
    assert asked.payload == 1232


def test_7_a_format_error_in_the_opt(one):
    query = dns.message.make_query("www.example.com", "A", use_edns=0).to_wire()
    broken = query[:-2] + b"\0\4" + b"\0\1\0\\9"[:3] + b"\x09"  # an option longer than the rest
    assert one.send(broken)[3] & 15 == 1
