"""What setup has systemd do: nothing that need not be, and sockets before who needs them."""

from filterd.cli.setup_units import BYPASS, GATEWAY, HTTP, SERVICE, SOCKET, commands, units
from filterd.config.setup import SetupConfig
from filterd.config.whole import read_whole
from filterd.setup.files import CONFIG, DNSMASQ, EVERY, SOCKETS, UNBOUND, UPLINK
from filterd.setup.words import SAID


def box(more=""):
    return read_whole(SetupConfig, "addresses: [10.20.0.1/16]\nlan: [lan0]\n" + more)


def done(answers, *changed, linked=False):
    return commands(answers, units(answers), changed, linked=linked)


def test_the_first_time():
    found = done(box(), *EVERY)
    assert found[1] == ("systemctl", "restart", "unbound.service")
    order = [words[-1] for words in found if words[1] in {"start", "restart"}]
    assert order == ["unbound.service", SOCKET, GATEWAY, SOCKET, SERVICE, BYPASS]
    assert found.index(("systemctl", "stop", SERVICE)) < found.index(
        ("systemctl", "restart", SOCKET)
    )


def test_without_a_change_nothing_is_restarted():
    assert {words[1] for words in done(box())} == {"daemon-reload", "disable", "enable", "start"}


def test_only_new_addresses_open_sockets_anew():
    assert ("systemctl", "restart", SOCKET) not in done(box(), CONFIG)
    assert ("systemctl", "restart", SOCKET) in done(box(), CONFIG, SOCKETS)


def test_unbound_is_left_alone_where_it_is_not_ours():
    found = done(box("upstream: [192.0.2.1]"), CONFIG, UNBOUND)
    assert not [words for words in found if "unbound.service" in words]


def test_what_is_no_gateway_any_more_has_no_table():
    found = done(
        read_whole(SetupConfig, "addresses: [10.20.0.1/16]\ngateway: false"), CONFIG, UPLINK
    )
    assert ("systemctl", "disable", "--now", GATEWAY, HTTP, BYPASS) in found
    assert ("filterd", "gateway", "remove") in found
    assert ("nft", "delete", "table", "ip", "filterd_uplink") in found


def test_dnsmasq_reads_what_is_new_where_it_was_given_our_file():
    again = ("systemctl", "try-restart", "dnsmasq.service")
    assert done(box("dhcp: true"), DNSMASQ, linked=True)[-1] == again
    assert again not in done(box("dhcp: true"), DNSMASQ)
    assert again not in done(box("dhcp: true"), CONFIG, linked=True)


def test_dnsmasq_loses_a_link_that_leads_nowhere():
    gone, again = done(box(), DNSMASQ, linked=True)[-2:]
    assert gone == ("rm", "-f", "/etc/dnsmasq.d/filterd.conf")
    assert again == ("systemctl", "try-restart", "dnsmasq.service")


def test_the_hint_for_dnsmasq_ends_with_its_start():
    for said in SAID.values():
        assert "/etc/dnsmasq.d/filterd.conf; systemctl restart dnsmasq" in said["dnsmasq"]
