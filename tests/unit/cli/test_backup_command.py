"""`filterd backup` and `filterd restore`, one after the other."""

import json
import socket
import sqlite3
from pathlib import PurePosixPath

import pytest

from filterd.backup.archive import pack
from filterd.backup.manifest import Manifest
from filterd.backup.selection import Taken
from filterd.cli import restore


@pytest.fixture
def box(tmp_path, monkeypatch):
    """A configuration and a state of a node, which is where a package has it."""
    config, state = tmp_path / "etc", tmp_path / "state"
    monkeypatch.setattr(restore, "SYSTEM_STATE", state)
    config.mkdir()
    (state / "feed").mkdir(parents=True)
    (config / "config.yaml").write_text(json.dumps({"state_dir": str(state), "language": "en"}))
    (state / "feed/node.key").write_text("secret")
    (state / "overrides.jsonl").write_text("")
    with sqlite3.connect(state / "log.sqlite") as log:
        log.execute("CREATE TABLE queries (name TEXT)")
    log.close()
    return config / "config.yaml", state


def test_there_and_back(run, box, tmp_path):
    config, state = box
    file = tmp_path / "b.tar.zst"
    code, out, _ = run("backup", str(file), "-c", str(config))
    assert code == 0
    assert "state/feed/node.key" in out
    assert "log.sqlite" not in out
    (state / "feed/node.key").write_text("another")
    config.unlink()
    into = ("restore", str(file), "--into", str(config.parent))
    code, out, _ = run(*into, "--check")
    assert code == 0
    assert not config.exists()
    assert run(*into)[0] == 0
    assert (state / "feed/node.key").read_text() == "secret"
    assert config.is_file()


def test_the_log_only_if_it_is_asked_for(run, box, tmp_path):
    config, state = box
    file = tmp_path / "b.tar.zst"
    run("backup", "--with-log", str(file), "-c", str(config))
    (state / "log.sqlite").unlink()
    assert run("restore", str(file), "--into", str(config.parent))[0] == 0
    with sqlite3.connect(state / "log.sqlite") as log:
        assert log.execute("SELECT count(*) FROM queries").fetchone() == (0,)
    log.close()


def test_what_a_link_names_is_not_taken(run, box, tmp_path):
    config, state = box
    (state / "log.sqlite").rename(tmp_path / "of-another.sqlite")
    (state / "log.sqlite").symlink_to(tmp_path / "of-another.sqlite")
    file, link = tmp_path / "b.tar.zst", tmp_path / "link.yaml"
    code, out, _ = run("backup", "--with-log", str(file), "-c", str(config))
    assert code == 0
    assert "because it is a link" in out
    assert "  state/log.sqlite" not in out
    link.symlink_to(config)
    code, _, err = run("backup", str(file), "-c", str(link))
    assert code == 2
    assert "name the file itself" in err


def test_not_while_the_daemon_runs(run, box, tmp_path):
    config, state = box
    file = tmp_path / "b.tar.zst"
    run("backup", str(file), "-c", str(config))
    with socket.socket(socket.AF_UNIX) as daemon:
        daemon.bind(str(state / "control.sock"))
        daemon.listen()
        code, _, err = run("restore", str(file), "--into", str(config.parent))
    assert code == 2
    assert "systemctl stop filterd" in err


def test_a_file_that_is_no_backup_changes_nothing(run, box):
    config, _ = box
    before = config.read_text()
    code, _, err = run("restore", str(config), "--into", str(config.parent))
    assert code == 2
    assert "no backup" in err
    assert config.read_text() == before


def test_a_configuration_that_this_version_refuses_is_not_put_back(run, box, tmp_path):
    config, state = box
    file = tmp_path / "b.tar.zst"
    run("backup", str(file), "-c", str(config))
    newer = json.dumps({"of_a_newer_version": 1}).encode()
    (tmp_path / "newer.yaml").write_bytes(newer)
    forged = tmp_path / "newer.tar.zst"
    head = Manifest("9.0.0", "", "config/config.yaml", ())
    pack(forged, [Taken("config/config.yaml", tmp_path, PurePosixPath("newer.yaml"))], head)
    code, _, err = run("restore", str(forged), "--into", str(config.parent))
    assert code == 2
    assert "of_a_newer_version" in err
    assert json.loads(config.read_text())["state_dir"] == str(state)


def test_the_newest_stay(run, box, tmp_path):
    config, _ = box
    folder = tmp_path / "copies"
    folder.mkdir()
    for day in ("01", "02", "03"):
        (folder / f"filterd-2026-01-{day}T020000Z.tar.zst").touch()
    (folder / "another.tar.zst").touch()
    assert run("backup", "--keep", "2", str(folder), "-c", str(config))[0] == 0
    left = sorted(path.name for path in folder.iterdir())
    assert left[:2] == ["another.tar.zst", "filterd-2026-01-03T020000Z.tar.zst"]
    assert len(left) == 3
    code, _, err = run("backup", "--keep", "2", str(tmp_path / "one.tar.zst"), "-c", str(config))
    assert code == 2
    assert "--keep is for a folder" in err


def test_a_copy_that_a_person_named_is_no_dated_one(run, box, tmp_path):
    """Its name sorts after every date, so that it would be the newest for ever."""
    config, _ = box
    folder = tmp_path / "copies"
    folder.mkdir()
    own = folder / "filterd-before-upgrade.tar.zst"
    own.touch()
    ahead = folder / "filterd-2999-01-01T020000Z.tar.zst"  # of a day when the clock was wrong
    ahead.touch()
    code, out, _ = run("backup", "--keep", "1", str(folder), "-c", str(config))
    assert code == 0
    written = out.splitlines()[-1].partition(": ")[0]
    assert {str(path) for path in folder.iterdir()} == {str(own), written}
