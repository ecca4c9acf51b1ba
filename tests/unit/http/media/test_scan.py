import gzip
import random
import tracemalloc
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from filterd.http.media.hashset import Kind
from filterd.http.media.head import Afterwards, Severity
from filterd.http.media.multipart import Begin, End, Parts, boundary_of
from filterd.http.media.scan import PICTURE, UNTOLD, Note, Room, Scanner, Seen
from filterd.http.media.sets import Perceived
from filterd.http.media.specimen import specimen
from filterd.model.handoff import Distance
from tests.support import needs
from tests.support.media import BOUNDED, NOW, desk, entry, form, hash_set, md5, sha256

PNG = specimen()
GIF = b"GIF89a" + bytes(range(200))
JPEG = b"\xff\xd8\xff\xe0" + bytes(range(200))
WEBP = b"RIFF\x10\0\0\0WEBPVP8 " + bytes(range(100))
MP4 = b"\0\0\0\x18ftypisom" + bytes(range(100))
SVG = b'<svg xmlns="http://www.w3.org/2000/svg" width="300" height="300"/>'


def scan(at, body, kind="image/png", coding="", size=997, length=None):
    scanner = Scanner(at, kind, coding, length)
    for start in range(0, len(body), size):
        scanner.feed(body[start : start + size])
    return scanner.end()


def known(tmp_path, *bodies, hashes=sha256, **others):
    entries = [entry(f"e{at}", hashes(body)) for at, body in enumerate(bodies)]
    return desk(hash_set(tmp_path, *entries, **others))


@pytest.mark.parametrize("hashes", [sha256, md5])
@pytest.mark.parametrize("body", [PNG, GIF, JPEG, WEBP, MP4, SVG], ids=lambda body: repr(body[:8]))
def test_a_known_file_is_hit_however_it_comes(tmp_path, body, hashes):
    at = known(tmp_path, body, hashes=hashes)
    for size in (1, 7, 31, 32, 33, len(body)):
        hit = scan(at, body, "image/x-any", size=size)
        assert (hit.set, hit.entry, hit.epoch) == ("national", "e0", 7)
        assert (hit.severity, hit.distance, hit.block) == (Severity.ILLEGAL, Distance.EXACT, True)
    assert scan(at, body + b"x") is None
    assert scan(at, body[:-1]) is None
    assert at.counts[Note.SCANNED] == 8


@pytest.mark.parametrize("kind", ["text/html", "text/plain", "application/json", "IMAGE/PNG", ""])
def test_what_it_begins_with_counts_more_than_what_it_is_called(tmp_path, kind):
    at = known(tmp_path, PNG)
    assert scan(at, PNG, kind) is not None


@pytest.mark.parametrize("kind", ["text/html; charset=utf-8", "text/css", "application/json"])
def test_pages_are_not_looked_at(tmp_path, kind):
    page = b"<!doctype html>" + bytes(100)
    at = known(tmp_path, page)
    assert scan(at, page, kind) is None
    assert not at.counts
    assert scan(at, page, "application/octet-stream").entry == "e0"


def test_a_text_that_begins_like_a_bitmap_is_a_text(tmp_path):
    at = known(tmp_path, b"BMW is a make of cars, and no bitmap at all")
    assert scan(at, b"BMW is a make of cars, and no bitmap at all", "text/plain") is None
    assert not at.counts


@pytest.mark.parametrize("body", [b"", b"\xff", b"\xff\xd8\xff", b"GIF89a", b"BM", b"\0" * 31])
def test_short_bodies(tmp_path, body):
    at = known(tmp_path, PNG)
    assert scan(at, body) is None
    assert scan(known(tmp_path, body), body, "image/gif") is None or body


def test_parts_of_an_upload(tmp_path):
    at = known(tmp_path, PNG, JPEG)
    for parts, name in [
        ([("image/png", PNG)], "e0"),
        ([("text/plain", b"a caption"), ("image/jpeg", JPEG)], "e1"),
        ([(None, b"field"), ("text/plain", PNG), (None, b"")], "e0"),
        ([("image/png", GIF), ("image/png", JPEG), ("image/png", PNG)], "e1"),
    ]:
        kind, body = form(*parts)
        for size in (1, 2, 3, 5, 61, 4096, len(body)):
            assert scan(at, body, kind, size=size).entry == name
    kind, body = form((None, b"just text"), ("image/png", GIF))
    assert scan(at, body, kind) is None


def test_a_part_inside_a_part_and_no_deeper_than_three(tmp_path):
    at = known(tmp_path, PNG)
    kind, body = form(("image/png", PNG), boundary="b0")
    for depth in range(1, 6):
        assert (scan(at, body, kind, size=11) is not None) == (depth <= 3)
        kind, body = form((kind, body), boundary=f"b{depth}")


@BOUNDED
@given(st.lists(st.binary(max_size=80), max_size=5), st.integers(1, 40))
def test_parts_come_out_as_they_went_in(parts, size):
    kind, body = form(*[("image/png", part) for part in parts])
    made = Parts(boundary_of(kind))
    found = []
    for at in range(0, len(body), size):
        found += made.feed(body[at : at + size])
    found += made.end()
    got, current = [], None
    for each in found:
        if isinstance(each, Begin):
            assert each.content_type == "image/png"
            current = b""
        elif isinstance(each, End):
            got.append(current)
        else:
            current += each
    assert got == parts


@BOUNDED
@given(st.binary(max_size=400), st.integers(1, 50))
def test_a_body_that_is_no_multipart_is_no_error(body, size):
    at = desk()
    text = body.replace(b"\x00", b"\r\n--b\r\n").replace(b"\x01", b"\r\n\r\n")
    assert scan(at, text, "multipart/form-data; boundary=b", size=size) is None


def test_multipart_without_a_boundary_is_looked_at_as_a_whole(tmp_path):
    at = known(tmp_path, PNG)
    assert scan(at, PNG, "multipart/form-data") is not None


@pytest.mark.parametrize(
    ("coding", "code"),
    [
        ("gzip", gzip.compress),
        ("x-gzip", gzip.compress),
        ("deflate", zlib.compress),
        ("deflate", lambda data: zlib.compress(data)[2:-4]),
        ("identity", bytes),
        ("", bytes),
    ],
)
def test_a_coded_body(tmp_path, coding, code):
    at = known(tmp_path, PNG)
    for size in (1, 100, 10**6):
        assert scan(at, code(PNG), coding=coding, size=size).entry == "e0"
    assert at.counts[Note.CODED] == 0


@pytest.mark.parametrize("coding", ["br", "zstd", "gzip, gzip", "nonsense"])
def test_a_coding_that_cannot_be_undone_is_counted(tmp_path, coding):
    at = known(tmp_path, PNG)
    assert scan(at, PNG, coding=coding) is None
    assert at.counts == {Note.CODED: 1}


def test_a_broken_coding(tmp_path):
    at = known(tmp_path, PNG)
    assert scan(at, b"\x1f\x8b" + bytes(500), coding="gzip") is None
    assert scan(at, gzip.compress(PNG)[:-20000], coding="gzip", size=50) is None
    assert at.counts[Note.CODED] == 1


def test_a_bomb_of_a_coding_costs_little(tmp_path):
    """A gigabyte in one megabyte: it stops at the bound, and nothing of it is held."""
    at = known(tmp_path, PNG)
    make = zlib.compressobj(9, wbits=31)
    bomb = b"".join(make.compress(bytes(2**20)) for _ in range(1024)) + make.flush()
    tracemalloc.start()
    try:
        assert scan(at, bomb, "text/html", "gzip", size=65536) is None
        assert tracemalloc.get_traced_memory()[1] < 2 * 2**20
    finally:
        tracemalloc.stop()
    assert at.counts == {Note.CODED: 1}


def test_one_source_alone_does_not_block(tmp_path):
    alone = entry("e", sha256(PNG), sources=("a",))
    hit = scan(desk(hash_set(tmp_path, alone)), PNG)
    assert (hit.entry, hit.block) == ("e", False)
    assert scan(desk(hash_set(tmp_path, alone, two_sources=False)), PNG).block
    other = hash_set(tmp_path, alone, name="partner", source="other")
    assert scan(desk(hash_set(tmp_path, alone), other), PNG).block, "two sets of two sources"
    same = hash_set(tmp_path, alone, name="partner", source="mps")
    assert not scan(desk(hash_set(tmp_path, alone), same), PNG).block, "one source, twice"


def test_the_gravest_set_is_named(tmp_path):
    one = entry("e", sha256(PNG))
    mild = hash_set(tmp_path, one, name="mild", severity=Severity.HARMFUL)
    grave = hash_set(tmp_path, one, name="grave")
    assert scan(desk(mild, grave), PNG).set == "grave"


def test_past_its_expiry_a_set_goes_on_or_stops(tmp_path):
    one = entry("e", sha256(PNG))
    keeps = hash_set(tmp_path, one)
    stops = hash_set(tmp_path, one, name="licensed", after_expiry=Afterwards.STOP)
    late = NOW + 86_400
    assert scan(desk(keeps, now=late), PNG) is not None
    assert scan(desk(stops, now=late - 1), PNG) is not None
    assert scan(desk(stops, now=late), PNG) is None
    assert desk(keeps, stops).sets.stale(late) == ["national", "licensed"]
    assert desk(keeps, stops).sets.stale(late - 1) == []


class Perceiver:
    """Stands for the decoders: what it is given, and what it says."""

    def __init__(self, *said):
        self.said, self.given = Seen(tuple(said)), []

    def __call__(self, picture):
        self.given.append((bytes(picture), picture))
        return self.said


def near(tmp_path, perceive, **others):
    pdq = bytes(31) + b"\xff"
    return desk(hash_set(tmp_path, entry("p", (Kind.PDQ, pdq))), perceive=perceive, **others)


def test_a_picture_is_perceived_once_whole_and_zeroed_after(tmp_path):
    needs.media()
    perceive = Perceiver(Perceived(bytes(30) + b"\x07\xff", 100))
    at = near(tmp_path, perceive)
    hit = scan(at, PNG)
    assert (hit.entry, hit.kind, hit.distance) == ("p", Kind.PDQ, Distance.CLOSE)
    ((content, held),) = perceive.given
    assert content == PNG
    assert bytes(held) == bytes(len(PNG)), "zeroed"
    assert at.counts == {Note.SCANNED: 1, Note.PERCEIVED: 1}


@pytest.mark.parametrize(
    ("bits", "quality", "distance"),
    [
        (0, 50, Distance.CLOSE),
        (10, 100, Distance.CLOSE),
        (11, 100, Distance.NEAR),
        (20, 100, Distance.NEAR),
        (21, 100, Distance.FAR),
        (31, 50, Distance.FAR),
        (32, 100, None),
        (256, 100, None),
        (0, 49, None),
    ],
)
def test_distance_and_quality(tmp_path, bits, quality, distance):
    needs.media()
    asked = (int.from_bytes(bytes(31) + b"\xff") ^ ((1 << bits) - 1)).to_bytes(32)
    hit = scan(near(tmp_path, Perceiver(Perceived(asked, quality))), PNG)
    assert (hit and hit.distance) == distance


def test_any_frame_counts(tmp_path):
    needs.media()
    frames = [Perceived(b"\xaa" * 32, 100), Perceived(bytes(31) + b"\xff", 80)]
    assert scan(near(tmp_path, Perceiver(*frames)), GIF).entry == "p"


def test_an_exact_hit_needs_no_perceiver(tmp_path):
    perceive = Perceiver()
    one = entry("e", sha256(PNG), (Kind.PDQ, bytes(32)))
    assert scan(desk(hash_set(tmp_path, one), perceive=perceive), PNG).entry == "e"
    assert perceive.given == []


@pytest.mark.parametrize("body", [SVG, MP4, b"<html>" + bytes(100)])
def test_what_is_no_raster_picture_is_not_decoded(tmp_path, body):
    perceive = Perceiver()
    assert scan(near(tmp_path, perceive), body, "image/svg+xml") is None
    assert perceive.given == []


@pytest.mark.parametrize(("length", "most"), [(None, UNTOLD), (PICTURE, PICTURE)])
def test_a_large_picture_is_not_held(tmp_path, length, most):
    perceive = Perceiver()
    at = near(tmp_path, perceive, room=Room(most))
    fits, large = PNG + bytes(most - len(PNG)), PNG + bytes(most - len(PNG) + 1)
    scan(at, fits, size=65536, length=length)
    assert len(perceive.given) == 1
    scan(at, large, size=65536, length=length)
    assert len(perceive.given) == 1
    assert at.counts[Note.LARGE] == 1
    assert at.room.take(most), "all room was given back"


def test_a_picture_that_says_it_is_too_large_is_never_held(tmp_path):
    at = near(tmp_path, Perceiver(), room=Room(0))
    scan(at, PNG, length=PICTURE + 1)
    assert at.counts == {Note.SCANNED: 1, Note.LARGE: 1}


def test_pictures_of_all_scans_share_one_room(tmp_path):
    perceive = Perceiver()
    at = near(tmp_path, perceive, room=Room(len(PNG) + 100))
    one, two = Scanner(at, "image/png"), Scanner(at, "image/png")
    one.feed(PNG)
    two.feed(PNG)
    assert at.counts == {Note.FULL: 1}
    one.drop()
    one.drop()
    three = Scanner(at, "image/png")
    three.feed(PNG)
    three.end()
    assert len(perceive.given) == 1
    assert two.end() is None


@pytest.mark.parametrize("kind", ["image/png", "application/octet-stream", "text/html", "form"])
@pytest.mark.parametrize("length", [None, 64 * 2**20])
def test_64_mb_take_at_most_5_mb(tmp_path, kind, length):
    at = near(tmp_path, Perceiver())
    chunk = random.Random(1).randbytes(65536)
    before, after = PNG[:64], b""
    if kind == "form":
        kind, body = form(("image/png", b"CUT"))
        before, after = body.split(b"CUT")
        before += PNG[:64]
    tracemalloc.start()
    try:
        scanner = Scanner(at, kind, "", length)
        scanner.feed(before)
        for _ in range(1024):
            scanner.feed(chunk)
        scanner.feed(after)
        assert scanner.end() is None
        assert tracemalloc.get_traced_memory()[1] <= 5 * 2**20
    finally:
        tracemalloc.stop()
    assert at.counts[Note.LARGE] == 1


def test_a_bomb_is_not_unpacked(tmp_path):
    room = desk(hash_set(tmp_path, entry("x", sha256(b"x"))))
    bomb = gzip.compress(b"\x89PNG\r\n\x1a\n" + bytes(2**26))
    scanner = Scanner(room, "image/png", "gzip")
    scanner.feed(bomb)
    assert not scanner.whole
    assert scanner.end() is None
    assert room.counts[Note.CODED] == 1
