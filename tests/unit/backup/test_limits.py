"""What `unpack` would refuse, `pack` does not write: it says what to do, and leaves what was there."""

import os

import pytest

from filterd.backup import archive
from filterd.backup.archive import pack, unpack
from filterd.backup.manifest import MOST_BYTES, BadBackup, Manifest
from filterd.backup.selection import selected

HEAD = Manifest("0.1.0", "2026-11-22T08:00:00+00:00", "config/config.yaml", ())


@pytest.fixture
def config(tmp_path):
    """A folder of a configuration, and nothing else in it."""
    folder = tmp_path / "etc"
    folder.mkdir()
    (folder / "config.yaml").write_text("language: en\n")
    return folder


@pytest.fixture
def refused(config, tmp_path):
    """Say why the folder is not packed, having seen that the backup of yesterday stays."""
    file = tmp_path / "b.tar.zst"

    def why(head=HEAD):
        file.write_text("of yesterday")
        with pytest.raises(BadBackup) as told:
            pack(file, selected(config, tmp_path / "state"), head)
        assert file.read_text() == "of yesterday"
        assert not list(tmp_path.glob("*.new"))
        return str(told.value)

    return why


def test_too_large(config, refused):
    with (config / "image.iso").open("wb") as sink:
        os.truncate(sink.fileno(), MOST_BYTES)
    why = refused()
    assert str(config / "image.iso") in why
    assert "move what is no part" in why


def test_as_many_files_as_come_back_and_no_more(config, refused, tmp_path, monkeypatch):
    monkeypatch.setattr(archive, "MOST_FILES", 4)
    for name in "abc":
        (config / name).touch()
    file, staged = tmp_path / "full.tar.zst", tmp_path / "staged"
    staged.mkdir()
    made = pack(file, selected(config, tmp_path / "state"), HEAD)
    assert unpack(file, staged) == made
    (config / "d").touch()
    assert "more than 4 files" in refused()


def test_names_that_are_too_long_together(config, refused, monkeypatch):
    monkeypatch.setattr(archive, "MOST_MANIFEST", 1000)
    for name in "abcdef":
        (config / name).touch()
    assert "names of 7 files" in refused()


@pytest.mark.parametrize("name", ["two\nlines", "not-utf8-\udcff", "/".join(["x" * 99] * 5)])
def test_a_name_that_does_not_come_back(config, refused, name):
    path = config / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch()
    why = refused()
    assert "rename the file" in why
    assert why.isprintable()


def test_a_configuration_that_is_left_out_by_its_name(config, refused):
    (config / "config.yaml").rename(config / "config.yaml.new")
    head = Manifest(HEAD.filterd, HEAD.made, "config/config.yaml.new", ())
    assert "config/config.yaml.new, the configuration itself" in refused(head)
