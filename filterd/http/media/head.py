"""The head of a hash set: whose it is, how far it may be trusted, how long.

JSON with one spelling (keys sorted, no space, no fractions), so that a set made twice from the
same rows is the same file and has the same digest in the feed.
"""

import json
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any

from filterd.model.errors import RulesError
from filterd.model.handoff import is_word

MOST = 16_384  # bytes of a head
THRESHOLD = 31  # bits that may differ: what the authors of PDQ advise
QUALITY = 50  # of 100: below, a picture has too little in it to be told from others
WIDEST = 63  # bits; above, half of all pictures would be alike
ROWS = 20_000_000  # of one column


class Severity(StrEnum):
    """What a hit means."""

    ILLEGAL = "illegal"  # block, whatever the group
    HARMFUL = "harmful"  # as the group's rules say


class Afterwards(StrEnum):
    """What becomes of a set past its expiry."""

    KEEP = "keep"  # it goes on and is told to be stale
    STOP = "stop"  # it matches nothing: a licence ended


@dataclass(frozen=True, slots=True)
class Head:
    """`epoch` rises with each version. `issued` and `expires` in unix seconds. `two_sources`: an
    entry that only one source stands for is handed off but not blocked.
    """

    id: str
    source: str
    epoch: int
    severity: Severity
    issued: int
    expires: int
    after_expiry: Afterwards = Afterwards.KEEP
    threshold: int = THRESHOLD
    quality: int = QUALITY
    two_sources: bool = True

    def __post_init__(self) -> None:
        if not (is_word(self.id) and is_word(self.source)):
            raise RulesError("id and source are words of letters, digits, - and _, 64 at most")
        for name, least, most in (
            ("epoch", 0, 2**53),
            ("issued", 0, 2**40),
            ("expires", self.issued, 2**40),
            ("threshold", 0, WIDEST),
            ("quality", 0, 100),
        ):
            number = getattr(self, name)
            if type(number) is not int or not least <= number <= most:
                raise RulesError(f"{name}: not a number from {least} to {most}")
        if type(self.two_sources) is not bool:
            raise RulesError("two_sources: neither true nor false")


@dataclass(frozen=True, slots=True)
class Sizes:
    """Rows of each column: hashes by kind, entries, and how many of these are revoked."""

    pdq: int
    sha256: int
    md5: int
    entries: int
    revoked: int


def write_head(head: Head, sizes: Sizes) -> bytes:
    """Return the one spelling."""
    return _spell({"version": 1, **asdict(head), "sizes": asdict(sizes)})


def read_head(data: bytes) -> tuple[Head, Sizes]:
    """Read what `write_head` writes. RulesError: it is something else."""
    try:
        plain = json.loads(data)
        spelled = _spell(plain)
        version, rest = plain.pop("version", None), plain.pop("sizes", {})
        severity, after = Severity(plain.pop("severity")), Afterwards(plain.pop("after_expiry"))
        head = Head(severity=severity, after_expiry=after, **plain)
        sizes = Sizes(**rest)
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise RulesError(f"the head does not read: {str(error)[:100]}") from error
    if spelled != data:
        raise RulesError("the head has another spelling than the one it should")
    if version != 1:
        raise RulesError("made for another version of filterd; upgrade")
    for number in asdict(sizes).values():
        if type(number) is not int or not 0 <= number <= ROWS:
            raise RulesError(f"a column has no number of rows up to {ROWS}")
    return head, sizes


def _spell(value: Any) -> bytes:
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()
