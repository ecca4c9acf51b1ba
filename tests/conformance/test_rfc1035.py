"""RFC 1035: messages."""

import struct

import dns.message
import pytest

NAME = b"\x03www\x07example\x03com\x00"
GOOD = b"\x12\x34\x01\x00\0\1\0\0\0\0\0\0" + NAME + b"\0\1\0\1"


@pytest.fixture
def one(desk):
    return desk(upstream=["www.example.com A 192.0.2.1"])


def test_4_1_1_id_opcode_and_rd_are_copied_qr_and_ra_set(one):
    reply = one.send(GOOD)
    flags = struct.unpack("!H", reply[2:4])[0]
    assert reply[:2] == b"\x12\x34"
    assert flags & 0x8000
    assert flags & 0x0100
    assert flags & 0x0080
    assert not flags & 0x0400, "nobody is authoritative here"
    assert not flags & 0x0070, "Z is zero"


def test_4_1_1_a_response_is_no_query(one):
    assert one.send(GOOD[:2] + b"\x81" + GOOD[3:]) is None


def test_4_1_1_another_opcode_is_not_implemented(one):
    for opcode in (1, 2, 4, 5, 15):
        reply = one.send(GOOD[:2] + bytes([opcode << 3]) + GOOD[3:])
        assert reply[3] & 15 == 4, opcode


@pytest.mark.parametrize("count", [0, 2, 65535])
def test_4_1_2_one_question_exactly(one, count):
    reply = one.send(GOOD[:4] + struct.pack("!H", count) + GOOD[6:])
    assert reply[3] & 15 == 1


def test_4_1_2_the_question_comes_back(one):
    reply = one.send(GOOD)
    assert reply[12 : len(GOOD)] == GOOD[12:]


def test_4_1_1_less_than_a_header_is_not_answered(one):
    for size in range(12):
        assert one.send(GOOD[:size]) is None


@pytest.mark.parametrize("size", range(13, len(GOOD)))
def test_4_1_a_cut_message_is_a_format_error(one, size):
    reply = one.send(GOOD[:size])
    assert reply[:2] == b"\x12\x34"
    assert reply[3] & 15 == 1


def test_2_3_4_a_label_has_63_octets_at_most(one):
    longest = b"\x3f" + b"a" * 63 + b"\0"
    assert one.send(GOOD[:12] + longest + b"\0\1\0\1")[3] & 15 == 3
    too_long = b"\x40" + b"a" * 64 + b"\0"
    assert one.send(GOOD[:12] + too_long + b"\0\1\0\1")[3] & 15 == 1


def test_2_3_4_a_name_has_255_octets_at_most(one):
    longest = (b"\x3f" + b"a" * 63) * 3 + b"\x3d" + b"a" * 61 + b"\0"
    assert len(longest) == 255
    assert one.send(GOOD[:12] + longest + b"\0\1\0\1")[3] & 15 == 3
    over = (b"\x3f" + b"a" * 63) * 3 + b"\x3e" + b"a" * 62 + b"\0"
    assert one.send(GOOD[:12] + over + b"\0\1\0\1")[3] & 15 == 1


def test_4_1_4_a_pointer_to_itself_is_a_format_error(one):
    assert one.send(GOOD[:12] + b"\xc0\x0c\0\1\0\1")[3] & 15 == 1


def test_4_2_1_a_udp_message_without_edns_has_512_octets_at_most(desk):
    one = desk()
    one.upstream.answer = _large
    reply = one.send(dns.message.make_query("big.example.com", "TXT").to_wire())
    assert len(reply) <= 512
    assert reply[2] & 2, "TC"
    whole = one.send(dns.message.make_query("big.example.com", "TXT").to_wire(), door=1)
    assert len(dns.message.from_wire(whole).answer[0]) == 10


def _large(query):
    reply = dns.message.make_response(query)
    name = query.question[0].name
    texts = [f'"{c * 200}"' for c in "abcdefghij"]
    reply.answer = [dns.rrset.from_text_list(name, 300, "IN", "TXT", texts)]
    return reply


def test_3_2_4_another_class_is_refused(one):
    for qclass in (3, 4, 254):  # CH, HS, NONE
        assert one.send(GOOD[:-2] + struct.pack("!H", qclass))[3] & 15 == 5
