"""`filterd restore` of what a stranger wrote: its author does not choose where root writes."""

import json
import socket
import stat

import pytest

from filterd.backup.archive import pack
from filterd.backup.manifest import Manifest
from filterd.backup.selection import selected
from filterd.cli import restore


@pytest.fixture
def usual(tmp_path, monkeypatch):
    """The state directory of the package."""
    folder = tmp_path / "var"
    folder.mkdir()
    monkeypatch.setattr(restore, "SYSTEM_STATE", folder)
    return folder


@pytest.fixture
def backup(tmp_path):
    """Make a backup of files of the configuration; give its path."""

    def make(config, files=(), made="2026-11-23T08:00:00+00:00"):
        etc, state, file = (tmp_path / each for each in ("theirs", "state-of-theirs", "b.tar.zst"))
        (state / "http").mkdir(parents=True)
        etc.mkdir()
        (state / "http/labels.key").write_text("theirs")
        (etc / "config.yaml").write_text(json.dumps({"language": "en", **config}))
        for name, mode in files:
            (etc / name).write_text(name)
            (etc / name).chmod(mode)
        pack(file, selected(etc, state), Manifest("0.1.0", made, "config/config.yaml", ()))
        return file

    return make


@pytest.fixture
def back(run, tmp_path):
    """Restore a backup into a folder of its own."""
    return lambda file, *words: run("restore", str(file), "--into", str(tmp_path / "etc"), *words)


@pytest.mark.parametrize("words", [(), ("--check",)])
def test_the_state_does_not_go_where_the_backup_likes(back, backup, usual, tmp_path, words):
    cron = tmp_path / "cron.d"
    cron.mkdir()
    code, _, err = back(backup({"state_dir": str(cron)}), *words)
    assert code == 2
    assert f"--state {cron}" in err
    assert not any(cron.iterdir())
    assert not (tmp_path / "etc").exists()
    assert not any(usual.iterdir())


def test_but_where_the_command_line_says(back, backup, usual, tmp_path):
    place = tmp_path / "srv/state"
    file = backup({"state_dir": str(place)})
    code, _, err = back(file, "--state", str(usual))
    assert code == 2
    assert f"--state {place}" in err
    assert back(file, "--state", str(place))[0] == 0
    assert (place / "http/labels.key").read_text() == "theirs"
    assert not any(usual.iterdir())


def test_the_usual_place_needs_no_word(back, backup, usual):
    assert back(backup({"state_dir": str(usual)}))[0] == 0
    assert (usual / "http/labels.key").is_file()


def test_a_name_that_leads_past_the_usual_place_is_another(back, backup, usual):
    assert back(backup({"state_dir": f"{usual}/../cron.d"}))[0] == 2


def test_where_the_configuration_names_none_it_is_our_own(back, backup, usual, tmp_path):
    assert back(backup({}))[0] == 0
    assert (tmp_path / "xdg/filterd/http/labels.key").is_file()


@pytest.mark.parametrize("door", ["usual", "in place", "beside"])
def test_a_daemon_is_found_wherever_the_backup_says_it_is(back, backup, usual, tmp_path, door):
    state = tmp_path / "srv" if door == "beside" else usual
    own = {"state_dir": str(state)}
    file = backup({**own, "control": {"socket": str(tmp_path / "nobody.sock")}})
    path = {"usual": usual / "control.sock", "beside": state / "control.sock"}.get(door)
    if path is None:  # the box's own configuration has it
        path = tmp_path / "own.sock"
        (tmp_path / "etc").mkdir()
        here = {"language": "en", **own, "control": {"socket": str(path)}}
        (tmp_path / "etc/config.yaml").write_text(json.dumps(here))
    path.parent.mkdir(exist_ok=True)
    with socket.socket(socket.AF_UNIX) as daemon:
        daemon.bind(str(path))
        daemon.listen()
        code, _, err = back(file, "--state", str(state))
    assert code == 2
    assert "the daemon runs" in err


def test_no_file_comes_back_to_be_run_or_written_by_everybody(back, backup, usual, tmp_path):
    files = [("python", 0o755), ("own.txt", 0o666), ("key", 0o600), ("ours.txt", 0o664)]
    code, out, _ = back(backup({"state_dir": str(usual)}, files))
    assert code == 0
    modes = {name: stat.S_IMODE((tmp_path / "etc" / name).stat().st_mode) for name, _ in files}
    assert modes == {"python": 0o644, "own.txt": 0o664, "key": 0o600, "ours.txt": 0o664}
    assert "config/python: comes back without" in out
    assert "config/own.txt: comes back without" in out
    assert "config/key" not in out


def test_what_others_obey_as_root_is_told(back, backup, usual, tmp_path):
    config = {"state_dir": str(usual), "http": {"python": "/tmp/python"}}
    file = backup(config, [("dnsmasq.conf", 0o644), ("uplink.nft", 0o644)])
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc/uplink.nft").write_text("uplink.nft")  # the same as here
    code, out, _ = back(file, "--check")
    assert code == 0
    assert "config/dnsmasq.conf: other programs obey it as root" in out
    assert "uplink.nft" not in out
    assert "/tmp/python" in out


def test_what_it_says_of_itself_does_not_steer_a_terminal(back, backup, usual):
    _, out, _ = back(backup({"state_dir": str(usual)}, made="\x1b[2Jtoday"), "--check")
    assert "\x1b" not in out
    assert "today" in out
