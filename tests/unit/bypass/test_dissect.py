"""Captures of Wi-Fi tell what the same traffic tells on a wire, where scapy is there to read them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scapy.layers.dot11 import LLC, Dot11, RadioTap
from scapy.layers.inet import IP
from scapy.layers.inet6 import IPv6
from scapy.layers.l2 import SNAP

from filterd.bypass.capture import FactReader
from filterd.bypass.dissect import unwrapper
from filterd.bypass.pcap import Captured
from tests.support.captures import DEVICE, STRANGE, Traffic

RADIOTAP, WIFI = 127, 105
POINT = "02:00:00:00:00:01"
TO, FROM, BETWEEN = {"FCfield": 1}, {"FCfield": 2}, {"FCfield": 3}
SENDERS = {  # who sent it stands elsewhere in each
    "to the access point": TO | {"addr1": POINT, "addr2": DEVICE, "addr3": POINT},
    "from it": FROM | {"addr1": POINT, "addr2": POINT, "addr3": DEVICE},
    "between two": BETWEEN | {"addr1": POINT, "addr2": POINT, "addr3": POINT, "addr4": DEVICE},
    "without one": {"FCfield": 0, "addr1": POINT, "addr2": DEVICE, "addr3": POINT},
}
BOTH = pytest.mark.parametrize("version", [4, 6])


def traffic(version=4):
    made = Traffic(version)
    made.resolve("www.example.com", STRANGE[version])
    made.datagram(51820, b"hello")
    made.connect(853, b"\x16\x03\x01")
    return made


def in_the_air(packet, head=None, link=RADIOTAP):
    """The same packet as Wi-Fi carries it."""
    inner = packet[IP] if IP in packet else packet[IPv6]
    kind = 0x0800 if IP in packet else 0x86DD
    frame = Dot11(type=2, subtype=0, **(head or SENDERS["to the access point"]))
    frame = frame / LLC(dsap=0xAA, ssap=0xAA, ctrl=3) / SNAP(code=kind) / inner
    return bytes(RadioTap() / frame if link == RADIOTAP else frame)


def facts(link, frames):
    reader = FactReader(unwrapper)
    return [fact for at, data in frames for fact in reader.read(Captured(at, link, data))], reader


@BOTH
@pytest.mark.parametrize("link", [RADIOTAP, WIFI])
def test_wifi_tells_what_a_wire_tells(version, link):
    packets = traffic(version).packets
    wired, _ = facts(1, [(float(each.time), bytes(each)) for each in packets])
    found, reader = facts(
        link, [(float(each.time), in_the_air(each, link=link)) for each in packets]
    )
    assert wired
    assert [type(each) for each in found] == [type(each) for each in wired]
    assert [vars_of(each) for each in found] == [vars_of(each) for each in wired]
    assert (reader.other, reader.foreign) == (0, 0)


def vars_of(fact):
    """What a fact says but for its device: on the way back that is the access point in the air."""
    return [getattr(fact, name) for name in fact.__slots__ if name not in ("device", "first")]


@pytest.mark.parametrize("head", SENDERS.values(), ids=SENDERS)
def test_the_sender_is_the_device_wherever_it_stands(head):
    (packet, *_) = traffic().packets
    made = unwrapper()(Captured(1.0, RADIOTAP, in_the_air(packet, head)))
    assert made.link == 1
    assert made.data[6:12] == bytes.fromhex(DEVICE.replace(":", ""))


def test_what_is_encrypted_or_no_packet_is_passed_over():
    (packet, *_) = traffic().packets
    secret = bytearray(in_the_air(packet))
    secret[8 + 1] |= 0x40  # the frame says that it is protected
    beacon = bytes(RadioTap() / Dot11(type=0, subtype=8))
    found, reader = facts(RADIOTAP, [(1.0, bytes(secret)), (2.0, beacon)])
    assert (found, reader.other) == ([], 2)


@given(st.sampled_from([RADIOTAP, WIFI, 9, 50, 192, 65_000]), st.binary(max_size=200))
def test_any_bytes_are_survived(link, data):
    unwrap = unwrapper()
    made = unwrap(Captured(1.0, link, data))
    assert made is None or made.link == 1
