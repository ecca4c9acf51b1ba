"""One picture to its perceptual hashes, bounded in bytes, pixels and frames. Runs in a decoder.

Only raster formats that browsers show are decoded. Animations: some frames, evenly spread. Large
pictures are made smaller first, which is what the hash does itself.
"""

import io

import numpy as np
import pdqhash
from PIL import Image

from filterd.http.media.specimen import specimen

FORMATS = ("JPEG", "PNG", "GIF", "WEBP", "BMP")
PIXELS = 50_000_000  # of one frame; above: not decoded
FRAMES = 8
SMALLEST = 64  # pixels of either side; below, there is too little to tell pictures apart
ENOUGH = 1024  # pixels of the shorter side that are enough to hash


class Unfit(Exception):
    """A picture that is not hashed; `word` says why: "too-large", "too-small" or "broken"."""

    def __init__(self, word: str) -> None:
        super().__init__(word)
        self.word = word


def perceive(picture: bytes | bytearray) -> list[tuple[bytes, int]]:
    """Return hash (32 bytes, as its hexadecimal form reads) and quality (0 to 100) of each frame.

    Raises:
        Unfit: with nothing of the picture in it.
    """
    word = ""
    try:
        return _frames(picture)
    except Unfit as unfit:
        word = unfit.word
    except (MemoryError, Image.DecompressionBombError):
        word = "too-large"
    except Exception:  # noqa: BLE001 - whatever a decoder raises over other people's bytes
        word = "broken"
    raise Unfit(word)


def warm() -> None:
    """Load all that decoding needs, while files can still be opened: some of it is loaded late."""
    with Image.open(io.BytesIO(specimen())) as image:
        for form in FORMATS:
            for plain in (image.convert("P"), image.convert("RGBA")):
                sink = io.BytesIO()
                plain.convert("RGB" if form == "JPEG" else plain.mode).save(sink, form)
                perceive(sink.getvalue())


def _frames(picture: bytes | bytearray) -> list[tuple[bytes, int]]:
    with Image.open(io.BytesIO(picture), formats=FORMATS) as image:
        width, height = image.size
        if width * height > PIXELS:
            raise Unfit("too-large")
        if min(width, height) < SMALLEST:
            raise Unfit("too-small")
        image.draft("RGB", (2 * ENOUGH, 2 * ENOUGH))
        number = getattr(image, "n_frames", 1)
        step = max(1, -(-number // FRAMES))
        found = []
        for frame in range(0, number, step):
            try:
                image.seek(frame)
                found.append(_hash(image))
            except Exception:
                if not found:
                    raise
                break  # what came before the break counts
        return found


def _hash(image: Image.Image) -> tuple[bytes, int]:
    plain = image.convert("RGBA") if "transparency" in image.info else image
    if "A" in plain.getbands():  # as on a white page
        white = Image.new("RGBA", plain.size, "white")
        plain = Image.alpha_composite(white, plain.convert("RGBA"))
    shrink = min(plain.size) // ENOUGH
    flat = plain.convert("RGB")
    if shrink > 1:
        flat = flat.reduce(shrink)
    bits, quality = pdqhash.compute(np.asarray(flat))
    return np.packbits(np.asarray(bits, dtype=np.uint8)).tobytes(), int(quality)
