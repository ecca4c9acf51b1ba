"""The gateway's unit, started by a real systemd beside Debian's own: the table is in force before
there is a network, and it stays.
"""

import json

import pytest

from tests.support.box import CONFIG, ROOT, box, config, patiently
from tests.support.dnsclient import data_of, udp
from tests.support.needs import program

pytestmark = [pytest.mark.real, pytest.mark.timeout(300)]
UNIT = "filterd-gateway.service"
DAEMON = "etc/systemd/system/filterd.service.d"
EGRESS = ROOT / "systemd/filterd.service.d/egress.conf"
NETWORK = {
    f"etc/systemd/system/{UNIT}.d/kill.conf": "[Service]\nSystemCallErrorNumber=kill\n",
    "etc/systemd/network/lan.netdev": "[NetDev]\nName=lan0\nKind=veth\n[Peer]\nName=pupil0\n",
    "etc/systemd/network/lan.network": "[Match]\nName=lan0\n[Network]\nAddress=10.77.0.1/24\n",
    "etc/nftables.conf": "flush ruleset\ntable inet school {\n}\n",
}
ENABLED = ("nftables.service", "systemd-networkd.service", UNIT)


def gateway(**changes):
    return config(gateway={"lan": ["lan0"]} | changes)


def tables(made):
    listed = json.loads(made.run("nft", "-j", "list", "tables").stdout)["nftables"]
    return {each["table"]["name"] for each in listed if "table" in each}


def forwards(made):
    names = ("net.ipv4.ip_forward", "net.ipv6.conf.all.forwarding")
    return made.run("sysctl", "-n", *names).stdout.split()


@pytest.fixture(scope="module")
def booted(tmp_path_factory):
    program("nft", "nftables")
    with box(tmp_path_factory.mktemp("gateway"), NETWORK | gateway(), *ENABLED) as made:
        yield made


def test_the_table_is_in_force_before_there_is_a_network(booted):
    assert booted.ctl("is-active", UNIT) == "active", booted.journal(UNIT)
    assert tables(booted) == {"school", "filterd"}
    assert forwards(booted) == ["1", "1"]
    name = "ActiveEnterTimestampMonotonic"
    times = [int(booted.show(each, name)[name]) for each in ENABLED]
    begun = int(
        booted.show(ENABLED[1], "ExecMainStartTimestampMonotonic")[
            "ExecMainStartTimestampMonotonic"
        ]
    )
    assert 0 < times[0] < times[2] < begun
    owner = booted.run("stat", "-c", "%U %a", "/var/lib/filterd/gateway.json").stdout
    assert owner == "filterd 600\n"


def test_it_stays_when_the_unit_is_stopped(booted):
    booted.ctl("stop", UNIT)
    assert ("filterd" in tables(booted), forwards(booted)) == (True, ["0", "0"])
    booted.ctl("start", UNIT)
    assert forwards(booted) == ["1", "1"]
    assert booted.run("filterd", "gateway", "status").returncode == 0


def test_nobody_is_led_past_it_by_an_interface_that_was_there_before(booted):
    key = "net.ipv4.conf.lan0.send_redirects"
    booted.run("sysctl", "-w", f"{key}=1")
    booted.ctl("reload", UNIT)
    assert booted.run("sysctl", "-n", key).stdout.split() == ["0"]


@pytest.mark.parametrize("act", ["restart", "reload"])
def test_it_is_there_again_after_nftables_has_emptied_the_firewall(booted, act):
    booted.ctl(act, "nftables.service")
    patiently(lambda: tables(booted) == {"school", "filterd"})
    patiently(lambda: booted.ctl("is-active", UNIT, check=False) == "active")
    assert forwards(booted) == ["1", "1"]


def test_a_firewall_that_was_emptied_is_none_to_forward_behind(booted):
    booted.ctl("stop", "nftables.service")
    assert (tables(booted), forwards(booted)) == (set(), ["0", "0"])
    booted.ctl("start", "nftables.service")  # alone: it brings ours
    patiently(lambda: forwards(booted) == ["1", "1"])
    assert tables(booted) == {"school", "filterd"}


def test_without_a_table_a_reload_that_fails_ends_forwarding(booted):
    booted.write(CONFIG, gateway(lann=["lan0"])[CONFIG])
    booted.ctl("reload", "nftables.service")
    patiently(lambda: booted.show(UNIT, "ReloadResult")["ReloadResult"] == "exit-code")
    assert booted.ctl("is-active", UNIT) == "active"
    assert (tables(booted), forwards(booted)) == ({"school"}, ["0", "0"])
    booted.write(CONFIG, gateway()[CONFIG])
    booted.ctl("reload", UNIT)
    assert (tables(booted), forwards(booted)) == ({"school", "filterd"}, ["1", "1"])


def test_a_reload_applies_what_changed_and_a_wrong_one_changes_nothing(booted):
    booted.write(CONFIG, gateway(doh=["192.0.2.53/32"])[CONFIG])
    booted.ctl("reload", UNIT)
    assert "192.0.2.53" in booted.run("nft", "list", "table", "inet", "filterd").stdout
    booted.write(CONFIG, gateway(lann=["lan0"])[CONFIG])
    assert booted.run("systemctl", "reload", UNIT, check=False).returncode
    assert "lann" in booted.journal(UNIT)
    assert "192.0.2.53" in booted.run("nft", "list", "table", "inet", "filterd").stdout
    assert forwards(booted) == ["1", "1"]


def test_the_daemon_may_tell_the_firewall_where_groups_are_strict_and_only_there(booted):
    table = ("inet", "filterd")
    strict = config(
        gateway={"lan": ["lan0"], "egress": {"groups": ["all"]}},
        lists={"own": {"format": "domains", "path": "/etc/filterd/own.txt"}},
        groups={"all": {"age": 10, "lists": ["own"]}},
    )
    booted.write("etc/filterd/own.txt", "listed.example\n")
    booted.write(CONFIG, strict[CONFIG])
    booted.ctl("reload", UNIT)
    # Run as the daemon is, in all that its unit says.
    element = "add element inet filterd resolved_all4 { 192.0.2.7 timeout 1h }"
    telling = f"[Service]\nSystemCallErrorNumber=kill\nExecStartPost=/usr/sbin/nft {element}\n"
    booted.run("mkdir", "-p", f"/{DAEMON}")
    booted.write(f"{DAEMON}/telling.conf", telling)
    booted.ctl("daemon-reload")
    assert booted.run("systemctl", "start", "filterd.service", check=False).returncode
    assert "192.0.2.7" not in booted.run("nft", "list", "table", *table).stdout
    # It gives up priorities for that, which ends nothing: lists are compiled all the same.
    booted.write(f"{DAEMON}/telling.conf", telling.replace("=kill", "=EPERM"))
    booted.write(f"{DAEMON}/egress.conf", EGRESS.read_text())
    booted.ctl("daemon-reload")
    booted.ctl("restart", "filterd.service")
    assert "192.0.2.7" in booted.run("nft", "list", "table", *table).stdout
    with booted.inside():
        patiently(lambda: data_of(udp("listed.example", "A", 53)) == ["0.0.0.0"])
    booted.ctl("stop", "filterd.service", "filterd.socket")
    booted.write(CONFIG, gateway()[CONFIG])


def test_a_machine_whose_table_fails_forwards_nothing(tmp_path):
    with box(tmp_path, NETWORK | gateway(lann=["lan0"]), *ENABLED) as made:
        patiently(lambda: made.show(UNIT, "SubState")["SubState"] == "auto-restart")
        assert tables(made) == {"school"}
        assert forwards(made) == ["0", "0"]
        # Put right, it begins by itself.
        made.write(CONFIG, gateway()[CONFIG])
        patiently(lambda: forwards(made) == ["1", "1"])
        assert tables(made) == {"school", "filterd"}
