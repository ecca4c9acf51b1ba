import dataclasses
import io
import os

import pytest

from filterd.http.media import guard
from filterd.http.media.compiling import write_set
from filterd.http.media.guard import Media, MediaSettings
from filterd.http.media.hashset import Kind
from filterd.http.media.head import Head, Severity
from filterd.http.media.importing import own_entry
from filterd.http.media.specimen import MD5, PDQ, SHA256, specimen
from filterd.report.handoffs import list_handoffs
from tests.support import needs
from tests.support.media import NOW, entry, head, md5, picture, sha256


@pytest.fixture
def clock():
    return [NOW]


@pytest.fixture
def media(tmp_path, clock):
    (tmp_path / "sets").mkdir()
    settings = MediaSettings(tmp_path / "sets", tmp_path / "handoffs", "node-1", decoders=0)
    made = Media(settings, os.environ, lambda: clock[0], os.urandom)
    yield made
    made.close()


def put(media, *entries, name="a", **others):
    path = media._settings.sets / f"{name}.set"
    write_set(path, head(**others), entries)
    return path


def scan(media, body, kind="image/png"):
    scanner = media.scanner(kind, length=len(body))
    scanner.feed(body)
    return scanner.end()


def test_the_test_image_is_what_its_documented_hashes_say():
    assert sha256(specimen())[1].hex() == SHA256
    assert md5(specimen())[1].hex() == MD5
    assert own_entry().hashes == {
        (Kind.SHA256, bytes.fromhex(SHA256)),
        (Kind.MD5, bytes.fromhex(MD5)),
        (Kind.PDQ, bytes.fromhex(PDQ)),
    }


def test_a_new_set_is_in_force_after_a_refresh_and_a_removed_one_is_not(media):
    assert scan(media, b"GIF89a" + bytes(90)) is None
    path = put(media, entry("e", sha256(b"GIF89a" + bytes(90))))
    assert media.refresh()
    assert not media.refresh()
    hit = scan(media, b"GIF89a" + bytes(90))
    reference = media.record(hit, "photos.example")
    (one,) = list_handoffs(media._settings.handoffs).handoffs
    assert (one.reference, one.entry, one.host) == (reference, "e", "photos.example")
    assert media.told() == {"scanned": 1, "hit": 1, "written": 1}
    path.unlink()
    assert media.refresh()
    assert scan(media, b"GIF89a" + bytes(90)) is None


def test_a_damaged_or_older_set_changes_nothing(media, caplog):
    one, two = b"GIF89a" + bytes(90), b"GIF89a" + bytes(91)
    path = put(media, entry("one", sha256(one)), epoch=7)
    media.refresh()
    path.write_bytes(path.read_bytes()[:-1] + b"?")
    assert media.refresh()
    assert scan(media, one).entry == "one"
    assert "fetch or make the set again" in caplog.text
    put(media, entry("two", sha256(two)), epoch=6)
    assert media.refresh()
    assert (scan(media, one).entry, scan(media, two)) == ("one", None)
    assert "epoch 6 is older than 7" in caplog.text
    put(media, entry("two", sha256(two)), epoch=8)
    assert media.refresh()
    assert (scan(media, one), scan(media, two).entry) == (None, "two")


def test_of_two_files_of_one_set_the_newer_epoch_counts(media):
    body = b"GIF89a" + bytes(90)
    put(media, entry("old", sha256(body)), name="b", epoch=7)
    put(media, entry("new", sha256(body)), name="a", epoch=8)
    put(media, entry("old", sha256(body)), name="c", epoch=7)
    media.refresh()
    assert scan(media, body).entry == "new"


def test_a_stale_set_is_told_once_and_goes_on(media, clock, caplog):
    body = b"GIF89a" + bytes(90)
    put(media, entry("e", sha256(body)))
    media.refresh()
    clock[0] += 86_400
    media.refresh()
    media.refresh()
    assert caplog.text.count("past their expiry: national") == 1
    assert scan(media, body) is not None


def test_without_its_packages_perceiving_is_off_and_says_so_once(media, monkeypatch, caplog):
    monkeypatch.setattr(guard, "missing", lambda: "perceptual hashes (PDQ) are off: x")
    media._settings = dataclasses.replace(media._settings, decoders=1)
    put(media, own_entry())
    media.refresh()
    assert scan(media, specimen()).entry == "filterd-test"
    assert caplog.text.count("are off") == 1


def test_a_changed_copy_of_the_test_image_is_hit_by_its_looks(tmp_path):
    """The whole of it, with real decoders: what a school can do to see that scanning works."""
    needs.media()
    from PIL import Image  # noqa: PLC0415 - of the extra

    (tmp_path / "sets").mkdir()
    write_set(tmp_path / "sets" / "a.set", head("filterd-test"), [own_entry()])
    settings = MediaSettings(tmp_path / "sets", tmp_path / "handoffs", "node-1")
    media = Media(settings, os.environ, lambda: NOW, os.urandom)
    try:
        for name, quality, side in [("JPEG", 40, 200), ("WEBP", 60, 900), ("GIF", 0, 300)]:
            sink = io.BytesIO()
            with Image.open(io.BytesIO(specimen())) as image:
                image.resize((side, side)).save(sink, name, quality=quality)
            hit = _when_ready(media, sink.getvalue())
            assert (hit.entry, hit.kind, hit.block) == ("filterd-test", Kind.PDQ, True), name
        assert scan(media, picture(1)) is None
        assert media.counts["perceived"] == 4
    finally:
        media.close()


def _when_ready(media, body):
    """A decoder that is still loading lets pictures pass, in time; ask until it has loaded."""
    for _ in range(20):
        late = media.counts["late"]
        hit = scan(media, body)
        if media.counts["late"] == late:
            return hit
    raise AssertionError("no decoder came up")


def test_sets_of_two_folders_are_in_force_together(tmp_path):
    one, two = tmp_path / "sets", tmp_path / "own"
    for folder, ident in ((one, "national"), (two, "own")):
        folder.mkdir()
        head = Head(ident, "source", 1, Severity.HARMFUL, 1000, 2_000_000_000)
        write_set(folder / f"{ident}.set", head, [own_entry()])
    settings = MediaSettings(one, tmp_path / "handoffs", "node-1", 0, two)
    media = Media(settings, {}, lambda: 1500.0, bytes)
    assert [each.name for each in media._files()] == ["national.set", "own.set"]
    (two / "own.set").unlink()
    assert media.refresh(), "and both are looked at"
    assert [each.name for each in media._files()] == ["national.set"]
