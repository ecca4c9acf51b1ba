"""A file from a stick: parts of a feed and nothing else come out of it."""

import io
import tarfile
from types import SimpleNamespace

import pytest

from filterd.cli.feed import _export, _import
from filterd.model.errors import RulesError


def member(name, content=b"x", **changed):
    made = tarfile.TarInfo(name)
    made.size = len(content)
    for key, value in changed.items():
        setattr(made, key, value)
    return made, io.BytesIO(content)


@pytest.mark.parametrize(
    "evil",
    [
        member("../evil"),
        member("/log/../../evil"),
        member("hub.yaml"),
        member("log.pem"),
        member("trust/../log.pem"),
        member("checkpoint", b"", type=tarfile.SYMTYPE, linkname="log.pem"),
        member("checkpoint", b"", type=tarfile.LNKTYPE, linkname="log.pem"),
        member("checkpoint", b"", type=tarfile.FIFOTYPE),
        member("checkpoint", b"", type=tarfile.CHRTYPE),
    ],
    ids=lambda each: f"{each[0].name}-{each[0].type.decode()}",
)
def test_what_is_no_part_of_a_feed_is_not_written(tmp_path, evil):
    feed = tmp_path / "feed"
    feed.mkdir()
    (feed / "log.pem").write_text("a key")
    with tarfile.open(tmp_path / "x.tar", "w") as tar:
        tar.addfile(*evil)
    with pytest.raises(RulesError, match="not what"):
        _import(SimpleNamespace(file=str(tmp_path / "x.tar"), feed=str(feed)))
    found = {path.name for path in tmp_path.rglob("*")}
    assert found <= {"x.tar", "feed", "log.pem", "trust"}
    assert (feed / "log.pem").read_text() == "a key"


def test_what_is_packed_is_not_unpacked(tmp_path):
    with tarfile.open(tmp_path / "x.tar", "w:gz") as tar:
        tar.addfile(*member("log/000/000/000.zst", bytes(2**20)))
    with pytest.raises(RulesError, match="not what"):
        _import(SimpleNamespace(file=str(tmp_path / "x.tar"), feed=str(tmp_path / "feed")))
    assert not list((tmp_path / "feed").iterdir())


def test_what_export_writes_is_what_import_reads(tmp_path):
    feed, file = tmp_path / "feed", str(tmp_path / "x.tar")
    (feed / "log/000/000").mkdir(parents=True)
    (feed / "checkpoint").write_text("note")
    (feed / "log/000/000/000.zst").write_bytes(b"segment")
    _export(SimpleNamespace(file=file, feed=str(feed)))
    _import(SimpleNamespace(file=file, feed=str(tmp_path / "other")))
    assert (tmp_path / "other/checkpoint").read_text() == "note"
    assert (tmp_path / "other/log/000/000/000.zst").read_bytes() == b"segment"


def test_no_link_in_the_folder_is_followed(tmp_path):
    feed, file = tmp_path / "feed", tmp_path / "x.tar"
    (tmp_path / "elsewhere").mkdir()
    feed.mkdir()
    (feed / "log").symlink_to(tmp_path / "elsewhere")
    (feed / "checkpoint").symlink_to(tmp_path / "key")
    (tmp_path / "key").write_text("a key")
    with tarfile.open(file, "w") as tar:
        tar.addfile(*member("checkpoint", b"note"))
    _import(SimpleNamespace(file=str(file), feed=str(feed)))
    assert (feed / "checkpoint").read_text() == "note"
    assert (tmp_path / "key").read_text() == "a key"
    with tarfile.open(file, "w") as tar:
        tar.addfile(*member("log/000.zst"))
    with pytest.raises(RulesError, match="no part of a feed"):
        _import(SimpleNamespace(file=str(file), feed=str(feed)))
    assert not list((tmp_path / "elsewhere").iterdir())


def test_a_file_that_is_cut_off_is_told(tmp_path):
    file = tmp_path / "x.tar"
    with tarfile.open(file, "w") as tar:
        tar.addfile(*member("log/000.zst", bytes(2**16)))
    file.write_bytes(file.read_bytes()[:9000])
    with pytest.raises(RulesError, match="not what"):
        _import(SimpleNamespace(file=str(file), feed=str(tmp_path / "feed")))
