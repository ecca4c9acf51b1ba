"""What comes back is where it belongs, readable for whom it should be, and past no link."""

import hashlib
import os
import stat
from pathlib import Path

import pytest

from filterd.backup.beneath import files
from filterd.backup.manifest import Entry, Manifest
from filterd.backup.placing import place
from tests.support.needs import root


def unpacked(tmp_path, *names, mode=0o640):
    """The manifest and the folder that `unpack` makes of a backup of files called so."""
    staged = tmp_path / "staged"
    entries = []
    for name in names:
        (staged / name).parent.mkdir(parents=True, exist_ok=True)
        (staged / name).write_text(name)
        digest = hashlib.sha256(name.encode()).hexdigest()
        entries.append(Entry(name, len(name), digest, mode, ""))
    return Manifest("0.1.0", "", names[0], tuple(entries)), staged


def rights(path):
    return stat.S_IMODE(path.stat().st_mode)


@pytest.fixture
def _umask():
    before = os.umask(0o077)
    yield
    os.umask(before)


@pytest.mark.usefixtures("_umask")
def test_on_a_new_box_the_daemon_can_read_the_schools_own_lists(tmp_path):
    names = ("config/config.yaml", "config/lists/own/games.txt", "state/http/ca/key.pem")
    manifest, staged = unpacked(tmp_path, *names, mode=0o644)
    etc, state = tmp_path / "new/etc", tmp_path / "new/state"
    place(manifest, staged, etc, state)
    for folder in (etc, etc / "lists", etc / "lists/own"):
        assert rights(folder) == 0o755
    assert rights(etc / "lists/own/games.txt") == 0o644
    for folder in (state, state / "http", state / "http/ca"):
        assert rights(folder) == 0o750


def test_all_is_of_who_owns_the_root(tmp_path):
    root("to give files away")
    manifest, staged = unpacked(tmp_path, "config/config.yaml", "state/http/ca/key.pem")
    etc, state = tmp_path / "etc", tmp_path / "state"
    etc.mkdir()
    state.mkdir()
    os.chown(state, 4711, 4712)
    place(manifest, staged, etc, state)
    for path in (state / "http", state / "http/ca", state / "http/ca/key.pem"):
        assert (path.stat().st_uid, path.stat().st_gid) == (4711, 4712)
    assert (etc / "config.yaml").stat().st_uid == 0


def test_a_folder_that_was_there_keeps_its_rights(tmp_path):
    manifest, staged = unpacked(tmp_path, "config/keys/a.key")
    (tmp_path / "etc/keys").mkdir(parents=True)
    (tmp_path / "etc/keys").chmod(0o700)
    place(manifest, staged, tmp_path / "etc", tmp_path / "state")
    assert rights(tmp_path / "etc/keys") == 0o700


@pytest.mark.parametrize("moment", ["staging", "replacing"])
def test_a_link_that_comes_in_between_leads_nowhere(tmp_path, monkeypatch, moment):
    """Who owns the state directory swaps a folder after root has looked at it."""
    manifest, staged = unpacked(tmp_path, "state/feed/node.key", "config/config.yaml")
    state, victim = tmp_path / "state", tmp_path / "victim"
    (state / "feed").mkdir(parents=True)
    victim.mkdir()
    (victim / "node.key.new").write_text("of another")
    at = staged / ("state/feed/node.key" if moment == "staging" else "config/config.yaml")
    look = Path.open

    def swapping(self, *args, **named):
        if self == at:
            (state / "feed").rename(tmp_path / "away")
            (state / "feed").symlink_to(victim)
        return look(self, *args, **named)

    monkeypatch.setattr(Path, "open", swapping)
    with pytest.raises(NotADirectoryError, match="symbolic link") as told:
        place(manifest, staged, tmp_path / "etc", state)
    assert told.value.filename == str(state / "feed")
    assert [each.name for each in victim.iterdir()] == ["node.key.new"]
    assert (victim / "node.key.new").read_text() == "of another"


def test_a_link_in_place_of_a_file_is_replaced(tmp_path):
    manifest, staged = unpacked(tmp_path, "state/feed/node.key")
    state, victim = tmp_path / "state", tmp_path / "victim"
    (state / "feed").mkdir(parents=True)
    victim.write_text("of another")
    for name in ("node.key", "node.key.new"):
        (state / "feed" / name).symlink_to(victim)
    place(manifest, staged, tmp_path / "etc", state)
    assert victim.read_text() == "of another"
    assert [str(each) for each in files(state)] == ["feed/node.key"]
