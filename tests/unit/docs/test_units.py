"""The units we ship: systemd finds no fault in them, and little that a broken-into service could do."""

import re
from pathlib import Path

import pytest

from tests.support.data import ROOT
from tests.support.unit_root import SYSTEM, add_drop_in, analyze, unit_root

UNITS = ROOT / "systemd"
PAGE = (UNITS / "README.md").read_text(encoding="utf-8")
NAMES = sorted(
    each.name.replace("@.", "@1.")
    for pattern in ("*.service", "*.socket", "*.timer", "*.target")
    for each in UNITS.glob(pattern)
)
SERVICES = [each for each in NAMES if each.endswith(".service")]
MOST = 15  # tenths of the exposure level, which goes to 10
DROP_INS = sorted(UNITS.glob("*.d/*.conf"))
DROP_INS = [each for each in DROP_INS if each.parent.name.removesuffix(".d") in SERVICES]


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return unit_root(tmp_path)


def exposure(root: Path, unit: str, most: int) -> tuple[int, str]:
    """Return systemd's exit code for a bar of `most`, and what it says."""
    done = analyze(root, "security", "--offline=true", f"--threshold={most}", unit)
    return done.returncode, done.stdout + done.stderr


def drop_in(root: Path, file: Path) -> None:
    add_drop_in(root, file.parent.name.removesuffix(".d"), file.name, file.read_text())


def test_there_is_something_to_look_at() -> None:
    assert {"filterd.service", "filterd.socket", "filterd-http@1.service"} < set(NAMES)
    assert {"filterd-gateway.service", "filterd-hub.service"} < set(NAMES)
    assert len(DROP_INS) >= 3


@pytest.mark.parametrize("unit", NAMES)
def test_systemd_finds_no_fault(root: Path, unit: str) -> None:
    done = analyze(root, "verify", "--man=no", unit)
    assert (done.returncode, done.stdout + done.stderr) == (0, "")


def test_it_would_find_one(root: Path) -> None:
    (root / SYSTEM / "filterd-hub.service").write_text(
        "[Service]\nExecStart=/usr/bin/nothing\nTyp=x\n"
    )
    said = analyze(root, "verify", "--man=no", "filterd-hub.service").stderr
    assert "/usr/bin/nothing" in said
    assert "Typ" in said


@pytest.mark.parametrize("unit", SERVICES)
def test_a_service_that_is_broken_into_can_do_little(root: Path, unit: str) -> None:
    code, said = exposure(root, unit, MOST)
    assert code == 0, said


@pytest.mark.parametrize("file", DROP_INS, ids=lambda each: f"{each.parent.name}/{each.name}")
def test_no_drop_in_changes_much_of_that(root: Path, file: Path) -> None:
    drop_in(root, file)
    unit = file.parent.name.removesuffix(".d")
    done = analyze(root, "verify", "--man=no", unit)
    assert (done.returncode, done.stdout + done.stderr) == (0, "")
    code, said = exposure(root, unit, MOST)
    assert code == 0, said


def test_the_bar_is_one(root: Path) -> None:
    (root / SYSTEM / "filterd.service").write_text("[Service]\nExecStart=/usr/bin/filterd serve\n")
    assert exposure(root, "filterd.service", MOST)[0] != 0


@pytest.mark.parametrize("file", sorted(UNITS.glob("*.service")), ids=lambda each: each.name)
def test_a_service_runs_our_program_on_the_files_of_a_box(file: Path) -> None:
    text = file.read_text(encoding="utf-8")
    [user] = re.findall(r"^User=(.+)$", text, re.MULTILINE)
    assert f"u {user} " in (UNITS / "sysusers.d/filterd.conf").read_text()
    starts = re.findall(r"^ExecStart=(.+)$", text, re.MULTILINE)
    assert starts[0].startswith("/usr/bin/filterd ")
    assert " -c /etc/filterd/" in starts[0]


def test_the_page_names_every_unit() -> None:
    for name in (*NAMES, *(f"{each.parent.name}/{each.name}" for each in DROP_INS)):
        assert name.replace("@1.", "@.") in PAGE, name


def test_the_documented_limit_is_the_tested_one() -> None:
    assert f"{MOST / 10}" in PAGE
