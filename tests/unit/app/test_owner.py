"""A command of root's leaves files that the daemon's account owns, and reads no link of its."""

import os
import socket
from pathlib import Path

import pytest

from filterd.app.owner import as_owner, become_owner, give_to_owner, who_types
from filterd.app.paths import Paths
from tests.support.needs import root

NOBODY = 65534


@pytest.fixture
def state(tmp_path):
    root("to have files of another account")
    folder = tmp_path / "state"
    folder.mkdir()
    os.chown(folder, NOBODY, NOBODY)
    return folder


def paths(state):
    names = ("log.sqlite", "control.sock", "overrides.jsonl", "local-rules.jsonl", "day.key")
    return Paths(state, *(state / name for name in names))


def in_child(folder, work):
    """Do `work` in a process of its own, in `folder`; above it, another account may not go."""
    child = os.fork()
    if child == 0:
        try:
            os.chdir(folder)
            work()
        except BaseException as error:  # noqa: BLE001 - told to the parent, whatever it is
            os.write(2, f"{error!r}\n".encode())
            os._exit(1)
        os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def test_root_goes_on_as_the_owner_and_cannot_come_back(state):
    def work():
        become_owner(paths(Path()))
        Path("made").touch()
        assert os.getresuid() == (NOBODY,) * 3
        assert os.getresgid() == (NOBODY,) * 3
        assert 0 not in os.getgroups()
        with pytest.raises(PermissionError):
            os.setuid(0)

    assert in_child(state, work) == 0
    assert (state / "made").stat().st_uid == NOBODY


def test_a_number_without_a_name_will_do(state):
    os.chown(state, 54_321, 54_322)

    def work():
        become_owner(paths(Path()))
        assert (os.getuid(), os.getgid(), os.getgroups()) == (54_321, 54_322, [])

    assert in_child(state, work) == 0


def test_where_roots_own_daemon_runs_root_stays(state):
    def work():
        with socket.socket(socket.AF_UNIX) as control:
            control.bind("control.sock")
            become_owner(paths(Path()))
        assert os.getuid() == 0

    assert in_child(state, work) == 0


def test_for_a_block_root_is_the_owner_and_root_again_where_it_must_be(state):
    def ends_badly(block):
        with block():
            assert (os.geteuid(), os.getegid()) == (0, 0)
            raise ArithmeticError

    def work():
        groups = os.getgroups()
        with as_owner(paths(Path())) as as_root:
            Path("made").touch()
            assert (os.geteuid(), os.getegid(), 0 in os.getgroups()) == (NOBODY, NOBODY, False)
            with pytest.raises(ArithmeticError):
                ends_badly(as_root)
            assert os.geteuid() == NOBODY
        assert (os.geteuid(), os.getegid(), os.getgroups()) == (0, 0, groups)

    assert in_child(state, work) == 0
    assert (state / "made").stat().st_uid == NOBODY


def test_without_another_owner_the_block_is_as_any(tmp_path):
    before = os.geteuid()
    with as_owner(paths(tmp_path)) as as_root, as_root():
        assert os.geteuid() == before


@pytest.mark.parametrize("there", [True, False])
def test_nothing_changes_where_root_owns_it_or_nothing_is_there(tmp_path, there):
    before = os.getresuid()
    become_owner(paths(tmp_path if there else tmp_path / "none"))
    assert os.getresuid() == before


def test_what_is_made_elsewhere_is_given_but_not_what_a_link_names(state, tmp_path):
    made, kept, link = (tmp_path / name for name in ("made", "kept", "link"))
    made.touch()
    kept.touch()
    link.symlink_to(kept)
    give_to_owner(paths(state), made, link)
    assert made.stat().st_uid == link.lstat().st_uid == NOBODY
    assert kept.stat().st_uid == os.getuid()


def test_behind_sudo_the_one_who_typed_it_is_noted(monkeypatch):
    monkeypatch.setenv("SUDO_USER", "teacher")
    monkeypatch.setenv("LOGNAME", "root")
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    assert who_types() == "teacher"
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    assert who_types() == "root"
    monkeypatch.delenv("SUDO_USER")
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    assert who_types() == "root"
