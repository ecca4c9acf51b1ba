"""What the package does when it comes and goes, told by what its scripts ask of the machine."""

import json
import subprocess

import pytest

from filterd.cli.main import main
from filterd.setup.files import ANSWERS, CONFIG
from tests.support.data import ROOT

NEXT = f"Next: sudo filterd setup --answers /{ANSWERS}"


@pytest.fixture
def script(tmp_path):
    """Run a script of the package in a machine made of programs that note how they were called."""
    programs, root = tmp_path / "programs", tmp_path / "root"
    programs.mkdir()
    for folder in ("run/systemd/system", "etc/filterd", "usr/lib/systemd/system"):
        (root / folder).mkdir(parents=True)
    (root / "usr/lib/systemd/system/filterd.service").touch()

    def put(name, text="exit 0"):
        (programs / name).write_text(f'#!/bin/sh\necho "{name} $*" >>{tmp_path}/called\n{text}\n')
        (programs / name).chmod(0o755)

    for name in ("systemctl", "systemd-sysusers", "systemd-tmpfiles", "install", "nft", "filterd"):
        put(name)

    def go(which, *words):
        text = (ROOT / "deploy/debian" / which).read_text()
        for folder in ("/run/systemd", "/etc/filterd", "/usr/lib/systemd"):
            text = text.replace(f" {folder}", f" {root}{folder}").replace(
                f'"{folder}', f'"{root}{folder}'
            )
        (tmp_path / "called").write_text("")
        done = subprocess.run(
            ["/bin/sh", "-c", text, which, *words], capture_output=True, text=True, timeout=20,
            check=False, env={"PATH": f"{programs}:/usr/bin:/bin"},
        )  # fmt: skip
        said = (done.stdout + done.stderr).replace(str(root), "")
        return done.returncode, said, (tmp_path / "called").read_text()

    go.put, go.root = put, root
    return go


def checking(code, printed):
    """A `filterd check` that ends with `code`, and with --json prints this before."""
    return f"case $* in *--json*) printf '%s\\n' '{printed}';; esac\nexit {code}"


def test_what_a_check_prints_is_what_the_script_looks_for(tmp_path, capsys):
    file = tmp_path / "config.yaml"
    file.write_text("lists: {own: {path: not-there.txt, format: domains}}\n")
    assert main(["check", "-c", str(file), "--json"]) == 1
    printed = capsys.readouterr().out
    assert json.loads(printed)["missing"]
    assert '"ok": true' in printed
    file.write_text('"ok\\": true": 1\n')
    assert main(["check", "-c", str(file), "--json"]) == 2
    assert '"ok": true' not in capsys.readouterr().out


@pytest.mark.parametrize(
    ("code", "printed", "taken"),
    [
        (0, '{"ok": true}', True),
        (1, '{"config": "x", "ok": true, "problems": []}', True),  # a list's file is not there
        (1, "Traceback (most recent call last):", False),
        (1, "", False),
        (2, '{"ok": false}', False),
    ],
)
def test_only_a_version_that_takes_the_configuration_is_put_in_force(script, code, printed, taken):
    (script.root / CONFIG).touch()
    script.put("filterd", checking(code, printed))
    done, said, called = script("filterd.postinst", "configure", "0.1.0")
    assert (done == 0) is taken, said
    assert ("systemctl try-restart filterd.service" in called) is taken
    assert ("dpkg --configure filterd" in said) is not taken


def test_installed_again_it_says_how_it_is_turned_on(script):
    script.put("systemctl", "case $* in *is-enabled*) exit 1;; esac")
    said = script("filterd.postinst", "configure", "0.1.0")[1]
    assert "Next: sudo filterd setup\n" in said
    (script.root / CONFIG).touch()
    said = script("filterd.postinst", "configure", "0.1.0")[1]
    assert "Next: sudo systemctl enable --now filterd.service\n" in said
    (script.root / ANSWERS).touch()
    code, said, _ = script("filterd.postinst", "configure", "0.1.0")
    assert code == 0
    assert f"{NEXT}\n" in said
    script.put("systemctl")
    assert "Next:" not in script("filterd.postinst", "configure", "0.1.0")[1]


def test_what_is_only_set_aside_for_a_while_goes_on(script):
    disabled = "systemctl disable --now filterd.service"
    for words in (("deconfigure", "in-favour", "python3", "3.13.5-1"), ("upgrade", "9.0.0")):
        code, _, called = script("filterd.prerm", *words)
        assert (code, called) == (0, "")
    assert disabled in script("filterd.prerm", "remove")[2]
