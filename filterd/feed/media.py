"""Sets of hashes of known pictures: an optional target of the feed's trust root says which there
are, and the digest of each.

The files lie beside it, too large for memory, at a path that has their digest in it. Nothing of
one counts before its length and digest are those that holders of the root signed; what is in it is
read by `filterd/http/media/`. A file that cannot be had is no reason to doubt the trust root.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from filterd.feed.canonical import fields
from filterd.feed.refusal import Fault, Refused

Json = Any
MOST = 16 * 1024  # bytes of what names the sets
MOST_SETS = 8
MOST_LENGTH = 64 * 2**20  # bytes of one set
FOLDER = "targets/media"
_ID = re.compile(r"[a-z0-9-]{1,64}")  # what may stand in a path of a feed
_SHA256 = re.compile(r"[0-9a-f]{64}")
_KNOWN = {"id": str, "epoch": int, "length": int, "sha256": str}


@dataclass(frozen=True, slots=True)
class MediaSet:
    """A set as it is signed. `epoch` rises with each version; `length` in bytes; `sha256` in
    hexadecimal digits.
    """

    id: str
    epoch: int
    length: int
    sha256: str

    @property
    def path(self) -> str:
        """Where it is in a feed."""
        return f"{FOLDER}/{self.sha256}.{self.id}.set"


def media_json(sets: Iterable[MediaSet]) -> dict[str, Json]:
    """Return the sets as they are signed."""
    return {
        "sets": [
            {"id": each.id, "epoch": each.epoch, "length": each.length, "sha256": each.sha256}
            for each in sorted(sets, key=lambda each: each.id)
        ]
    }


def read_media(value: Json) -> tuple[MediaSet, ...]:
    """Read what `media_json` writes.

    Raises:
        Refused: MALFORMED; TOO_LARGE, more sets or a larger one than nodes take.
    """
    rows = fields(value, {"sets": list}, "media")["sets"]
    if len(rows) > MOST_SETS:
        raise Refused(Fault.TOO_LARGE, f"media: more than {MOST_SETS} sets")
    found = tuple(_read(each) for each in rows)
    if len({each.id for each in found}) != len(found):
        raise Refused(Fault.MALFORMED, "media: a set twice")
    return found


def _read(row: Json) -> MediaSet:
    parts: Mapping[str, Json] = fields(row, _KNOWN, "media")
    one = MediaSet(parts["id"], parts["epoch"], parts["length"], parts["sha256"])
    if _ID.fullmatch(one.id) is None:
        raise Refused(Fault.MALFORMED, f"media: no id of a-z, 0-9 and -: {one.id[:80]!r}")
    if _SHA256.fullmatch(one.sha256) is None or not 0 <= one.epoch < 2**53:
        raise Refused(Fault.MALFORMED, f"media: {one.id}: no digest, or no epoch")
    if not 0 < one.length <= MOST_LENGTH:
        raise Refused(Fault.TOO_LARGE, f"media: {one.id}: not 1 to {MOST_LENGTH} bytes")
    return one
