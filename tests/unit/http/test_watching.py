"""What goes on of a body that is read, and when."""

import pytest

from filterd.http.labels.page import Page
from filterd.http.media.hashset import Kind
from filterd.http.media.scan import PICTURE, UNTOLD, Note, Scanner, Seen
from filterd.http.watching import HEAD_BYTES, Watch
from tests.support.media import desk, entry, hash_set, sha256

HTML = [("Content-Type", "text/html")]
VIDEO = b"\x00\x00\x00\x18ftypmp42" + bytes(range(256)) * 40
PNG = b"\x89PNG\r\n\x1a\n" + bytes(64)


@pytest.fixture
def sets(tmp_path):
    known = hash_set(tmp_path, entry("clip", sha256(VIDEO)), entry("shot", sha256(PNG)))
    return desk(known)


def blind(_picture):
    return Seen((), Note.SMALL)


def passed(watch, *pieces):
    return b"".join(watch.pass_on(each) for each in (*pieces, b""))


def test_a_page_is_held_until_its_head_was_read():
    watch = Watch(Page(200, HTML))
    watch.take(b"<html><head>")
    assert watch.holds
    watch.take(b'<meta name="rating" content="adult"></head>')
    assert not watch.holds
    assert watch.label.min_age == 18


def test_a_page_whose_head_never_ends_is_held_so_far_only():
    watch = Watch(Page(200, [*HTML, ("Content-Encoding", "gzip")]))
    watch.take(bytes(HEAD_BYTES - 1))
    watch.page.done = False  # however little came out of it
    assert watch.holds
    watch.take(b"0")
    assert not watch.holds


def test_what_is_no_file_goes_on_at_once(sets):
    watch = Watch(scanner=Scanner(sets, "text/css"))
    assert watch.pass_on(b"a" * 40) == b"a" * 40
    assert watch.pass_on(b"b") == b"b"


def test_a_file_goes_on_but_for_its_last_piece(sets):
    other = VIDEO[:-1] + b"?"
    watch = Watch(scanner=Scanner(sets, "video/mp4"))
    assert watch.pass_on(other[:5000]) == b""
    assert watch.pass_on(other[5000:]) == other[:5000]
    assert watch.pass_on(b"") == other[5000:]


def test_a_known_file_is_spoiled_and_keeps_its_length(sets):
    watch = Watch(scanner=Scanner(sets, "video/mp4"))
    got = passed(watch, VIDEO[:5000], VIDEO[5000:])
    assert len(got) == len(VIDEO)
    assert got == VIDEO[:5000] + bytes(len(VIDEO) - 5000)
    assert watch.hit.entry == "clip"


def test_a_picture_is_held_whole_where_it_is_perceived(tmp_path):
    near = hash_set(tmp_path, entry("shot", sha256(PNG)), entry("like", (Kind.PDQ, bytes(32))))
    watch = Watch(scanner=Scanner(desk(near, perceive=blind), "image/png"))
    watch.take(PNG)
    assert watch.holds
    assert watch.waits
    watch.take(bytes(UNTOLD))
    assert not watch.holds


def test_a_form_is_given_at_its_end(sets):
    watch = Watch(scanner=Scanner(sets, "image/png", "", len(PNG)), at_end=True)
    watch.seen = PICTURE
    assert watch.holds
    assert watch.waits
    assert watch.end(PNG).entry == "shot"
    assert watch.end().entry == "shot"
    watch.seen = PICTURE + 1
    assert not Watch(scanner=Scanner(sets, ""), at_end=True, seen=PICTURE + 1).holds


def test_what_broke_off_is_forgotten(sets):
    watch = Watch(scanner=Scanner(sets, "video/mp4"))
    watch.pass_on(VIDEO)
    watch.drop()
    assert watch.pass_on(b"") == b""
    assert watch.hit is None
