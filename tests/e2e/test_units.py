"""The daemon under its unit, started by a real systemd: rights, restarts, the watchdog, reloads."""

import signal

import pytest

from tests.support.box import CONFIG, box, config, patiently
from tests.support.dnsclient import data_of, udp
from tests.support.load import Steady
from tests.unit.docs.test_socket_activation import fence

pytestmark = [pytest.mark.real, pytest.mark.timeout(300)]
UNIT = "filterd.service"
NAMES = ("bad.example.com", "www.school.example")
DROP_INS = "etc/systemd/system/filterd.service.d"
NET_BIND_SERVICE = 1 << 10  # capabilities(7)


def quick() -> dict[str, str]:
    """What a test cannot wait for; and a call that the filter refuses ends the process."""
    text = "[Service]\nWatchdogSec=8\nSystemCallErrorNumber=kill\n"
    return {f"{DROP_INS}/quick.conf": text}


def own_sockets() -> dict[str, str]:
    return {f"{DROP_INS}/sockets.conf": fence("ini filterd.service.d/sockets.conf")}


@pytest.fixture(scope="module")
def plain(tmp_path_factory):
    """A box whose daemon opens its own sockets."""
    with box(tmp_path_factory.mktemp("plain"), config() | quick() | own_sockets()) as made:
        made.ctl("mask", "filterd.socket")
        made.ctl("start", UNIT)
        yield made


@pytest.fixture(scope="module")
def kept(tmp_path_factory):
    """A box whose sockets systemd keeps."""
    with box(tmp_path_factory.mktemp("kept"), config() | quick()) as made:
        made.ctl("enable", "--now", UNIT)
        yield made


def status(made, pid: int) -> dict[str, str]:
    lines = made.run("cat", f"/proc/{pid}/status").stdout.splitlines()
    return {key: value.strip() for key, _, value in (line.partition(":") for line in lines)}


def ask(made, name: str) -> list[str]:
    with made.inside():
        return data_of(udp(name, "A", 53))


def test_it_has_one_right_and_sees_nothing_it_need_not(plain):
    pid = plain.main(UNIT)
    told = status(plain, pid)
    uid = plain.run("id", "-u", "filterd").stdout.strip()
    assert set(told["Uid"].split()) == {uid}
    assert {int(told[key], 16) for key in ("CapEff", "CapPrm", "CapBnd")} == {NET_BIND_SERVICE}
    assert (told["NoNewPrivs"], told["Seccomp"]) == ("1", "2")
    gid = plain.run("id", "-g", "filterd").stdout.strip()
    account = ("--setuid", uid, "--setgid", gid)
    look = ("nsenter", "--target", str(pid), "--mount", *account, "--", "sh", "-c")
    for forbidden in (
        "touch /etc/filterd/x",
        "touch /usr/x",
        "ls -A /root | grep .",
        "test -d /proc/1",
    ):
        assert plain.run(*look, forbidden, check=False).returncode, forbidden
    assert plain.run(*look, "touch /var/lib/filterd/x && rm /var/lib/filterd/x").returncode == 0


def test_with_the_sockets_kept_it_needs_no_right_at_all(kept):
    told = status(kept, kept.main(UNIT))
    assert {int(told[key], 16) for key in ("CapEff", "CapPrm", "CapBnd")} == {0}
    assert ask(kept, "bad.example.com") == ["0.0.0.0"]
    assert "inherited 0.0.0.0:53 (udp)" in kept.journal(UNIT)


def test_restarts_lose_no_query(kept):
    with kept.inside(), Steady(53, NAMES) as load:
        before = kept.main(UNIT)
        for _ in range(2):
            asked = load.asked
            kept.ctl("restart", UNIT)
            patiently(lambda asked=asked: load.asked > asked + 100)
    assert kept.main(UNIT) not in {0, before}
    assert (load.lost, load.asked > 300) == (set(), True)
    assert load.seen == {"bad.example.com": {"0.0.0.0"}, "www.school.example": {"192.0.2.80"}}


def test_a_daemon_that_is_killed_is_back_and_what_waited_is_answered(kept):
    with kept.inside(), Steady(53, NAMES) as load:
        patiently(lambda: load.asked > 100)
        before = kept.main(UNIT)
        kept.run("kill", "-KILL", str(before))
        patiently(lambda: kept.main(UNIT) not in {0, before})
        asked = load.asked
        patiently(lambda: load.asked > asked + 100)
    # One query may have been read by each thread already; all others wait in the socket.
    assert len(load.lost) <= 2


@pytest.mark.parametrize("which", ["plain", "kept"])
def test_a_loop_that_stands_still_is_ended_by_the_watchdog(which, request):
    made = request.getfixturevalue(which)
    before = made.main(UNIT)
    made.run("kill", f"-{signal.SIGSTOP}", str(before))
    patiently(lambda: made.main(UNIT) not in {0, before})
    patiently(lambda: made.ctl("is-active", UNIT, check=False) == "active")
    assert ask(made, "bad.example.com") == ["0.0.0.0"]
    journal = made.journal(UNIT)
    assert "Watchdog timeout" in journal
    assert "Fatal Python error: Aborted" in journal  # and where each thread was


def test_the_watchdog_leaves_a_daemon_alone_that_answers(plain):
    before = plain.main(UNIT)
    assert float(plain.show(UNIT, "WatchdogUSec")["WatchdogUSec"].removesuffix("s")) == 8
    first = int(plain.show(UNIT, "WatchdogTimestampMonotonic")["WatchdogTimestampMonotonic"])

    def told_often() -> bool:
        now = plain.show(UNIT, "WatchdogTimestampMonotonic")["WatchdogTimestampMonotonic"]
        return int(now) > first + 9_000_000

    patiently(told_often)
    assert plain.main(UNIT) == before


def test_a_reload_is_in_force_when_it_returns(plain):
    before = plain.main(UNIT)
    plain.write(CONFIG, config(block=["bad.example.com", "new.example.com"])[CONFIG])
    plain.ctl("reload", UNIT)
    assert ask(plain, "new.example.com") == ["0.0.0.0"]
    assert plain.main(UNIT) == before


def test_a_reload_that_cannot_be_fails_says_why_and_changes_nothing(plain):
    before = plain.main(UNIT)
    plain.write(CONFIG, config(blocc=["bad.example.com"])[CONFIG])
    refused = plain.run("systemctl", "reload", UNIT, check=False)
    assert refused.returncode
    assert "blocc" in plain.journal(UNIT)
    assert plain.ctl("is-active", UNIT) == "active"
    plain.run("kill", "-HUP", str(before))  # the other way to say it
    patiently(lambda: plain.journal(UNIT).count("blocc") > 1)
    assert (plain.main(UNIT), ask(plain, "bad.example.com")) == (before, ["0.0.0.0"])
    plain.write(CONFIG, config()[CONFIG])
    plain.ctl("reload", UNIT)


def test_a_configuration_that_is_wrong_is_tried_again_until_it_is_right(plain):
    plain.write(CONFIG, "no: thing\n")
    plain.ctl("restart", UNIT, check=False)
    patiently(lambda: int(plain.show(UNIT, "NRestarts")["NRestarts"]) >= 1)
    plain.write(CONFIG, config()[CONFIG])
    patiently(lambda: plain.ctl("is-active", UNIT, check=False) == "active")
    assert ask(plain, "bad.example.com") == ["0.0.0.0"]
