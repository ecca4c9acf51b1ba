"""`filterd gateway` with the kernel's nftables: what a pupil tries to get round us, over IPv4 and
IPv6, beside a table of somebody else.
"""

import json
import socket
import subprocess

import pytest

from tests.support.data import ROOT
from tests.support.dnsclient import run_dig
from tests.support.needs import program
from tests.support.node import FILTERD, filterd, node, write_config
from tests.support.school_wires import GATEWAY, OUTSIDE, PUPIL, ROGUE_ANSWER, UPLINK, school_wires
from tests.support.servers import free_port

pytestmark = pytest.mark.real

OURS = "192.0.2.80"
FOREIGN = """
table inet other {
  chain c {
    type filter hook forward priority filter;
  }
}
"""
BOTH = pytest.mark.parametrize("version", [4, 6])
AT_ONCE = 1.0
DOORS = ["0.0.0.0:53", "[::]:53"]


def config(clients=(), http=(), doors=DOORS, **gateway):
    return {
        "http": dict(http),
        "clients": dict(clients),
        "listen": {"udp": doors, "tcp": doors},
        "upstream": {"servers": ["127.0.0.1:9"]},
        "access": {"networks": ["2001:db8:77::/64"]},
        "records": [f"open.site.example A {OURS}"],
        "default_group": "pupils",
        "groups": {
            "pupils": {"age": 10},
            "staff": {"age": 18, "filtered": False, "bypass_protection": False},
        },
        "gateway": {"lan": ["lan0"]} | gateway,
    }


@pytest.fixture(scope="module")
def wires():
    with school_wires(udp=(443, 853, 9999), tcp=(443, 853, 9999)) as made:
        subprocess.run(["nft", "-f", "-"], input=FOREIGN, text=True, check=True)
        yield made


@pytest.fixture
def gateway(wires, tmp_path):
    """`gateway(...)` writes a configuration, applies it, and returns what runs commands on it."""

    def applied(**said):
        file = write_config(tmp_path, config(**said), free_port(), free_port())

        def command(*words):
            return filterd("gateway", *words, "-c", str(file))

        done = command("apply")
        assert done.returncode == 0, done.stderr
        return command

    yield applied
    subprocess.run(["nft", "delete table inet filterd"], shell=False, check=False,
                   capture_output=True)  # fmt: skip


def tables():
    done = subprocess.run(["nft", "list", "tables"], capture_output=True, text=True, check=True)
    return done.stdout.split("\n")[:-1]


def ask(wires, server, *words):
    dig = program("dig", "bind9-dnsutils")
    return run_dig([*wires.as_pupil, dig, "+tries=1", "+time=2", f"@{server}", *words])


@BOTH
def test_without_it_a_pupil_walks_round_us(wires, version):
    assert ask(wires, OUTSIDE[version], "open.site.example").data() == [ROGUE_ANSWER]
    for protocol in ("tcp", "udp"):
        for port in (443, 853):
            assert wires.reach(protocol, OUTSIDE[version], port)[0] == "answered"


def test_a_foreign_resolver_s_queries_are_answered_by_ours(wires, gateway, tmp_path):
    command = gateway()
    with node(tmp_path, config()):
        for version in (4, 6):
            for way in ("+notcp", "+tcp"):
                found = ask(wires, OUTSIDE[version], "open.site.example", way)
                assert found.data() == [OURS], found.text
                direct = ask(wires, GATEWAY[version], "open.site.example", way)
                assert direct.data() == [OURS], direct.text
    rules = json.loads(command("status", "--json").stdout)["rules"]
    for key in ("dns-udp", "dns-tcp"):  # what was asked of us anyway is not among them
        assert {"group": "pupils", "rule": key, "packets": 2} in rules
    told = command("status", "--language", "vi").stdout
    assert "nhóm pupils" in told
    assert "        2  truy vấn tới máy chủ DNS ngoài, do filterd trả lời (TCP)\n" in told


@BOTH
def test_a_door_on_one_address_answers_for_every_resolver(wires, gateway, tmp_path, version):
    doors = [f"{GATEWAY[4]}:5353", f"[{GATEWAY[6]}]:5353"]
    gateway(doors=doors)
    with node(tmp_path, config(doors=doors)):
        for server in (OUTSIDE[version], GATEWAY[version], UPLINK[version]):
            assert ask(wires, server, "open.site.example").data() == [OURS], server


@BOTH
def test_without_the_daemon_no_name_is_answered_and_at_once(wires, gateway, version):
    gateway()
    met, seconds = wires.reach("udp", OUTSIDE[version], 53)
    assert (met, seconds < AT_ONCE) == ("Connection refused", True)
    met, seconds = wires.reach("tcp", OUTSIDE[version], 53)
    assert (met, seconds < AT_ONCE) == ("Connection refused", True)


@BOTH
def test_encrypted_dns_and_quic_are_refused_at_once_and_the_rest_passes(wires, gateway, version):
    gateway()
    refused = {4: "No route to host", 6: "Permission denied"}[version]
    for protocol, port, wanted in (
        ("tcp", 853, "Connection refused"),
        ("udp", 853, refused),
        ("udp", 443, refused),
        ("tcp", 443, "answered"),
        ("udp", 9999, "answered"),
    ):
        met, seconds = wires.reach(protocol, OUTSIDE[version], port)
        assert (protocol, port, met) == (protocol, port, wanted)
        assert seconds < AT_ONCE


@BOTH
def test_a_doh_address_is_closed(wires, gateway, version):
    gateway(doh=[OUTSIDE[version]])
    assert wires.reach("tcp", OUTSIDE[version], 443)[0] == "Connection refused"
    assert wires.reach("tcp", OUTSIDE[version], 9999)[0] == "answered"
    assert wires.reach("tcp", OUTSIDE[10 - version], 443)[0] == "answered"


@BOTH
def test_a_doh_address_is_closed_and_counted_where_the_web_goes_to_the_http_filter(
    wires, gateway, version
):
    doors = [f"0.0.0.0:{free_port()}", f"[::]:{free_port()}"]
    command = gateway(doh=[OUTSIDE[version]], http={"listen": {"transparent": doors}})
    assert wires.reach("tcp", OUTSIDE[version], 443)[0] == "Connection refused"
    rules = json.loads(command("status", "--json").stdout)["rules"]
    assert {"group": "pupils", "rule": "doh", "packets": 1} in rules


@BOTH
def test_an_address_never_resolved_is_refused_and_a_resolved_one_passes(wires, gateway, version):
    command = gateway(egress={"groups": ["pupils"], "enforce": True})
    assert wires.reach("tcp", OUTSIDE[version], 9999)[0] == "Connection refused"
    assert wires.reach("udp", OUTSIDE[version], 9999)[0] != "answered"
    told = json.loads(command("status", "--json").stdout)
    missed = told["learned"][f"unresolved_pupils{version}"]
    assert sorted(missed) == [f"{OUTSIDE[version]} . {p} . 9999" for p in ("tcp", "udp")]
    element = (
        f"add element inet filterd resolved_pupils{version} {{ {OUTSIDE[version]} timeout 9s }}"
    )
    subprocess.run(["nft", element], check=True)
    assert wires.reach("tcp", OUTSIDE[version], 9999)[0] == "answered"


@BOTH
def test_learning_refuses_nothing_and_tells_what_it_would(wires, gateway, version):
    command = gateway(egress={"groups": ["pupils"]})
    assert wires.reach("tcp", OUTSIDE[version], 9999)[0] == "answered"
    told = json.loads(command("status", "--json").stdout)
    assert told["learned"][f"unresolved_pupils{version}"] == [f"{OUTSIDE[version]} . tcp . 9999"]
    assert {"group": "pupils", "rule": "gate-learning", "packets": 1} in told["rules"]


def test_what_was_learned_outlives_a_change(wires, gateway, tmp_path):
    command = gateway(egress={"groups": ["pupils"], "enforce": True})
    subprocess.run(
        ["nft", f"add element inet filterd resolved_pupils4 {{ {OUTSIDE[4]} timeout 1h }}"],
        check=True,
    )
    changed = config(egress={"groups": ["pupils"], "enforce": True}, doh=["192.0.2.1"])
    write_config(tmp_path, changed, free_port(), free_port())
    assert command("status").returncode == 1
    assert "set doh4 {" in command("apply").stdout
    assert wires.reach("tcp", OUTSIDE[4], 9999)[0] == "answered"


def test_applied_twice_is_once_and_removed_leaves_nothing(wires, gateway):
    command = gateway()
    assert tables() == ["table inet other", "table inet filterd"]
    wires.reach("tcp", OUTSIDE[4], 853)
    again = command("apply")
    assert (again.returncode, "+" in again.stdout) == (0, False)
    told = json.loads(command("status", "--json").stdout)
    assert told["state"] == "applied"
    assert {"group": "pupils", "rule": "dot", "packets": 1} in told["rules"]
    assert command("remove").returncode == 0
    assert tables() == ["table inet other"]
    assert command("remove").returncode == 0
    done = command("status")
    assert (done.returncode, done.stdout) == (1, "not applied: there is no table inet filterd\n")


def test_a_change_by_hand_is_seen_and_mended(wires, gateway):
    command = gateway()
    subprocess.run(["nft", "flush chain inet filterd egress_pupils"], check=True)
    assert "somebody changed" in command("status").stdout
    assert command("apply").stdout.startswith("+ as the configuration has it, again\n")
    assert command("status").returncode == 0
    assert wires.reach("tcp", OUTSIDE[4], 853)[0] == "Connection refused"


@BOTH
def test_who_is_exempt_and_what_everybody_reaches_are_left_alone(wires, gateway, version):
    gateway(exempt=[PUPIL[version]])
    assert wires.reach("udp", OUTSIDE[version], 853)[0] == "answered"
    assert ask(wires, OUTSIDE[version], "open.site.example").data() == [ROGUE_ANSWER]
    assert wires.reach("udp", OUTSIDE[10 - version], 853)[0] != "answered"
    gateway(reachable=[OUTSIDE[version]])
    assert wires.reach("udp", OUTSIDE[version], 853)[0] == "answered"
    assert ask(wires, OUTSIDE[version], "open.site.example").data() == [ROGUE_ANSWER]


@BOTH
def test_a_known_device_belongs_to_its_group_whatever_its_address(wires, gateway, version):
    gateway(clients={"laptop": {"group": "staff", "ids": [wires.pupil_device]}})
    assert wires.reach("udp", OUTSIDE[version], 853)[0] == "answered"
    assert wires.reach("udp", OUTSIDE[version], 443)[0] == "answered"
    assert wires.reach("udp", OUTSIDE[version], 53)[0] == "Connection refused"


def test_what_others_refuse_stays_refused(wires, gateway):
    gateway(reachable=[OUTSIDE[4]])
    subprocess.run(
        ["nft", "add rule inet other c tcp dport 9999 reject with tcp reset"], check=True
    )
    try:
        assert wires.reach("tcp", OUTSIDE[4], 9999)[0] == "Connection refused"
    finally:
        subprocess.run(["nft", "flush chain inet other c"], check=True)


def test_without_the_right_it_says_so_and_changes_nothing(wires, gateway, tmp_path):
    gateway()
    before = subprocess.run(["nft", "-j", "list", "ruleset"], capture_output=True, check=True)
    bare = ("setpriv", "--bounding-set", "-all", "--inh-caps", "-all", "--no-new-privs")
    words = [*bare, *FILTERD, "gateway", "remove", "-c", str(tmp_path / "filterd.yaml")]
    done = subprocess.run(words, capture_output=True, text=True, timeout=30, check=False, cwd=ROOT)
    assert (done.returncode, done.stdout) == (3, "")
    assert "run it as root" in done.stderr
    after = subprocess.run(["nft", "-j", "list", "ruleset"], capture_output=True, check=True)
    assert after.stdout == before.stdout


@BOTH
def test_the_web_goes_to_the_http_filter_and_nowhere_without_it(wires, gateway, version):
    port = free_port()
    gateway(http={"listen": {"transparent": [f"0.0.0.0:{port}", f"[::]:{port}"]}})
    for web in (80, 443):
        met, seconds = wires.reach("tcp", OUTSIDE[version], web)
        assert (met, seconds < AT_ONCE) == ("Connection refused", True)
    assert wires.reach("tcp", OUTSIDE[version], 9999)[0] == "answered"
    family = socket.AF_INET6 if version == 6 else socket.AF_INET
    with socket.create_server(("", port), family=family) as door:
        door.settimeout(5)
        assert wires.reach("tcp", OUTSIDE[version], 443)[0] == "answered"
        came, (address, *_) = door.accept()
        came.close()
    assert address == PUPIL[version]


@BOTH
def test_the_web_is_refused_over_a_family_that_the_http_filter_has_no_address_of(
    wires, gateway, version
):
    door = {4: "[::]", 6: "0.0.0.0"}[version]
    command = gateway(http={"listen": {"transparent": [f"{door}:{free_port()}"]}})
    met, seconds = wires.reach("tcp", OUTSIDE[version], 443)
    assert (met, seconds < AT_ONCE) == ("Connection refused", True)
    rules = json.loads(command("status", "--json").stdout)["rules"]
    assert {"group": "pupils", "rule": "web-refused", "packets": 1} in rules
    assert f"over IPv{version} is refused" in command("plan").stdout


def test_a_table_that_would_meet_nothing_is_told_of(wires, gateway):
    command = gateway(lan=["lan0", "lam1"])
    for what in ("apply", "status"):
        done = command(what)
        assert (done.returncode, "there is no interface lam1 now" in done.stderr) == (0, True)
    assert json.loads(command("status", "--json").stdout)["state"] == "applied"
    subprocess.run(["ip", "route", "add", "default", "via", PUPIL[4], "dev", "lan0"], check=True)
    try:
        done = command("status")
        assert "the way to the internet leaves by lan0" in done.stderr
    finally:
        subprocess.run(["ip", "route", "del", "default", "dev", "lan0"], check=True)
