import os

import pytest

from filterd.model import durable


def test_a_file_is_replaced_whole(tmp_path):
    path = tmp_path / "file"
    for content in (b"one", b"another"):
        durable.write_atomically(path, content)
        assert path.read_bytes() == content
    assert [each.name for each in tmp_path.iterdir()] == ["file"]


def test_a_write_that_fails_leaves_the_old(tmp_path, monkeypatch):
    path = tmp_path / "file"
    durable.write_atomically(path, b"old")

    def full(_handle):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space"):
        durable.write_atomically(path, b"new")
    assert path.read_bytes() == b"old"


def test_each_new_directory_is_written_into_the_one_above(tmp_path, monkeypatch):
    synced = []
    monkeypatch.setattr(durable, "sync_directory", synced.append)
    durable.make_directory(tmp_path / "a" / "b" / "c")
    assert (tmp_path / "a" / "b" / "c").is_dir()
    assert synced == [tmp_path, tmp_path / "a", tmp_path / "a" / "b"]
    durable.make_directory(tmp_path / "a" / "b")
    assert len(synced) == 3, "what is there needs nothing"


def test_a_link_beside_the_file_is_not_written_through(tmp_path):
    other = tmp_path / "other"
    other.write_bytes(b"whole")
    (tmp_path / "file.new").symlink_to(other)
    with pytest.raises(OSError, match=r"file\.new"):
        durable.write_atomically(tmp_path / "file", b"new")
    assert other.read_bytes() == b"whole"
