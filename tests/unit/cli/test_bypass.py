"""`filterd bypass`: what it says, and how it ends."""

import sys
import time
from collections import Counter

import pytest
from scapy.layers.dot11 import LLC, Dot11, RadioTap
from scapy.layers.inet import IP
from scapy.layers.l2 import SNAP
from scapy.utils import PcapWriter

from filterd.bypass.book import FILE, Book
from filterd.bypass.signals import HOUR, Signal
from filterd.cli import bypass, bypass_capture
from filterd.gateway.nft import GatewayError
from tests.support.captures import Traffic

GATEWAY = """
listen: {udp: ['0.0.0.0:53', '[::]:53'], tcp: ['0.0.0.0:53', '[::]:53']}
gateway: {lan: [lan0]}
"""


@pytest.fixture
def book(tmp_path):
    return Book(tmp_path / "state/bypass.sqlite")


def tried(**signals):
    return Counter({("pupils", Signal(name)): n for name, n in signals.items()})


def test_nothing_is_nothing(run, config):
    assert run("bypass", "status", "-c", config) == (0, "no signals in the last 7 days\n", "")
    code, out, _ = run("bypass", "week", "-c", config, "--language", "vi")
    assert (code, "Không có gì" in out) == (0, True)
    assert run.json("bypass", "status", "--json", "-c", config) == {"looked": None, "signals": []}


def test_today_is_exit_1_and_last_week_is_not(run, config, book):
    book.add(tried(dot=4), time.time() - 50 * HOUR)
    code, out, _ = run("bypass", "status", "-c", config)
    assert code == 0
    assert "encrypted DNS (TLS, QUIC)" in out
    assert "A signal is no guilt" in out
    book.add(tried(vpn=7), time.time())
    code, out, _ = run("bypass", "status", "-c", config, "--language", "vi")
    assert code == 1
    assert "nhóm" in out
    assert "VPN" in out


def test_the_week_says_what_each_means_and_what_else_it_may_be(run, config, book):
    now = time.time()
    book.add(tried(ipsec=40), now - 8 * 24 * HOUR)
    book.add(tried(ipsec=30), now - 24 * HOUR)
    book.add(tried(ipsec=12), now)
    code, out, _ = run("bypass", "week", "-c", config)
    assert code == 0
    assert "42 attempts on 2 of 7 days (the 7 days before: 40)" in out
    for words in (
        "What it means",
        "What else it may be: Phones use it for calls",
        "What to do next",
    ):
        assert words in out


def test_json_has_what_the_page_says(run, config, book):
    book.add(tried(tor=3), time.time())
    (row,) = run.json("bypass", "status", "--json", "-c", config)["signals"]
    assert row == {
        "group": "pupils", "signal": "tor", "day": 3, "week": 3, "days": 1, "before": 0
    }  # fmt: skip


def test_a_book_that_is_none_is_2(run, config, tmp_path):
    (tmp_path / "state").mkdir()
    (tmp_path / "state/bypass.sqlite").write_bytes(b"junk" * 1000)
    code, out, err = run("bypass", "status", "-c", config)
    assert (code, out) == (2, "")
    assert "bypass.sqlite" in err


def test_looking_without_a_gateway_or_a_right(run, config, tmp_path, monkeypatch):
    code, _, err = run("bypass", "look", "-c", config)
    assert (code, "gateway.lan" in err) == (2, True)
    gate = tmp_path / "gate.yaml"
    gate.write_text(f"state_dir: {tmp_path / 'gate'}\nlanguage: en\n{GATEWAY}")

    def refused():
        raise GatewayError("not allowed; run it as root")

    monkeypatch.setattr(bypass, "see", refused)
    code, out, err = run("bypass", "look", "-c", str(gate))
    assert (code, out, "run it as root" in err) == (3, "", True)
    code, out, err = run("bypass", "status", "-c", str(gate))
    assert (code, out) == (0, "no signals in the last 7 days\n")
    assert "filterd bypass look" in err


def test_where_nothing_may_be_kept_the_counters_are_not_read(run, tmp_path, monkeypatch):
    gate = tmp_path / "gate.yaml"
    gate.write_text(
        f"state_dir: {tmp_path / 'gate'}\nlanguage: en\nprivacy: {{level: none}}\n{GATEWAY}"
    )
    looks = []
    monkeypatch.setattr(bypass, "see", lambda: looks.append("look"))
    monkeypatch.setattr(bypass.os, "geteuid", lambda: 0)
    assert run("bypass", "look", "-c", str(gate)) == (0, "", "")
    for what in ("status", "week"):
        code, _, err = run("bypass", what, "-c", str(gate))
        assert (code, "privacy.level is none" in err) == (0, True)
    assert looks == []
    assert not (tmp_path / "gate" / FILE).exists()


def test_a_capture_is_told_by_group_and_shows_no_address(run, config, tmp_path):
    traffic = Traffic().settle()
    for _ in range(4):
        traffic.connect(9001)
    path = str(traffic.write(tmp_path / "x.pcap"))
    code, out, err = run("bypass", "capture", path, "-c", config)
    assert (code, err) == (1, "")
    assert out.splitlines()[2].split() == ["pupils", "Tor", "4"]
    assert "10.77" not in out
    assert "198.51" not in out
    found = run.json("bypass", "capture", path, "-c", config, "--json")
    assert found["signals"] == [{"group": "pupils", "signal": "tor", "attempts": 4}]
    assert (found["packets"], found["notes"]) == (len(traffic.packets), [])


def test_what_a_capture_cannot_tell_is_said(run, config, tmp_path):
    path = Traffic().write(tmp_path / "x.pcap")
    assert "no DNS answers" in run("bypass", "capture", str(path), "-c", config)[2]
    traffic = Traffic()
    traffic.browse()
    path = traffic.write(tmp_path / "x.pcap")
    path.write_bytes(path.read_bytes()[:-2])
    code, out, err = run("bypass", "capture", str(path), "-c", config)
    assert code == 0
    assert "no signals" in out
    assert "300 s" in err
    assert "middle of a packet" in err


def test_what_is_no_capture_is_2(run, config, tmp_path):
    (tmp_path / "x").write_bytes(b"no capture")
    code, _, err = run("bypass", "capture", str(tmp_path / "x"), "-c", config)
    assert (code, "tcpdump" in err) == (2, True)
    assert run("bypass", "capture", str(tmp_path / "gone"), "-c", config)[0] == 2


def test_a_long_capture_shows_how_far_it_is(run, config, tmp_path, monkeypatch):
    seen = []
    monkeypatch.setattr(bypass_capture, "_EVERY", 3)
    monkeypatch.setattr(
        bypass_capture.Progress, "at", lambda bar, done: seen.append(done / bar.total)
    )
    traffic = Traffic().settle()
    run("bypass", "capture", str(traffic.write(tmp_path / "x.pcap")), "-c", config)
    assert seen == sorted(seen)
    assert 0 < seen[0] < seen[-1] <= 1


def test_a_capture_of_wifi_takes_scapy_and_says_so(run, config, tmp_path, monkeypatch):
    traffic, path = Traffic(), tmp_path / "air.pcap"
    traffic.resolve("www.example.com", "192.0.2.80")
    packets = traffic.packets
    with PcapWriter(str(path), sync=True, linktype=127) as writer:
        for each in packets:
            air = Dot11(type=2, FCfield=1) / LLC(dsap=0xAA, ssap=0xAA, ctrl=3) / SNAP(code=0x0800)
            writer.write(RadioTap() / air / each[IP])
    command = ("bypass", "capture", str(path), "-c", config, "--language")
    _, out, err = run(*command, "en")
    assert f"{len(packets)} packets read" in out
    assert "passed over" not in err
    for name in [each for each in sys.modules if each.split(".")[0] == "scapy"]:
        monkeypatch.setitem(sys.modules, name, None)
    for language in ("en", "vi"):
        _, _, err = run(*command, language)
        assert f"{len(packets)} " in err
        assert "pip install scapy" in err
