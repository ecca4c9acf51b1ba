"""Perceptual hashes within a few bits of a given one: a scan of all, by numpy where it is."""

from collections.abc import Iterator
from importlib.util import find_spec

MODULES = ("numpy", "PIL", "pdqhash")
ABSENT = tuple(name for name in MODULES if find_spec(name) is None)
CHUNK = 16_384  # hashes at once: half a MiB, which stays in the processor's cache

if not ABSENT:
    import numpy as np


def missing() -> str | None:
    """Return one line that says why perceptual hashes are off; None: they are not."""
    if not ABSENT:
        return None
    return (
        f"perceptual hashes (PDQ) are off: {', '.join(ABSENT)} not installed; "
        "`make http MEDIA=1` installs them; SHA-256 and MD5 are compared as always"
    )


class Nearest:
    """Hashes as they stand in a mapped file, 32 bytes each. Only where `ON`."""

    ON = not ABSENT

    def __init__(self, column: memoryview) -> None:
        self._words = np.frombuffer(column, dtype="<u8").reshape(-1, 4)

    def within(self, pdq: bytes, most: int) -> Iterator[tuple[int, int]]:
        """Yield row and distance of each hash that differs in at most `most` bits."""
        asked = np.frombuffer(pdq, dtype="<u8")
        for start in range(0, len(self._words), CHUNK):
            words = self._words[start : start + CHUNK]
            differ = np.bitwise_count(words[:, 0] ^ asked[0])
            differ += np.bitwise_count(words[:, 1] ^ asked[1])
            differ += np.bitwise_count(words[:, 2] ^ asked[2])  # 192 at most: fits its byte
            for row in np.flatnonzero(differ <= most):
                distance = int(np.bitwise_count(words[row] ^ asked).sum(dtype=np.uint16))
                if distance <= most:
                    yield start + int(row), distance
