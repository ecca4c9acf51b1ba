import io
import os
import random
import struct
import threading
import zlib

import pytest

from filterd.http.media.decoding import Decoders
from filterd.http.media.scan import Note
from filterd.http.media.specimen import PDQ, specimen
from tests.support import needs
from tests.support.media import picture


@pytest.fixture(scope="module")
def decoders():
    needs.media()
    made = Decoders(1, os.environ, deadline=20.0)
    yield made
    made.close()


@pytest.fixture(scope="module")
def perceiving():
    needs.media()
    from filterd.http.media import perceiving  # noqa: PLC0415 - of the extra

    return perceiving


def bits(one, two):
    return (int.from_bytes(one) ^ int.from_bytes(two)).bit_count()


def frames(decoders, body):
    seen = decoders(bytearray(body))
    assert seen.note is Note.PERCEIVED
    return seen.frames


def png(width, height, data):
    def chunk(kind, content):
        crc = zlib.crc32(kind + content)
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", crc)

    head = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", data) + chunk(b"IEND", b"")


def animation(form, *bodies):
    from PIL import Image  # noqa: PLC0415 - of the extra

    images = [Image.open(io.BytesIO(body)).convert("RGB") for body in bodies]
    sink = io.BytesIO()
    images[0].save(sink, form, save_all=True, append_images=images[1:], duration=50)
    return sink.getvalue()


def test_the_test_image_has_its_documented_hash(decoders):
    (one,) = frames(decoders, specimen())
    assert (one.pdq.hex(), one.quality) == (PDQ, 100)


def test_its_hash_is_that_of_the_library_alone(perceiving):
    """Decoding, making smaller and packing change nothing that counts."""
    import numpy as np  # noqa: PLC0415 - of the extra
    import pdqhash  # noqa: PLC0415 - of the extra
    from PIL import Image  # noqa: PLC0415 - of the extra

    for seed in range(5):
        for size in ((200, 150), (1400, 1000), (4000, 3000)):
            body = picture(seed, "JPEG", size, quality=90)
            vector, _ = pdqhash.compute(np.asarray(Image.open(io.BytesIO(body)).convert("RGB")))
            plain = int("".join(map(str, vector)), 2).to_bytes(32)
            ((ours, quality),) = perceiving.perceive(body)
            assert bits(ours, plain) <= 4
            assert quality >= 50


def test_a_copy_is_near_and_another_picture_is_not(decoders):
    (one,) = frames(decoders, picture(1, size=(640, 480)))
    for form in ("PNG", "JPEG", "GIF", "WEBP", "BMP"):
        for size in ((160, 120), (1280, 960)):
            (copy,) = frames(decoders, picture(1, form, size))
            assert bits(one.pdq, copy.pdq) <= 31
    others = [frames(decoders, picture(seed))[0] for seed in range(2, 30)]
    assert all(bits(one.pdq, other.pdq) > 31 for other in others)


def test_an_even_picture_has_no_quality(decoders):
    (one,) = frames(decoders, png(100, 100, zlib.compress(bytes(101 * 100))))
    assert one.quality < 50


@pytest.mark.parametrize("form", ["GIF", "WEBP"])
def test_frames_of_an_animation(decoders, form):
    bodies = [picture(seed, size=(128, 128)) for seed in range(12)]
    found = frames(decoders, animation(form, *bodies))
    assert 6 <= len(found) <= 8
    for which, one in enumerate(found):
        (alone,) = frames(decoders, bodies[2 * which])
        assert bits(one.pdq, alone.pdq) <= 31


def test_a_decompression_bomb_is_not_decoded(decoders):
    for width, height in ((60_000, 60_000), (2**31 - 1, 2**31 - 1), (50_001, 1000)):
        bomb = png(width, height, zlib.compress(bytes(10**6)))
        assert decoders(bytearray(bomb)).note is Note.LARGE


def test_the_largest_that_is_decoded_stays_within_its_memory(decoders):
    side = 7000
    row = b"\0" + bytes(range(250)) * 28
    body = png(side, side, zlib.compress(row * side))
    assert len(body) < 2**20
    assert len(frames(decoders, body)) == 1


def test_a_text_chunk_that_unfolds_is_no_way_in(decoders):
    text = b"Comment\0\0" + zlib.compress(bytes(200 * 2**20))
    body = specimen()
    chunk = (
        struct.pack(">I", len(text))
        + b"zTXt"
        + text
        + struct.pack(">I", zlib.crc32(b"zTXt" + text))
    )
    assert decoders(bytearray(body[:33] + chunk + body[33:])).note in {Note.BROKEN, Note.LARGE}
    assert frames(decoders, body)


@pytest.mark.parametrize("form", ["PNG", "JPEG", "GIF", "WEBP", "BMP"])
def test_cut_and_changed_pictures_are_an_answer(decoders, form):
    body = picture(5, form, (100, 80))
    chance = random.Random(form)
    for _ in range(60):
        cut = body[: chance.randrange(len(body))]
        changed = bytearray(body)
        for _ in range(chance.randrange(1, 20)):
            changed[chance.randrange(len(body))] = chance.randrange(256)
        for given in (cut, changed):
            seen = decoders(bytearray(given))
            assert seen.note in {Note.PERCEIVED, Note.BROKEN, Note.LARGE, Note.SMALL}
            assert bool(seen.frames) == (seen.note is Note.PERCEIVED)
    assert len(frames(decoders, body)) == 1


def test_what_is_no_picture(decoders):
    svg = b'<svg xmlns="http://www.w3.org/2000/svg" width="300" height="300"/>'
    for body in (
        b"",
        b"\0",
        svg,
        b"GIF89a",
        b"%PDF-1.7",
        b"\xff\xd8\xff",
        b"%!PS-Adobe-3.0 EPSF-3.0\n",
    ):
        assert decoders(bytearray(body)).note is Note.BROKEN


def test_a_picture_that_is_something_else_as_well(decoders):
    """What follows or hides in a picture does not keep it from being seen."""
    (plain,) = frames(decoders, picture(1, "JPEG"))
    zipped = picture(1, "JPEG") + b"PK\x05\x06" + bytes(18)
    gif = picture(1, "GIF")
    for body in (zipped, gif + b"*/=1;alert(1)//", picture(1, "PNG") + b"<script></script>"):
        (one,) = frames(decoders, body)
        assert bits(one.pdq, plain.pdq) <= 31


@pytest.mark.parametrize("size", [(63, 400), (400, 63), (1, 1)])
def test_a_small_picture_is_not_told_from_others(decoders, size):
    assert decoders(bytearray(picture(1, size=size))).note is Note.SMALL


def test_why_not_holds_nothing_of_the_picture(perceiving):
    secret = b"GIF89a" + b"secret-secret" * 20
    with pytest.raises(perceiving.Unfit) as caught:
        perceiving.perceive(secret)
    assert caught.value.args == ("broken",)
    assert caught.value.__cause__ is None
    assert caught.value.__context__ is None


def sh(script):
    return Decoders(1, os.environ, deadline=0.3, command=("sh", "-c", script))


def test_a_decoder_that_hangs_is_ended_in_time_and_replaced():
    made = sh("printf +; sleep 600")
    try:
        for _ in range(2):
            assert made(bytearray(10)).note is Note.LATE
            assert made(bytearray(10**6)).note is Note.LATE
    finally:
        made.close()


def test_a_decoder_that_is_still_loading_is_left_to_it():
    made = sh("sleep 600")
    try:
        process = made._free.get()
        made._free.put(process)
        assert made(bytearray(10)).note is Note.LATE
        assert made._free.get() is process
        made._free.put(process)
    finally:
        made.close()


@pytest.mark.parametrize("script", ["exit 1", "printf +; exit 1", "printf '+\\005abc'; exit 0"])
def test_a_decoder_that_dies_is_replaced(script):
    made = sh(script)
    try:
        for _ in range(3):
            assert made(bytearray(10**5)).note in {Note.BROKEN, Note.LATE}
    finally:
        made.close()


def test_many_at_once_wait_for_their_turn(decoders):
    found = []

    def ask(seed):
        found.append((seed, frames(decoders, picture(seed))[0].pdq))

    threads = [threading.Thread(target=ask, args=(seed % 4,)) for seed in range(12)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert len(set(found)) == 4


def test_a_decoder_starts_afresh_after_its_life(decoders, monkeypatch):
    """More pictures than one process answers; each is answered."""
    first = decoders._free.get()
    decoders._free.put(first)
    for _ in range(501):
        decoders(bytearray(b"GIF89a"))
    second = decoders._free.get()
    decoders._free.put(second)
    assert second is not first
    assert frames(decoders, specimen())
