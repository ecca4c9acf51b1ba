"""Each attempt, built with scapy, gives exactly its own signal; what devices do anyway gives none."""

import io

import pytest
from scapy.contrib.ikev2 import IKEv2, IKEv2_SA
from scapy.contrib.wireguard import Wireguard, WireguardInitiation
from scapy.layers.inet import GRE
from scapy.layers.ipsec import ESP
from scapy.layers.isakmp import ISAKMP
from scapy.layers.l2tp import L2TP
from scapy.packet import Raw

from filterd.bypass.capture import FactReader
from filterd.bypass.judging import SETTLE, Judge
from filterd.bypass.names import ECH_NAMES
from filterd.bypass.pcap import read_capture
from filterd.bypass.places import places_of
from filterd.bypass.signals import LEAST, Signal
from filterd.config.load import loads
from tests.support.captures import DEVICE, PUPIL, RESOLVER, SITE, STRANGE, Traffic

SCHOOL = """
upstream: {servers: ['127.0.0.1:1']}
listen: {udp: ['0.0.0.0:53', '[::]:53'], tcp: ['0.0.0.0:53', '[::]:53']}
default_group: pupils
groups:
  pupils: {age: 10}
  staff: {age: 18, networks: [10.78.0.0/24], bypass_protection: false}
  guests: {age: 16, networks: [10.79.0.0/24, 'fd00:79::/64']}
gateway:
  lan: [lan0]
  doh: [203.0.113.53, '2001:db8:53::53']
  exempt: [10.77.0.99]
  reachable: [198.51.100.200]
"""
BOTH = pytest.mark.parametrize("version", [4, 6])


def findings(traffic, tmp_path, school=SCHOOL, **how):
    path = traffic.write(tmp_path / "capture", **how)
    judge, facts = Judge(places_of(loads(school)), ("dns.google",)), FactReader()
    with path.open("rb") as stream:
        for captured in read_capture(stream):
            judge.passed(captured.at)
            for fact in facts.read(captured):
                judge.take(fact)
    return [(each.group, each.signal, each.attempts) for each in judge.findings()]


def wireguard():
    return bytes(Wireguard() / WireguardInitiation(sender_index=5, unencrypted_ephemeral=1))


def openvpn(session=b"12345678"):
    return b"\x38" + session + bytes(5)


def ike2():
    return bytes(IKEv2(init_SPI=b"abcdefgh", exch_type=34, next_payload="SA") / IKEv2_SA())


DO = {
    "another resolver": (Signal.RESOLVER, lambda t: t.resolve("www.example.com", SITE[t.version], server=STRANGE)),
    "DNS over TLS": (Signal.DOT, lambda t: t.tls("resolver.example", port=853, target=STRANGE)),
    "DNS over QUIC": (Signal.DOT, lambda t: t.datagram(853)),
    "a DoH address": (Signal.DOH, lambda t: t.tls("dns.example", target={4: "203.0.113.53", 6: "2001:db8:53::53"})),
    "a DoH address by QUIC": (Signal.DOH, lambda t: t.datagram(443, target={4: "203.0.113.53", 6: "2001:db8:53::53"})),
    "a DoH name asked for": (Signal.DOH, lambda t: t.resolve("dns.google")),
    "a DoH name shown": (Signal.DOH, lambda t: t.tls("dns.google", target=SITE)),
    "a DoH name at a fixed address": (Signal.DOH, lambda t: t.tls("dns.google", target=STRANGE)),
    "WireGuard": (Signal.VPN, lambda t: t.datagram(51820, wireguard())),
    "WireGuard elsewhere": (Signal.VPN, lambda t: t.datagram(443, wireguard())),
    "OpenVPN": (Signal.VPN, lambda t: t.datagram(1194, openvpn())),
    "OpenVPN with tls-auth": (Signal.VPN, lambda t: t.datagram(1194, b"\x38" + b"s" * 8 + b"h" * 20 + b"\0\0\0\x01time" + bytes(5))),
    "OpenVPN with tls-crypt": (Signal.VPN, lambda t: t.datagram(1194, b"\x38" + b"s" * 8 + b"\0\0\0\x01time" + b"h" * 32 + b"crypt")),
    "OpenVPN over TCP": (Signal.VPN, lambda t: t.connect(443, b"\x00\x0e" + openvpn())),
    "PPTP": (Signal.VPN, lambda t: t.connect(1723, b"\x00\x9c\x00\x01\x1a\x2b\x3c\x4d" + bytes(148))),
    "PPTP's tunnel": (Signal.VPN, lambda t: t.wait(6).put(GRE(proto=0x880B, version=1, key_present=1, key=1) / Raw(b"ppp"))),
    "L2TP": (Signal.VPN, lambda t: t.datagram(1701, l2tp())),
    "IKE 2": (Signal.IPSEC, lambda t: t.datagram(500, ike2())),
    "IKE 2 behind NAT": (Signal.IPSEC, lambda t: t.datagram(4500, bytes(4) + ike2())),
    "IKE 1": (Signal.IPSEC, lambda t: t.datagram(500, bytes(ISAKMP(init_cookie=b"abcdefgh", exch_type=2)))),
    "IPsec": (Signal.IPSEC, lambda t: t.wait(6).put(ESP(spi=5, seq=1, data=b"secret"))),
    "a Tor relay": (Signal.TOR, lambda t: t.connect(9001)),
    "a relay that hides": (Signal.TOR, lambda t: t.tls("www.k4j2xqd7.com", target=STRANGE)),
    "an onion name": (Signal.TOR, lambda t: t.resolve("abcdefgh.onion")),
    "the Tor project": (Signal.TOR, lambda t: t.resolve("www.torproject.org")),
    "ECH": (Signal.ECH, lambda t: t.tls(min(ECH_NAMES), target=SITE, ech=True)),
    "a name never resolved": (Signal.SNI, lambda t: t.tls("hidden.example", target=SITE)),
    "and at a strange address": (Signal.SNI, lambda t: t.tls("hidden.example", target=STRANGE, ech=True)),
    "a strange address": (Signal.ADDRESS, lambda t: t.connect(8443)),
    "without a name": (Signal.ADDRESS, lambda t: t.connect(443, b"GET / HTTP/1.0\r\n\r\n")),
    "datagrams to one": (Signal.ADDRESS, lambda t: t.datagram(9999)),
    "a resolved name at one": (Signal.ADDRESS, lambda t: t.tls("www.example.com", target=STRANGE)),
}  # fmt: skip


def l2tp():
    control = L2TP(hdr="control+length+sequence", version=2, tunnel_id=0, session_id=0, ns=0, nr=0)
    return bytes(control / Raw(b"\x80\x08\x00\x00\x00\x00\x00\x01"))


@BOTH
@pytest.mark.parametrize("what", DO)
def test_each_attempt_is_its_own_signal_and_a_lone_one_is_none(tmp_path, what, version):
    signal, attempt = DO[what]
    traffic = Traffic(version).settle()
    for number in range(LEAST[signal]):
        if number == LEAST[signal] - 1:
            assert findings(traffic, tmp_path) == []
        attempt(traffic)
    assert findings(traffic, tmp_path) == [("pupils", signal, LEAST[signal])]


def test_every_signal_that_a_capture_can_show_is_tried():
    assert {signal for signal, _ in DO.values()} == set(Signal) - {Signal.NAME}


@BOTH
def test_browsing_gives_none(tmp_path, version):
    traffic = Traffic(version).settle()
    for number in range(30):
        name = f"site{number}.example"
        traffic.browse(name, times=2)
        traffic.datagram(443, target=SITE)  # QUIC, to what was resolved
        traffic.tls(name, ech=True, size=100)  # a hello in many segments
    traffic.datagram(5353, target={4: "224.0.0.251", 6: "ff02::fb"})
    traffic.connect(445, target=RESOLVER)
    for name in ("use-application-dns.net", "mask.icloud.com"):
        for _ in range(20):
            traffic.resolve(name)  # which browsers and phones do to hear whether we filter
    assert findings(traffic, tmp_path) == []


def test_who_is_not_guarded_exempt_or_outside_gives_none(tmp_path):
    for source in ("10.78.0.5", "10.77.0.99", "203.0.113.7"):
        traffic = Traffic(source=source)
        for _ in range(50):
            traffic.datagram(51820, wireguard())
        assert findings(traffic, tmp_path) == [], source


def test_groups_are_told_apart_by_network_and_device(tmp_path):
    traffic = Traffic(source="10.79.0.5")
    for _ in range(4):
        traffic.connect(9001)
    assert findings(traffic, tmp_path) == [("guests", Signal.TOR, 4)]
    known = SCHOOL + f"clients: {{tablet: {{group: pupils, ids: ['{DEVICE}']}}}}\n"
    assert findings(traffic, tmp_path, known) == [("pupils", Signal.TOR, 4)]


def test_what_everybody_reaches_is_no_attempt(tmp_path):
    traffic = Traffic().settle()
    for _ in range(50):
        traffic.connect(8443, target="198.51.100.200")
    assert findings(traffic, tmp_path) == []


def test_what_was_known_before_the_capture_is_not_judged(tmp_path):
    early = Traffic()
    early.browse()
    for _ in range(50):
        early.tls("hidden.example", target=STRANGE)
    assert findings(early, tmp_path) == []
    without_dns = Traffic()
    without_dns.connect(8443)
    without_dns.wait(SETTLE)
    for _ in range(50):
        without_dns.connect(8443)
    assert findings(without_dns, tmp_path) == []


def test_a_retry_is_no_second_attempt(tmp_path):
    traffic = Traffic()
    for _ in range(20):
        traffic.datagram(51820, wireguard(), source_port=5000)
    assert findings(traffic, tmp_path) == []
    for _ in range(20):
        traffic.wait(5).datagram(51820, wireguard(), source_port=5000)
    assert findings(traffic, tmp_path) == [("pupils", Signal.VPN, 21)]


@pytest.mark.parametrize("how", [{"pcapng": True}, {"nano": True}])
def test_other_formats_of_captures_say_the_same(tmp_path, how):
    traffic = Traffic().settle()
    for _ in range(5):
        traffic.connect(9001)
        traffic.tls("hidden.example")
    wanted = [("pupils", Signal.SNI, 5), ("pupils", Signal.TOR, 5)]
    assert findings(traffic, tmp_path) == wanted
    assert findings(traffic, tmp_path, **how) == wanted


def test_an_empty_capture_has_nothing(tmp_path):
    assert list(read_capture(io.BytesIO(Traffic().write(tmp_path / "e").read_bytes()))) == []


def test_the_addresses_of_tests_are_of_a_school():
    places = places_of(loads(SCHOOL))
    assert places.group_of(b"", bytes(map(int, PUPIL[4].split(".")))) == "pupils"
