"""The hub under its unit: no right, the passphrase as a credential, the watchdog, several processes."""

import signal

import pytest
import yaml

from tests.support.box import box, patiently
from tests.support.hub import RunningHub

pytestmark = [pytest.mark.real, pytest.mark.timeout(300)]
UNIT = "filterd-hub.service"
STATE = "/var/lib/filterd-hub"
QUICK = "[Service]\nWatchdogSec=8\nSystemCallErrorNumber=kill\n"


def settings(**changes):
    value = {
        "listen": "127.0.0.1:9800",
        "metrics": "127.0.0.1:9801",
        "database": f"sqlite:///{STATE}/hub.db",
        "feed": f"{STATE}/feed",
        "log": {"key": f"{STATE}/log.pem"},
        "publish_every": "1s",
        "snapshot_every": "2s",
    }
    return yaml.safe_dump(value | changes)


@pytest.fixture(scope="module")
def served(tmp_path_factory):
    folder = tmp_path_factory.mktemp("hub")
    made = RunningHub(folder / "made", f"sqlite:///{folder}/unused.db")
    files = {
        "etc/filterd/hub.yaml": settings(),
        f"etc/systemd/system/{UNIT}.d/quick.conf": QUICK,
        "var/lib/filterd-hub/feed": made.folder / "feed",
        "var/lib/filterd-hub/log.pem": (made.folder / "log.pem").read_text(),
        "etc/credstore/filterd-hub.log-passphrase": (made.folder / "log.pass").read_text(),
    }
    with box(folder, files) as running:
        running.run("chown", "-R", "filterd-hub:filterd-hub", STATE)
        running.run("chmod", "600", "/etc/credstore/filterd-hub.log-passphrase")
        words = ("filterd", "hub", "init", "--operator", "Op")
        running.run("runuser", "-u", "filterd-hub", "--", *words)
        running.ctl("start", UNIT)
        yield running


def page(made, path: str, port: int = 9800) -> str:
    return made.run("curl", "-sSf", f"http://127.0.0.1:{port}{path}", check=False).stdout


def test_it_serves_without_any_right(served):
    text = served.run("cat", f"/proc/{served.main(UNIT)}/status").stdout
    told = dict(line.split(":\t", 1) for line in text.splitlines() if ":\t" in line)
    assert {int(told[key], 16) for key in ("CapEff", "CapPrm", "CapBnd")} == {0}
    assert told["Uid"].split()[0] == served.run("id", "-u", "filterd-hub").stdout.strip()
    assert page(served, "/feed/checkpoint").startswith("log.")
    assert page(served, "/readyz", 9801)


def test_only_the_service_has_the_passphrase(served):
    [line] = [
        each
        for each in served.run("cat", f"/proc/{served.main(UNIT)}/environ").stdout.split("\0")
        if each.startswith("CREDENTIALS_DIRECTORY=")
    ]
    file = line.partition("=")[2] + "/log-passphrase"
    assert served.run("stat", "-c", "%U", file).stdout in {"root\n", "filterd-hub\n"}
    other = ("runuser", "-u", "filterd", "--", "cat", file)
    assert served.run(*other, check=False).returncode


def test_a_hub_that_stands_still_is_ended_by_the_watchdog(served):
    before = served.main(UNIT)
    served.run("kill", f"-{signal.SIGSTOP}", str(before))
    patiently(lambda: served.main(UNIT) not in {0, before})
    patiently(lambda: served.ctl("is-active", UNIT, check=False) == "active")
    assert "Watchdog timeout" in served.journal(UNIT)
    assert page(served, "/feed/checkpoint")


def test_several_processes_end_with_the_one_that_systemd_knows(served):
    served.write("etc/filterd/hub.yaml", settings(workers=2))
    served.ctl("restart", UNIT)
    patiently(lambda: page(served, "/readyz", 9802))
    number = int(served.show(UNIT, "WatchdogTimestampMonotonic")["WatchdogTimestampMonotonic"])

    def told() -> bool:
        now = served.show(UNIT, "WatchdogTimestampMonotonic")["WatchdogTimestampMonotonic"]
        return int(now) > number + 9_000_000

    patiently(told)
    assert served.show(UNIT, "NRestarts")["NRestarts"] == "0"
    served.ctl("stop", UNIT)
    assert served.run("pgrep", "-u", "filterd-hub", check=False).stdout == ""
