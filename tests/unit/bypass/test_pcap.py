"""Captures that are damaged, cut or made to do harm."""

import io
import itertools
import resource
import struct
import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scapy.layers.inet import IP, TCP, UDP
from scapy.layers.inet6 import IPv6, IPv6ExtHdrDestOpt, IPv6ExtHdrFragment, IPv6ExtHdrHopByHop
from scapy.layers.l2 import CookedLinux, CookedLinuxV2, Dot1Q, Ether
from scapy.packet import Raw
from scapy.utils import PcapNgReader, PcapReader

from filterd.bypass.capture import MOST_FLOWS, FactReader
from filterd.bypass.dnsread import read_message
from filterd.bypass.judging import MOST_CELLS, Judge
from filterd.bypass.pcap import MAX_PACKET, BadCapture, Captured, CutShort, read_capture
from filterd.bypass.places import places_of
from filterd.bypass.wire import TCP as NUMBER_OF_TCP
from filterd.bypass.wire import read_frame
from filterd.config.load import default_config
from tests.support.captures import Traffic

PLACES = places_of(default_config())


def judged(data):
    """Judge a capture as the command does; whether it was whole."""
    judge, facts = Judge(PLACES, ("dns.google",)), FactReader()
    try:
        for captured in read_capture(io.BytesIO(data)):
            judge.passed(captured.at)
            for fact in facts.read(captured):
                judge.take(fact)
    except BadCapture:
        return False, judge
    finally:
        judge.findings()
    return True, judge


def example(tmp_path, **how):
    traffic = Traffic().settle()
    traffic.connect(9001)
    return traffic.write(tmp_path / "capture", **how).read_bytes()


@pytest.fixture(params=[False, True], ids=["pcap", "pcapng"])
def data(request, tmp_path):
    return example(tmp_path, pcapng=request.param)


def test_a_cut_capture_gives_what_is_whole(data):
    whole = len(list(read_capture(io.BytesIO(data))))
    counts = []
    for end in range(40, len(data), 7):
        try:
            found = 0
            for _ in read_capture(io.BytesIO(data[:end])):
                found += 1
        except BadCapture:
            pass
        counts.append(found)
    assert counts == sorted(counts)
    assert whole - 2 <= counts[-1] <= whole


def test_the_end_in_a_packet_is_told(data):
    with pytest.raises(CutShort):
        list(read_capture(io.BytesIO(data[:-3])))


@pytest.mark.parametrize("junk", [b"", b"GIF89a", b"\xd4\xc3", b"\x1f\x8b" + bytes(40)])
def test_what_is_no_capture_is_said_to_be_none(junk):
    with pytest.raises(BadCapture, match="tcpdump"):
        read_capture(io.BytesIO(junk))


def test_scapy_reads_the_same_packets(tmp_path):
    for how, reader in (({}, PcapReader), ({"pcapng": True}, PcapNgReader)):
        data = example(tmp_path, **how)
        with reader(str(tmp_path / "capture")) as theirs:
            wanted = [(round(float(p.time), 5), bytes(p)) for p in theirs]
        ours = [(round(p.at, 5), p.data) for p in read_capture(io.BytesIO(data))]
        assert ours == wanted
        assert len(ours) > 5


HEADER = struct.pack("<IHHIIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 1)


@pytest.mark.parametrize("length", [MAX_PACKET + 1, 0x7FFFFFFF, 0xFFFFFFFF])
def test_a_length_that_no_packet_has_takes_no_memory(length):
    data = HEADER + struct.pack("<IIII", 0, 0, length, length) + bytes(64)
    tracemalloc.start()
    with pytest.raises(BadCapture):
        list(read_capture(io.BytesIO(data)))
    assert tracemalloc.get_traced_memory()[1] < 1_000_000
    tracemalloc.stop()


@pytest.mark.parametrize("length", [0, 8, 13, 0xFFFFFFFC, 0xFFFFFFFF])
@pytest.mark.parametrize("kind", [1, 3, 5, 6, 0x0A0D0D0A])
def test_a_block_that_lies_about_its_length_ends_the_reading(tmp_path, kind, length):
    good = example(tmp_path, pcapng=True)
    lie = struct.pack("<II", kind, length) + bytes(40)
    tracemalloc.start()
    with pytest.raises(BadCapture):
        list(read_capture(io.BytesIO(good + lie)))
    assert tracemalloc.get_traced_memory()[1] < 2_000_000
    tracemalloc.stop()


def many_flows():
    for number in itertools.count():
        source, port = struct.pack(">I", 0x0A000000 + number % 2**20), 1 + number % 65000
        tcp = struct.pack(">HHIIBBHHH", port, 443, 0, 0, 0x50, 2, 0, 0, 0)
        ip = struct.pack(">BBHHHBBH", 0x45, 0, 40, 0, 0, 64, 6, 0) + source + b"\xc6\x33\x64\x09"
        yield Captured(float(number), 101, ip + tcp)


def test_memory_stays_whatever_comes():
    judge, facts = Judge(PLACES, ()), FactReader()
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for captured in itertools.islice(many_flows(), 2 * MOST_FLOWS):
        for fact in facts.read(captured):
            judge.take(fact)
    assert len(facts._flows) == MOST_FLOWS
    assert len(facts._streams) <= 1024
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 200_000  # KiB


def test_times_over_centuries_end_the_reading():
    traffic = Traffic()
    traffic.connect(9001)
    syn = bytes(traffic.packets[0])
    judge, facts = Judge(PLACES, ()), FactReader()

    def take(hours):
        for hour in range(hours):
            client, port = bytes([2 + hour // 60_000]), struct.pack(">H", 1 + hour % 60_000)
            frame = syn[:29] + client + syn[30:34] + port + syn[36:]
            for fact in facts.read(Captured(hour * 3600.0, 1, frame)):
                judge.take(fact)

    with pytest.raises(BadCapture, match="centuries"):
        take(MOST_CELLS + 2)


@given(st.binary(max_size=400), st.integers(0, 300))
def test_any_frame_at_all_is_read_or_not(data, link):
    for kind in (link, 1, 101, 113, 276):
        list(FactReader().read(Captured(0.0, kind, data)))


@given(st.binary(max_size=400))
def test_any_bytes_at_all_are_a_capture_or_not(data):
    judged(data)
    judged(HEADER + data)


@given(st.data())
def test_a_capture_with_changed_bytes_is_read_or_refused(tmp_path_factory, data):
    for raw in EXAMPLES(tmp_path_factory):
        changed = bytearray(raw)
        for _ in range(data.draw(st.integers(1, 8))):
            changed[data.draw(st.integers(0, len(raw) - 1))] = data.draw(st.integers(0, 255))
        judged(bytes(changed[: data.draw(st.integers(0, len(raw)))]))
        judged(bytes(changed))


def EXAMPLES(factory, kept=[]):  # noqa: B006, N802 - made once
    if not kept:
        folder = factory.mktemp("examples")
        kept += [example(folder), example(folder, pcapng=True)]
    return kept


@given(st.binary(max_size=300))
def test_any_dns_message_is_read_or_not(data):
    read_message(data)
    read_message(b"\0\1\x81\x80\0\1\0\x80\0\0\0\0" + data)


def test_names_that_point_at_themselves_end():
    loop = b"\0\1\x81\x80\0\1\0\1\0\0\0\0" + b"\xc0\x0c" + b"\0\1\0\1"
    assert read_message(loop) is None


LINKS = st.sampled_from(
    [
        (1, lambda ip: Ether(src="02:00:00:00:00:47", dst="02:00:00:00:00:01") / ip),
        (1, lambda ip: Ether(src="02:00:00:00:00:47", dst="02:00:00:00:00:01") / Dot1Q(vlan=7) / ip),
        (101, lambda ip: ip),
        (113, lambda ip: CookedLinux(lladdrlen=6) / ip),
        (276, lambda ip: CookedLinuxV2(lladdrlen=6) / ip),
    ]
)  # fmt: skip
NETWORKS = st.sampled_from(
    [
        IP(src="10.0.0.1", dst="192.0.2.1"),
        IP(src="10.0.0.1", dst="192.0.2.1", options=b"\x01\x01\x01\x00"),
        IPv6(src="fd00::1", dst="2001:db8::1"),
        IPv6(src="fd00::1", dst="2001:db8::1") / IPv6ExtHdrHopByHop() / IPv6ExtHdrDestOpt(),
        IPv6(src="fd00::1", dst="2001:db8::1") / IPv6ExtHdrFragment(offset=0, m=1),
    ]
)


@given(LINKS, NETWORKS, st.integers(0, 65535), st.integers(0, 65535), st.binary(max_size=60))
def test_headers_are_read_as_scapy_reads_them(link, network, one, other, data):
    number, wrap = link
    for transport in (UDP(sport=one, dport=other), TCP(sport=one, dport=other, seq=5, flags="S")):
        frame = bytes(wrap(network / transport / Raw(data)))
        packet = read_frame(number, frame)
        assert packet is not None
        assert (packet.from_port, packet.to_port, packet.payload) == (one, other, data)
        wanted = bytes(network)
        at = 12 if len(packet.source) == 4 else 8
        assert packet.source == wanted[at : at + len(packet.source)]
        if packet.protocol == NUMBER_OF_TCP:
            assert (packet.sequence, packet.flags) == (5, 2)


def test_later_fragments_are_not_taken_for_beginnings():
    tail = bytes(IP(src="10.0.0.1", dst="192.0.2.1", frag=5, proto=17) / Raw(bytes(40)))
    assert read_frame(101, tail) is None
    six = IPv6(src="fd00::1", dst="2001:db8::1") / IPv6ExtHdrFragment(offset=5, nh=17)
    assert read_frame(101, bytes(six / Raw(bytes(40)))) is None
