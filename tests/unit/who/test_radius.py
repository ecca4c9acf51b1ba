"""RADIUS accounting, held against the octets of RFC 2866 and RFC 3162."""

import hashlib
import ipaddress
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from filterd.who.radius import Attribute, BadPacket, Status, read_request, response_to

SECRET = b"correct horse battery staple"
PREFIX = bytes((0, 64)) + ipaddress.IPv6Address("2001:db8:7::").packed[:8]


def attribute(kind: int, value: bytes) -> bytes:
    return bytes((kind, len(value) + 2)) + value


def request(*attributes: tuple[int, bytes], secret: bytes = SECRET, code: int = 4) -> bytes:
    body = b"".join(attribute(*each) for each in attributes)
    head = struct.pack("!BBH", code, 42, 20 + len(body))
    return head + hashlib.md5(head + bytes(16) + body + secret).digest() + body


def integer(number: int) -> bytes:
    return number.to_bytes(4, "big")


START = (Attribute.ACCT_STATUS_TYPE, integer(1))
SESSION = (Attribute.ACCT_SESSION_ID, b"0000002A")
FULL = (
    START,
    SESSION,
    (Attribute.USER_NAME, b"Alice@school.test"),
    (Attribute.CALLING_STATION_ID, b"00-00-5E-00-53-07"),
    (Attribute.FRAMED_IP_ADDRESS, bytes((192, 0, 2, 7))),
    (Attribute.FRAMED_IPV6_PREFIX, PREFIX),
    (Attribute.FRAMED_IPV6_ADDRESS, ipaddress.IPv6Address("2001:db8::7").packed),
    (Attribute.CLASS, b"grade-8"),
    (Attribute.CLASS, b"\x00\xff\x01"),
    (Attribute.EVENT_TIMESTAMP, integer(1767225600)),
    (Attribute.ACCT_DELAY_TIME, integer(5)),
    (Attribute.NAS_IP_ADDRESS, bytes((192, 0, 2, 1))),
    (Attribute.NAS_IDENTIFIER, b"ap-lobby"),
)


def test_what_a_request_says() -> None:
    said = read_request(request(*FULL), SECRET)
    assert said.status is Status.START
    assert said.session == b"0000002A"
    assert said.user == "alice@school.test"
    assert said.mac == "00:00:5e:00:53:07"
    assert said.addresses == ("192.0.2.7", "2001:db8:7::/64", "2001:db8::7")
    assert said.classes == ("grade-8",)
    assert (said.at, said.delay) == (1767225600, 5)
    assert said.nas == {(4, bytes((192, 0, 2, 1))), (32, b"ap-lobby")}


def test_padding_after_the_packet_is_no_part_of_it() -> None:
    assert read_request(request(*FULL) + b"\0" * 7, SECRET) == read_request(request(*FULL), SECRET)


@pytest.mark.parametrize("at", [0, 1, 3, 4, 19, 20, 25, -1])
def test_a_changed_octet_is_not_believed(at: int) -> None:
    packet = bytearray(request(*FULL))
    packet[at] ^= 1
    with pytest.raises(BadPacket):
        read_request(bytes(packet), SECRET)


def test_another_secret_is_not_believed() -> None:
    with pytest.raises(BadPacket, match="secret"):
        read_request(request(*FULL, secret=b"other"), SECRET)


def test_a_login_is_not_for_us() -> None:
    with pytest.raises(BadPacket, match="accounting alone"):
        read_request(request(*FULL, code=1), SECRET)


@pytest.mark.parametrize(
    ("attributes", "why"),
    [
        ((SESSION,), "Acct-Status-Type"),
        ((START,), "Acct-Session-Id"),
        (((Attribute.ACCT_STATUS_TYPE, b"\1"), SESSION), "Acct-Status-Type"),
    ],
)
def test_what_must_be_there(attributes: tuple[tuple[int, bytes], ...], why: str) -> None:
    with pytest.raises(BadPacket, match=why):
        read_request(request(*attributes), SECRET)


def test_addresses_that_are_none() -> None:
    odd = (
        (Attribute.FRAMED_IP_ADDRESS, b"\xff" * 4),
        (Attribute.FRAMED_IP_ADDRESS, b"\1\2\3"),
        (Attribute.FRAMED_IPV6_PREFIX, b"\0\x81" + bytes(16)),
        (Attribute.FRAMED_IPV6_PREFIX, b"\0"),
        (Attribute.FRAMED_IPV6_PREFIX, b"\0\x10\x20\x01"),  # 2001::/16 is nobody's
        (Attribute.CALLING_STATION_ID, b"phone 7"),
        (Attribute.USER_NAME, b"a\nb"),
    )
    said = read_request(request(START, SESSION, *odd), SECRET)
    assert (said.addresses, said.mac, said.user) == ((), "", "")


def test_the_response_is_signed_and_takes_the_states_of_proxies_along() -> None:
    states = ((Attribute.PROXY_STATE, b"one"), (Attribute.PROXY_STATE, b"two"))
    asked = request(*FULL, *states)
    answer = response_to(asked, SECRET)
    assert answer[:2] == bytes((5, 42))
    assert struct.unpack("!H", answer[2:4]) == (len(answer),)
    assert answer[20:] == b"".join(attribute(*each) for each in states)
    signed = hashlib.md5(answer[:4] + asked[4:20] + answer[20:] + SECRET).digest()
    assert answer[4:20] == signed


@given(st.binary(max_size=300))
def test_no_octets_break_it(data: bytes) -> None:
    with pytest.raises(BadPacket):
        read_request(data, SECRET)


@given(st.lists(st.tuples(st.integers(0, 255), st.binary(max_size=253)), max_size=12))
def test_no_attributes_of_a_trusted_sender_break_it(attributes: list[tuple[int, bytes]]) -> None:
    packet = request(*attributes)
    try:
        said = read_request(packet, SECRET)
    except BadPacket:
        return
    assert len(said.user) <= 128
    assert response_to(packet, SECRET)[:1] == b"\5"


@given(st.binary(max_size=60))
def test_no_body_of_a_trusted_sender_breaks_it(body: bytes) -> None:
    head = struct.pack("!BBH", 4, 1, 20 + len(body))
    packet = head + hashlib.md5(head + bytes(16) + body + SECRET).digest() + body
    try:
        read_request(packet, SECRET)
    except BadPacket:
        return
    response_to(packet, SECRET)
