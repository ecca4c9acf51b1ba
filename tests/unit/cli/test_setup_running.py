"""Programs that setup runs: what goes wrong with them is one line."""

import pytest

from filterd.cli import setup, setup_account, setup_units
from filterd.cli.setup_account import set_password
from filterd.cli.setup_running import ran
from filterd.cli.setup_units import SECONDS, put_in_force
from filterd.config.setup import SetupConfig
from filterd.config.whole import read_whole
from filterd.setup.account import Password
from filterd.setup.words import QUESTIONS, SAID
from tests.support.data import ROOT

BOX = "addresses: [10.20.0.1/16]\nlan: [lan0]\n"


@pytest.fixture
def programs(tmp_path, monkeypatch):
    """Put programs of these names before all others."""
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")

    def put(**scripts):
        for name, script in scripts.items():
            (tmp_path / name).write_text(f"#!/bin/sh\n{script}\n")
            (tmp_path / name).chmod(0o755)

    return put


@pytest.mark.parametrize(
    ("words", "printed", "why"),
    [
        (("sh", "-c", "cat"), "given", None),
        (("sh", "-c", "echo bad >&2; exit 3"), "", "bad"),
        (("sh", "-c", "exit 3"), "", "exit code 3"),
        (("sh", "-c", "exec sleep 9"), "", "not done after 1 s"),
        (("/nowhere/at/all",), "", "No such file or directory"),
    ],
)
def test_what_became_of_it(words, printed, why):
    assert ran(words, 1, given="given") == (printed, why)


def test_services_may_take_as_long_as_their_units_give_them():
    unit = (ROOT / "systemd/filterd.service").read_text()
    given = [int(line.partition("=")[2]) for line in unit.splitlines()
             if line.startswith(("TimeoutStartSec=", "TimeoutStopSec="))]  # fmt: skip
    assert len(given) == 2
    assert sum(given) < SECONDS


def test_what_is_not_done_in_time_is_told_and_the_rest_goes_on(
    programs, tmp_path, monkeypatch, capsys
):
    programs(systemctl=f'echo "$@" >>{tmp_path}/asked; case $1 in restart) exec sleep 9;; esac')
    for name in ("filterd.socket", "filterd.service"):
        (tmp_path / name).touch()
    monkeypatch.setattr(setup_units, "UNITS", tmp_path)
    monkeypatch.setattr(setup_units, "RUNNING", tmp_path)
    monkeypatch.setattr(setup_units, "SECONDS", 1)
    answers = read_whole(SetupConfig, BOX + "upstream: [192.0.2.1]")
    assert not put_in_force(answers, SAID["en"], ["etc/filterd/config.yaml"], live=True)
    told = capsys.readouterr().err
    assert "did not work: systemctl restart filterd.service: not done after 1 s" in told
    assert "start filterd.socket" in (tmp_path / "asked").read_text()


def test_a_password_that_is_not_taken_in_time(programs, tmp_path, monkeypatch, capsys):
    programs(useradd="exec sleep 9", usermod="exec sleep 9")
    monkeypatch.setattr(setup_account, "_PATH", {"PATH": f"{tmp_path}:/usr/bin:/bin"})
    monkeypatch.setattr(setup_account, "_SECONDS", 1)
    assert not set_password(Password("correct horse"), SAID["en"])
    assert ": not done after 1 s" in capsys.readouterr().err


@pytest.mark.parametrize(
    "script", ["echo no such option >&2; exit 1", "echo hello", "echo '[{\"flags\": []}]'"]
)
def test_a_machine_that_does_not_say_its_interfaces(programs, capsys, script):
    programs(ip=script)
    assert setup._machine(QUESTIONS["en"]) == ((), ())
    assert "type their names" in capsys.readouterr().err
