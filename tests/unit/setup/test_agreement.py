"""What a person changed and keeps has to fit what is written beside it."""

import pytest

from filterd.config.load import loads
from filterd.config.setup import SetupConfig
from filterd.config.whole import read_whole
from filterd.setup.agreement import in_configuration, in_sockets
from filterd.setup.configuration import config_text
from filterd.setup.files import EGRESS_UNIT, SOCKETS, UNBOUND, UPLINK
from filterd.setup.texts import sockets

BOX = "addresses: [10.20.0.1/16]\nlan: [lan0]\nuplink: [wan0]\n"


def box(more=""):
    return read_whole(SetupConfig, BOX + more)


def keys(answers, kept, left=(), gone=()):
    return [each.key for each in in_configuration(answers, loads(kept), left, gone)]


def test_lists_and_rules_by_hand_fit_whatever_is_answered_of_the_rest():
    kept = config_text(box()) + "block: [games.example]\n"
    for more in ("", "levels: [upper-secondary]", "dhcp: true", "masquerade: false"):
        assert keys(box(more), kept) == []


def test_another_address_does_not_fit():
    moved = read_whole(SetupConfig, BOX.replace("10.20.0.1", "10.20.0.53"))
    clash, _ = in_configuration(moved, loads(config_text(box())), (), ())
    assert (clash.key, clash.wanted, clash.there) == (
        "listen.udp", "10.20.0.53:53", "10.20.0.1:53",
    )  # fmt: skip
    assert keys(moved, config_text(box())) == ["listen.udp", "listen.tcp"]
    assert keys(moved, config_text(box()), left=[SOCKETS]) == []  # both by the same hand
    web = read_whole(SetupConfig, BOX.replace("10.20.0.1", "10.20.0.53") + "http: true")
    assert "http.listen" in keys(web, config_text(box("http: true")))


def test_doors_that_need_no_right_are_the_daemon_s_own():
    kept = config_text(box()).replace("- 10.20.0.1:53\n", "- 10.20.0.1:53\n  - 127.0.0.1:5300\n")
    assert len(loads(kept).listen.udp) == 2
    assert keys(box(), kept) == []


def test_unbound_does_not_go_while_it_is_asked():
    named = box("upstream: [192.0.2.1]")
    assert keys(named, config_text(box()), gone=[UNBOUND]) == ["upstream.servers"]
    zones = "upstream: {servers: [192.0.2.1], zones: {school.example: ['127.0.0.1:5335']}}"
    kept = config_text(named).replace("upstream:\n  servers:\n  - 192.0.2.1\n", zones + "\n")
    assert keys(named, kept, gone=[UNBOUND]) == ["upstream.servers"]
    assert keys(named, config_text(box())) == []  # never ours: somebody else's is there
    assert keys(box(), config_text(named)) == []  # it runs and is not asked


@pytest.mark.parametrize(
    ("answered", "found"),
    [
        ("addresses: [10.20.0.1/16]\ngateway: false", ["gateway.lan"]),
        (BOX.replace("lan0", "lan1"), ["gateway.lan"]),
        (BOX.replace("wan0", "wan1"), ["gateway.uplink"]),
        (BOX.replace("wan0", "wan1").replace("lan0", "lan1") + "masquerade: false", []),
    ],
)
def test_masquerading_and_the_firewall_are_for_the_same_interfaces(answered, found):
    answers = read_whole(SetupConfig, answered)
    assert keys(answers, config_text(box())) == found
    both = [] if answers.gateway else found  # masquerading by the same hand
    assert keys(answers, config_text(box()), left=[UPLINK]) == both


def test_a_gateway_whose_configuration_has_none():
    kept = config_text(read_whole(SetupConfig, "addresses: [10.20.0.1/16]\ngateway: false"))
    assert keys(box(), kept) == ["gateway.lan", "gateway.uplink"]


def test_the_web_is_not_sent_where_nobody_is():
    assert keys(box(), config_text(box("http: true"))) == ["http.listen"]
    assert keys(box("http: true"), config_text(box())) == ["http.listen"]


def test_strict_groups_keep_the_right_that_they_need():
    kept = config_text(box("strict: [primary]"))
    assert keys(box(), kept, gone=[EGRESS_UNIT]) == ["gateway.egress.groups"]
    assert keys(box(), kept) == []


def test_sockets_by_hand_and_another_address():
    assert in_sockets(box(), sockets(box())) == ()
    old = sockets(read_whole(SetupConfig, BOX.replace("10.20.0.1", "10.20.0.53")))
    clash = in_sockets(box(), old)[0]
    assert (clash.path, clash.key) == (SOCKETS, "ListenDatagram")
    assert (clash.wanted, clash.there) == ("10.20.0.1:53", "10.20.0.53:53")
    assert in_sockets(box(), "[Socket]\nListenDatagram=53\n") == ()  # whoever wrote it knows
