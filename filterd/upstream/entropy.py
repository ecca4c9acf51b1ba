"""Random bits drawn in bulk: asking the kernel for each question costs as much as sending it."""

import random

BLOCK = 1024  # octets drawn at once


class Entropy:
    """Hands out the bits of `rng`, each once."""

    __slots__ = ("_at", "_block", "_rng")

    def __init__(self, rng: random.Random) -> None:
        self._rng = rng
        self._block = b""
        self._at = 0

    def getrandbits(self, k: int) -> int:
        """Return an integer of `k` random bits; `k` up to 8 * BLOCK."""
        at = self._at
        size = (k + 7) >> 3
        end = at + size
        if end > len(self._block):
            self._block = self._rng.getrandbits(8 * BLOCK).to_bytes(BLOCK, "big")
            at, end = 0, size
        self._at = end
        return int.from_bytes(self._block[at:end], "big") >> ((size << 3) - k)
