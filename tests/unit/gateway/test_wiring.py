"""A table that fits no wire of the machine is told of."""

import socket

from hypothesis import given
from hypothesis import strategies as st

from filterd.config.gateway import GatewayConfig
from filterd.gateway.wiring import Wiring, default_ipv4, default_ipv6, read_wiring, wiring_doubts
from filterd.gateway.words import WIRES

IPV4 = """\
Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT
wan0\t00000000\t010200C0\t0003\t0\t0\t0\t00000000\t0\t0\t0
lan0\t000200C0\t00000000\t0001\t0\t0\t0\t00FFFFFF\t0\t0\t0
vpn0\t00000000\t010200C0\t0003\t0\t0\t0\t00000080\t0\t0\t0
old0\t00000000\t010200C0\t0002\t0\t0\t0\t00000000\t0\t0\t0
"""
NO, ONE = "0" * 32, "20010db8000000000000000000000001"
IPV6 = f"""\
20010db8000000000000000000000000 40 {NO} 00 {NO} 00000100 00000001 00000000 00000001     lan0
{NO} 00 {NO} 00 {ONE} 00000400 00000003 00000000 00000003     wan0
{NO} 00 {NO} 00 {NO} ffffffff 00000001 00000000 00200200       lo
{ONE} 80 {NO} 00 {NO} 00000000 00000004 00000000 80200001     lan0
"""


def doubts(lan, uplink=(), interfaces=("lo", "lan0", "wan0"), default=("wan0",)):
    gateway = GatewayConfig(lan=tuple(lan), uplink=tuple(uplink))
    return list(wiring_doubts(gateway, Wiring(frozenset(interfaces), frozenset(default))))


def test_what_fits_is_not_talked_about():
    assert doubts(["lan0"]) == []
    assert doubts(["lan0"], ["wan0"]) == []
    assert doubts(["lan0"], interfaces=(), default=()) == [], "what cannot be read is no fault"


def test_a_name_that_no_interface_has():
    assert doubts(["lan0", "lam1"]) == [("no-interface", "lam1")]
    assert doubts(["lan0"], ["wan0", "wan1"]) == [("no-interface", "wan1")]


def test_a_box_whose_uplink_is_its_lan():
    assert doubts(["lan0"], default=["lan0"]) == [("default-by-lan", "lan0")]


def test_an_uplink_that_is_not_the_way_out():
    assert doubts(["lan0"], ["wan0"], ("lan0", "wan0", "ppp0"), ["ppp0"]) == [
        ("default-past-uplink", "ppp0")
    ]


def test_default_routes_of_both_families():
    assert list(default_ipv4(IPV4)) == ["wan0"]
    assert list(default_ipv6(IPV6)) == ["wan0"]


def test_the_machine_itself(tmp_path):
    assert read_wiring().interfaces == {name for _, name in socket.if_nameindex()}
    (tmp_path / "route").write_text(IPV4.replace("wan0", "a"))
    assert read_wiring(tmp_path).default == {"a"}
    (tmp_path / "ipv6_route").write_text(IPV6.replace("wan0", "b"))
    assert read_wiring(tmp_path).default == {"a", "b"}


@given(st.text(alphabet="0 af\n") | st.text())
def test_no_text_breaks_it(text):
    assert len(list(default_ipv4(text))) + len(list(default_ipv6(text))) <= 2 * len(text)


def test_words_in_both_languages():
    assert set(WIRES["vi"]) == set(WIRES["en"])
    for words in WIRES.values():
        assert all("{name}" in each for each in words.values())
