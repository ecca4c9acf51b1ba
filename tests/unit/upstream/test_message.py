import random
import struct

import dns.message
import dns.name
import dns.rdatatype
import pytest
from hypothesis import given
from hypothesis import strategies as st

from filterd.upstream import message
from filterd.upstream.bootstrap import address_records, question
from tests.support.fake_upstream import other_id, reply

labels = st.lists(st.binary(min_size=1, max_size=20), min_size=0, max_size=5)
seeds = st.integers(0, 2**32)


def wire_query(parts, rtype=1, options=b""):
    name = b"".join(bytes((len(p),)) + p for p in parts) + b"\0"
    additional = 1 if options else 0
    header = struct.pack("!HHHHHH", 0, 0x0100, 1, 0, 0, additional)
    return header + name + struct.pack("!HH", rtype, 1) + options


def opt(size=1232, options=b""):
    return b"\0\0\x29" + struct.pack("!HIH", size, 0, len(options)) + options


@given(labels, seeds, st.sampled_from([1, 28, 65, 97, 16]))
def test_case_and_id_change_nothing_that_matters(parts, seed, rtype):
    query = wire_query(parts, rtype, opt())
    wire, expected = message.prepare(query, random.Random(seed))
    assert wire[2:].lower() == query[2:].lower()
    assert wire[-15:] == query[-15:]  # qtype, qclass and OPT as they were
    assert wire[:2] == expected.id


@given(labels, seeds)
def test_an_answer_comes_back_with_id_0_and_the_question_as_asked(parts, seed):
    query = wire_query(parts)
    wire, expected = message.prepare(query, random.Random(seed))
    answer = wire[:2] + b"\x81\x80" + wire[4:] + b"rest"
    assert message.fits(expected, answer) is message.Fit.EXACT
    assert message.restored(expected, answer) == b"\0\0\x81\x80" + query[4:] + b"rest"


def test_names_get_both_cases():
    query = question("www.example.test", 1)
    seen = {message.prepare(query, random.Random(seed))[0][12:-4] for seed in range(200)}
    assert len(seen) > 190
    assert {s.lower() for s in seen} == {b"\x03www\x07example\x04test\0"}


def test_ids_are_spread():
    query = question("www.example.test", 1)
    rng = random.Random(7)
    ids = {message.prepare(query, rng)[1].id for _ in range(1000)}
    assert len(ids) > 980


@pytest.mark.parametrize("mix", [True, False])
def test_qtype_is_not_folded_with_the_name(mix):
    # HTTPS is type 65 = "A", type 97 = "a": lower() over the whole question would mix them up.
    query = wire_query([b"example", b"test"], 65)
    wire, expected = message.prepare(query, random.Random(1), mix=mix)
    wrong = bytearray(reply(wire))
    end = message.question_end(bytes(wrong))
    wrong[end - 3] = 97
    assert message.fits(expected, bytes(wrong)) is message.Fit.ALIEN


def test_what_does_not_fit():
    query = question("www.example.test", 1)
    wire, expected = message.prepare(query, random.Random(3))
    good = reply(wire)
    swapped = wire[12:-4].swapcase() + wire[-4:]
    assert message.fits(expected, good) is message.Fit.EXACT
    assert message.fits(expected, reply(wire, question=swapped)) is message.Fit.CASE
    for bad in (
        reply(wire, id_=other_id(wire)),
        reply(wire, question=question("other.example.test", 1)[12:]),
        reply(wire, question=question("www.example.test", 28)[12:]),
        wire,  # QR is not set
        good[:2] + bytes((good[2] | 0x28,)) + good[3:],  # another opcode
        good[:4] + b"\0\2" + good[6:],  # two questions
        good[:4] + b"\0\0" + good[6:],  # no question
        good[:11],
        b"",
    ):
        assert message.fits(expected, bad) is message.Fit.ALIEN


@given(st.binary(max_size=80))
def test_no_bytes_make_it_crash(data):
    _, expected = message.prepare(question("www.example.test", 1), random.Random(3))
    assert message.fits(expected, data) is message.Fit.ALIEN
    message.is_response(data)
    try:
        message.prepare(data, random.Random(1))
        message.padded(data)
    except message.QueryError:
        assert len(data) < 17 or data[12] > 0


@given(st.binary(min_size=12, max_size=120))
def test_records_of_a_broken_answer_end_where_it_breaks(tail):
    answer = reply(question("www.example.test", 1))
    assert address_records(answer) == [("192.0.2.1", 300)]
    broken = answer[:6] + b"\xff\xff" + answer[8:] + tail
    assert address_records(broken)[0] == ("192.0.2.1", 300)


@pytest.mark.parametrize("size", [0, 300, 512, 1232, 4096])
def test_the_limit_is_what_the_query_advertises_but_never_below_512(size):
    _, expected = message.prepare(wire_query([b"x"], 1, opt(size)), random.Random(1))
    assert expected.limit == max(512, size)


@given(labels, st.sampled_from([b"", b"\0\x03\0\x02ab"]))
def test_padding_gives_whole_blocks_and_stays_a_message(parts, options):
    query = wire_query(parts, 1, opt(1232, options))
    padded = message.padded(query)
    assert len(padded) % 128 == 0
    parsed = dns.message.from_wire(padded)
    assert [o.otype for o in parsed.options] == ([3] if options else []) + [12]
    assert message.padded(padded) == padded


def test_a_query_without_opt_is_not_padded():
    query = question("www.example.test", 1)
    assert message.padded(query) == query


def test_question_is_what_dnspython_reads():
    parsed = dns.message.from_wire(question("dns.example.test", 28))
    assert parsed.question[0].name == dns.name.from_text("dns.example.test.")
    assert parsed.question[0].rdtype == dns.rdatatype.AAAA
