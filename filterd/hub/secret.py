"""Codes and tokens: 160 random bits, shown once, kept as a hash.

A plain hash is enough: what is random cannot be guessed from it, unlike a password.
"""

import base64
import hashlib
from collections.abc import Callable

Random = Callable[[int], bytes]  # so many random octets
_OCTETS = 20
_SPELLING = str.maketrans("", "", "- ")


def new_secret(random: Random) -> str:
    """Return a new one: 32 letters and digits in groups of eight, as a person can read them out."""
    word = base64.b32encode(random(_OCTETS)).decode().lower()
    return "-".join(word[at : at + 8] for at in range(0, len(word), 8))


def hash_of(secret: str) -> bytes:
    """Return what is kept of one, however its hyphens and case are typed."""
    return hashlib.sha256(secret.translate(_SPELLING).lower().encode()).digest()
