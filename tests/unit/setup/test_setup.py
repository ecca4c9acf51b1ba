"""What answers make of a box: files that other programs take, told from a person's."""

import pytest
import yaml

from filterd.cli.check import checked
from filterd.config.addresses import ListenAddress
from filterd.config.load import loads
from filterd.config.setup import SetupConfig
from filterd.config.whole import read_whole
from filterd.gateway.build import build_plan
from filterd.gateway.text import table
from filterd.model.errors import ConfigError
from filterd.setup import texts
from filterd.setup.configuration import config_text, configuration
from filterd.setup.files import CONFIG, EGRESS_UNIT, EVERY, UNBOUND, files, sealed, untouched
from filterd.setup.texts import dnsmasq, masquerade, sockets
from filterd.setup.writing import compare, write
from tests.support.data import ROOT

BOX = """
addresses: [10.20.0.1/16, '2001:db8:20::1/64']
lan: [br-lan, eth1.20]
uplink: [eth0]
"""


def box(more=""):
    return read_whole(SetupConfig, BOX + more)


def test_the_configuration_is_one_that_filterd_takes(tmp_path):
    for more in ("", "http: true", "gateway: false", "strict: [primary]", "upstream: [192.0.2.1]"):
        file = tmp_path / "config.yaml"
        file.write_text(config_text(box(more)))
        assert checked(file).school.default_group == "primary"


def test_a_gateway_s_table_is_for_its_interfaces():
    plan = table(build_plan(loads(config_text(box()))))
    assert '"br-lan"' in plan
    assert '"eth1.20"' in plan


@pytest.mark.parametrize(
    ("levels", "groups"),
    [
        (["primary"], ["primary"]),
        (["lower-secondary"], ["grades-6-7", "grades-8-9"]),
        (["upper-secondary", "primary"], ["primary", "grades-10-12"]),
    ],
)
def test_groups_by_grade_the_youngest_for_everybody_else(levels, groups):
    made = configuration(box(f"levels: {levels}\nnetworks: {{staff: [10.20.9.0/24]}}"))
    assert list(made["groups"]) == [*groups, "staff"]
    assert made["default_group"] == groups[0]
    assert made["groups"]["staff"]["networks"] == ["10.20.9.0/24"]


def test_unbound_unless_servers_are_named():
    assert configuration(box())["upstream"] == {"servers": ["127.0.0.1:5335"]}
    named = box("upstream: ['tls://192.0.2.1#dns.example']")
    assert configuration(named)["upstream"] == {"servers": ["tls://192.0.2.1#dns.example"]}
    assert {each.path: each.content for each in files(named)}[UNBOUND] is None


def test_networks_that_are_not_private_are_answered_too():
    config = loads(config_text(box()))
    assert config.access.networks == ("2001:db8:20::/64",)
    assert ListenAddress("2001:db8:20::1", 53) in config.listen.udp


def test_strict_groups_begin_by_learning_and_have_the_right_they_need():
    answers = box("strict: [primary]")
    assert loads(config_text(answers)).gateway.egress.enforce is False
    found = {each.path: each.content for each in files(answers)}
    assert "CAP_NET_ADMIN" in found[EGRESS_UNIT]
    assert {each.path: each.content for each in files(box())}[EGRESS_UNIT] is None


@pytest.mark.parametrize(
    ("more", "told"),
    [
        ("networks: {grade-13: [10.20.1.0/24]}", "no group .grade-13"),
        ("networks: {grades-6-7: [10.20.1.0/24]}", "no group .grades-6-7"),
        ("levels: [university]", "levels"),
        ("strict: [primary]\ngateway: false", "gateway's work"),
        ("password: secret", "password"),
    ],
)
def test_answers_that_cannot_be_are_told(more, told):
    with pytest.raises(ConfigError, match=told):
        box(more)


@pytest.mark.parametrize("address", ["10.20.0.1", "0.0.0.0/0", "fe80::1/64", "lan0"])
def test_an_address_of_a_box_has_a_length_and_is_its_own(address):
    with pytest.raises(ConfigError, match="addresses"):
        read_whole(SetupConfig, f"gateway: false\naddresses: ['{address}']")


def test_what_is_given_out_leaves_the_box_out():
    lines = dnsmasq(box()).splitlines()
    assert "dhcp-range=set:net10-20-0-0,10.20.128.0,10.20.255.254,255.255.0.0,8h" in lines
    assert "dhcp-option=tag:net10-20-0-0,option:dns-server,10.20.0.1" in lines
    above = read_whole(SetupConfig, "gateway: false\naddresses: [192.0.2.254/24]")
    assert "dhcp-range=set:net192-0-2-0,192.0.2.1,192.0.2.127,255.255.255.0,8h" in dnsmasq(above)
    assert "option:router" not in dnsmasq(above)


def test_uplink():
    assert 'oifname { "eth0" } masquerade' in masquerade(box())
    without = read_whole(SetupConfig, "addresses: [10.20.0.1/24]\nlan: [eth1]")
    assert 'oifname != { "eth1" } masquerade' in masquerade(without)


def test_systemd_holds_the_doors_of_the_configuration():
    held = {line.partition("=")[2] for line in sockets(box()).splitlines() if "=" in line} - {""}
    assert held == {str(each) for each in loads(config_text(box())).listen.udp}


def test_the_drop_in_is_that_of_the_units():
    beside = ROOT / "systemd/filterd.service.d/egress.conf"
    assert beside.read_text() == texts.EGRESS_UNIT


def test_the_unbound_file_beside_is_the_one_that_is_written():
    text = (ROOT / "deploy/unbound/filterd.conf").read_text()
    assert sealed(text) == {each.path: each.content for each in files(box())}[UNBOUND]


def test_written_once_and_then_left(tmp_path):
    first = compare(files(box("dhcp: true")), tmp_path)
    assert {each.what for each in first} == {"new", "same"}
    for each in first:
        if each.what != "same":
            assert write(each) is None
    assert {each.what for each in compare(files(box("dhcp: true")), tmp_path)} == {"same"}
    assert yaml.safe_load((tmp_path / CONFIG).read_text())["default_group"] == "primary"


def test_what_is_no_longer_wanted_goes_and_what_a_person_changed_is_kept_beside(tmp_path):
    for each in compare(files(box("dhcp: true")), tmp_path):
        if each.what != "same":
            write(each)
    file = tmp_path / CONFIG
    file.write_text(file.read_text() + "block: [games.example]\n")
    file.chmod(0o640)
    found = {each.what: each for each in compare(files(box()), tmp_path) if each.what != "same"}
    assert set(found) == {"change", "remove", "edited"}
    assert "-block: [games.example]" in found["edited"].diff()
    assert write(found["remove"]) is None
    assert not found["remove"].path.exists()
    kept = write(found["edited"])
    assert kept is not None
    assert "games.example" in kept.read_text()
    assert "games.example" not in file.read_text()
    assert [path.stat().st_mode & 0o777 for path in (kept, file)] == [0o640, 0o640]


def test_only_what_is_as_it_was_written_is_untouched():
    assert untouched(sealed("a: 1\n"))
    assert not untouched(sealed("a: 1\n") + "b: 2\n")
    assert not untouched("a: 1\n")


def test_every_file_is_listed_once():
    assert [each.path for each in files(box())] == list(EVERY)
    assert len(set(EVERY)) == len(EVERY)
