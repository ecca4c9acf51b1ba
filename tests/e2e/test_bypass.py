"""Signs of going round the filter, live: the kernel's nftables, a pupil who tries, and one who does
not, with a real browser. The same is then found in captures of the school's wire.
"""

import json
import subprocess
import time
from contextlib import ExitStack

import pytest

from tests.support.captures import recording
from tests.support.chromium import browser, trust
from tests.support.data import ROOT
from tests.support.dnsclient import run_dig
from tests.support.http_world import Handler, site
from tests.support.needs import program
from tests.support.node import FILTERD, eventually, node
from tests.support.school_wires import GATEWAY, OUTSIDE, school_wires
from tests.support.tls import make_authority

pytestmark = pytest.mark.real

SITE = "www.site.example"
DOORS = ["0.0.0.0:53", "[::]:53"]
SOON = 20.0  # seconds; the daemon looks every five
WIREGUARD = b"\x01\x00\x00\x00" + bytes(range(144))
CONFIG = {
    "listen": {"udp": DOORS, "tcp": DOORS},
    "upstream": {"servers": ["127.0.0.1:9"]},
    "access": {"networks": ["2001:db8:77::/64"]},
    "records": [f"{SITE} A {OUTSIDE[4]}"],
    "default_group": "pupils",
    "groups": {
        "pupils": {"age": 10},
        "staff": {"age": 18, "filtered": False, "bypass_protection": False},
    },
    "gateway": {"lan": ["lan0"], "egress": {"groups": ["pupils"]}},
}


class Talkative(Handler):
    """Says that it speaks HTTP/3 too, so that a browser tries."""

    def end_headers(self):
        self.send_header("Alt-Svc", 'h3=":443"; ma=3600')
        super().end_headers()


class School:
    def __init__(self, wires, daemon, folder, authority):
        self.wires, self.daemon, self.folder, self.authority = wires, daemon, folder, authority

    def run(self, *words):
        return self.daemon.run(*words)

    def told(self):
        """What `filterd bypass status` says: signal -> attempts of pupils in the last day."""
        done = self.run("bypass", "status", "--json")
        rows = json.loads(done.stdout)["signals"]
        assert {each["group"] for each in rows} <= {"pupils"}, done.stdout
        assert done.returncode == bool(rows)
        return {each["signal"]: each["day"] for each in rows}

    def metric(self, signal):
        return self.daemon.metric(
            f'filterd_bypass_signals_total{{group="pupils",signal="{signal}"}}'
        )

    def ask(self, server, name=SITE):
        dig = program("dig", "bind9-dnsutils")
        return run_dig([*self.wires.as_pupil, dig, "+tries=1", "+time=2", f"@{server}", name])

    def found(self, recorded, name):
        """What `filterd bypass capture` says of a recording."""
        path = recorded.write(self.folder / name, long_before=600.0)
        done = self.run("bypass", "capture", str(path), "--json")
        assert not done.stderr
        return {each["signal"]: each["attempts"] for each in json.loads(done.stdout)["signals"]}


@pytest.fixture(scope="module")
def school(tmp_path_factory):
    folder = tmp_path_factory.mktemp("school")
    authority = make_authority(folder)
    certificate = authority.issue(SITE)
    with ExitStack() as stack:
        wires = stack.enter_context(
            school_wires(udp=(443, 853, 9999, 51820), tcp=(853, 9001, 9999))
        )
        with wires.at(wires.internet):
            stack.enter_context(site(certificate, (OUTSIDE[4], 443), Talkative))
        daemon = stack.enter_context(node(folder, CONFIG))
        done = daemon.run("gateway", "apply")
        assert done.returncode == 0, done.stderr
        for version in (4, 6):
            resolved(f"{{ {OUTSIDE[version]} timeout 1h }}", version)
        yield School(wires, daemon, folder, authority)


def resolved(element, version, what="add"):
    words = f"{what} element inet filterd resolved_pupils{version} {element}"
    subprocess.run(["nft", words], check=True)


def as_pupil(school, folder):
    """Words before a command that make it a pupil's, whose resolver is the gateway."""
    file = folder / "resolv.conf"
    file.write_text(f"nameserver {GATEWAY[4]}\n")
    mounted = 'mount --bind "$0" /etc/resolv.conf && exec "$@"'
    return (*school.wires.as_pupil, "sh", "-c", mounted, str(file))


def test_real_browsing_is_no_sign(school, tmp_path):
    prefix = as_pupil(school, tmp_path)
    ca = str(school.authority.ca_file)
    trust(tmp_path, ca)
    with recording("lan0") as recorded:
        done = subprocess.run(
            [*prefix, "curl", "-sS", "--cacert", ca, f"https://{SITE}/"],
            capture_output=True, text=True, timeout=20, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        with browser("--disable-features=HttpsUpgrades", home=tmp_path, prefix=prefix) as page:
            for number in range(3):
                page.go(f"https://{SITE}/?{number}")
                assert "the page itself" in page.html()
    sent = [frame for _, frame in recorded.frames]
    hellos = [each for each in sent if b"\x16\x03\x01" in each and SITE.encode() in each]
    assert len(hellos) >= 2
    assert any(b"\xfe\x0d" in each for each in hellos), "the browser greased no ECH"
    assert any(is_quic(each) for each in sent), "the browser tried no QUIC"
    assert school.found(recorded, "clean.pcap") == {}
    assert school.told() == {}


def is_quic(frame):
    return (
        frame[12:14] == b"\x08\x00" and frame[23] == 17 and frame[36:38] == (443).to_bytes(2, "big")
    )


def not_at_an_hour(room=20.0):
    """Wait, if an hour is about to end: what is counted in two is too little in each."""
    left = 3600 - time.time() % 3600
    if left < room:
        time.sleep(left)


def rogue(school):
    for _ in range(6):
        school.ask(OUTSIDE[4])


def dot(school):
    for version in (4, 6):
        assert school.wires.reach("tcp", OUTSIDE[version], 853)[0] == "Connection refused"
        assert school.wires.reach("udp", OUTSIDE[version], 853)[0] != "answered"


def vpn(school):
    for version in (4, 6, 4):
        assert school.wires.reach("udp", OUTSIDE[version], 51820, WIREGUARD)[0] == "answered"


def tor(school):
    for version in (4, 6, 4):
        assert school.wires.reach("tcp", OUTSIDE[version], 9001)[0] == "answered"


def fixed(school):
    for version in (4, 6):
        resolved(f"{{ {OUTSIDE[version]} }}", version, "delete")
    for version in (4, 6):
        for _ in range(6):
            assert school.wires.reach("tcp", OUTSIDE[version], 9999)[0] == "answered"
        resolved(f"{{ {OUTSIDE[version]} timeout 1h }}", version)


TRIED = {
    "resolver": (rogue, 6),
    "dot": (dot, 4),
    "vpn": (vpn, 3),
    "tor": (tor, 3),
    "address": (fixed, 12),
}


@pytest.mark.parametrize("signal", TRIED)
def test_what_is_tried_is_told_within_seconds_and_nothing_else(school, signal):
    not_at_an_hour()
    before = school.told()
    attempt, number = TRIED[signal]
    assert signal not in before
    attempt(school)
    assert school.told() == before | {signal: number}
    assert eventually(lambda: school.metric(signal) == number, seconds=SOON)


def test_names_that_are_blocked_are_told_and_questions_of_devices_are_not(school):
    not_at_an_hour(60.0)
    before = school.told()
    for name in ("use-application-dns.net", "mask.icloud.com", "mask-h2.icloud.com"):
        for _ in range(4):
            assert school.ask(GATEWAY[4], name).data() == []
    for _ in range(4):
        school.ask(GATEWAY[4], "dns.google")
    school.run("log")  # has the daemon count at once
    assert eventually(lambda: school.metric("doh") == 4, seconds=SOON)
    assert school.told() == before | {"doh": 4}


def test_the_same_is_found_in_a_capture(school):
    not_at_an_hour()
    with recording("lan0") as recorded:
        school.ask(GATEWAY[4])
        for attempt in (rogue, dot, vpn, tor):
            attempt(school)
    assert school.found(recorded, "tried.pcap") == {"resolver": 6, "dot": 4, "vpn": 3, "tor": 3}


def test_what_the_staff_do_is_no_sign(school):
    before = school.told()
    device = {"laptop": {"group": "staff", "ids": [school.wires.pupil_device]}}
    school.daemon.write({"clients": device})
    assert school.run("gateway", "apply").returncode == 0
    for attempt in (rogue, dot_of_staff, vpn, tor):
        attempt(school)
    assert school.told() == before
    school.daemon.write({"clients": {}})
    assert school.run("gateway", "apply").returncode == 0


def dot_of_staff(school):
    assert school.wires.reach("udp", OUTSIDE[4], 853)[0] == "answered"


def test_a_table_applied_anew_loses_and_repeats_nothing(school):
    not_at_an_hour()
    before = school.told()["vpn"]
    vpn(school)
    assert eventually(lambda: school.told()["vpn"] == before + 3, seconds=SOON)
    school.daemon.write({"gateway": CONFIG["gateway"] | {"doh": ["192.0.2.53"]}})
    assert school.run("gateway", "apply").returncode == 0
    assert school.told()["vpn"] == before + 3
    vpn(school)
    assert school.told()["vpn"] == before + 6


def test_who_may_not_look_is_told_what_was_seen_last(school):
    bare = ("setpriv", "--bounding-set", "-all", "--inh-caps", "-all", "--no-new-privs")
    words = [*bare, *FILTERD, "bypass", "look", "-c", str(school.daemon.config)]
    done = subprocess.run(words, capture_output=True, text=True, timeout=30, check=False, cwd=ROOT)
    assert (done.returncode, done.stdout) == (3, "")
    assert "run it as root" in done.stderr


def test_the_week_is_told_in_both_languages_and_names_nobody(school):
    english = school.run("bypass", "week").stdout
    vietnamese = school.run("bypass", "week", "--language", "vi").stdout
    assert "A signal is no guilt" in english
    assert "nhóm pupils" in vietnamese
    assert "VPN: " in english
    log = school.daemon.log
    for address in ("10.77.0.2", "2001:db8:77::2", school.wires.pupil_device):
        assert address not in english + vietnamese + log
