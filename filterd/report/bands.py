"""From a bitmap of hashed clients to a band, which is all that is ever told of how many they were.

The core sets one bit of 64 for each client in a slot, chosen by a hash with a key of its own. How
many clients there were is estimated from how many bits are still unset (linear counting).
"""

import hashlib
import ipaddress
import math
from collections.abc import Iterable

from filterd.report.batch import Band

BITS = 64
_ORDER = {band: place for place, band in enumerate(Band)}


def estimate(bitmap: int) -> float:
    """Return how many clients set the bits of `bitmap`; with all of them set, what one unset would
    have said, 266.
    """
    unset = max(1, BITS - (bitmap & (2**BITS - 1)).bit_count())
    return BITS * math.log(BITS / unset)


def bit_of(client: str, slot: int, key: bytes) -> int:
    """Return the bit of a client in a slot, as the core has it: other in each slot, and nothing to
    anyone without `key` (64 bytes at most). IPv6 counts by /64: devices change the rest.
    """
    address = ipaddress.ip_address(client.partition("%")[0])
    told = address.packed[: 4 if address.version == 4 else 8] + slot.to_bytes(8)
    return 1 << hashlib.blake2b(told, key=key, digest_size=1).digest()[0] % BITS


def band_of(bitmap: int) -> Band:
    """Return the band of a bitmap."""
    clients = estimate(bitmap)
    if clients < 4.5:
        return Band.FEW
    return Band.SOME if clients < 19.5 else Band.MANY


def widest(bands: Iterable[Band]) -> Band:
    """Return the band that all of them together are in at least: bitmaps of different slots have
    nothing to do with each other and cannot be added.
    """
    return max(bands, key=_ORDER.__getitem__)
