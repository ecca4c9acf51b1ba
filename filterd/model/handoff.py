"""A hand-off: all that is kept when a scanned file is one of a set of known hashes.

Eight fields, each checked when it is made, and none that could hold content, a thumbnail, a URL's
path or query, or a client: words have no room for any of them, a host that is an address is not
written at all, the time is a multiple of five minutes.
"""

import json
import re
import zlib
from dataclasses import asdict, dataclass
from enum import StrEnum

SLOT = 300  # seconds that times are rounded to
LINE = 1024  # bytes that one hand-off takes in the spool, at most
FILE = "handoffs"
NO_NAME = "address.invalid"  # instead of a host that is an address (RFC 2606, section 2)
_WORD = re.compile(r"[A-Za-z0-9_-]{1,64}")
_LABEL = r"[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?"
_HOST = re.compile(rf"(?=.{{1,253}}\Z)({_LABEL}\.)*[a-z]([a-z0-9-]{{0,61}}[a-z0-9])?")
_REFERENCE = re.compile(r"HO-[0-9]{8}-[A-Z2-7]{10}")


class Distance(StrEnum):
    """How near a hit was, no finer: of a perceptual hash the bits that differ."""

    EXACT = "exact"  # MD5 or SHA-256
    CLOSE = "0-10"
    NEAR = "11-20"
    FAR = "21-31"
    BEYOND = "32+"  # where a set asks for more than the usual threshold


@dataclass(frozen=True, slots=True)
class HandOff:
    """One hit. `at` in unix seconds, rounded down to five minutes. ValueError: a field that is not
    of its shape.
    """

    reference: str  # HO-YYYYMMDD-, ten characters by chance
    at: int
    node: str
    host: str  # a name in lower case, A-labels; `NO_NAME` for an address
    set: str
    entry: str  # the list's own name of the entry, not its hash
    epoch: int
    distance: Distance

    def __post_init__(self) -> None:
        for what, word in (("set", self.set), ("entry", self.entry), ("node", self.node)):
            if not is_word(word):
                raise ValueError(f"{what}: not a word of letters, digits, - and _, 64 at most")
        if not (type(self.host) is str and _HOST.fullmatch(self.host)):
            raise ValueError("host: not a name")
        if not (type(self.reference) is str and _REFERENCE.fullmatch(self.reference)):
            raise ValueError("reference: not HO-, a day in eight digits, - and ten characters")
        if type(self.at) is not int or self.at % SLOT or not 0 <= self.at < 2**40:
            raise ValueError("at: not a time rounded to five minutes")
        if type(self.epoch) is not int or not 0 <= self.epoch < 2**53:
            raise ValueError("epoch: not a number that can be")
        if type(self.distance) is not Distance:
            raise ValueError("distance: not one of the known")


def is_word(text: object) -> bool:
    """Say whether `text` may stand for a set, an entry or a node in a hand-off."""
    return type(text) is str and _WORD.fullmatch(text) is not None


def host_name(host: str) -> str:
    """Return `host` as a hand-off may hold it: a name stays, an address and all else do not."""
    name = host.lower().removesuffix(".")
    return name if _HOST.fullmatch(name) else NO_NAME


def handoff_line(one: HandOff) -> bytes:
    """Return `one` as a line of the spool: CRC-32 of the rest, a space, JSON."""
    content = json.dumps(asdict(one), sort_keys=True, separators=(",", ":")).encode()
    return b"%08x %s\n" % (zlib.crc32(content), content)


def read_handoff(line: bytes) -> HandOff:
    """Read what `handoff_line` writes, with or without its line feed.

    Raises:
        ValueError: damaged, or not a hand-off.
    """
    check, _, content = line.removesuffix(b"\n").partition(b" ")
    if len(line) > LINE or check != b"%08x" % zlib.crc32(content):
        raise ValueError("damaged")
    plain = json.loads(content)
    if not isinstance(plain, dict) or plain.keys() != set(HandOff.__slots__):
        raise ValueError("not the fields of a hand-off")
    return HandOff(**{**plain, "distance": Distance(plain["distance"])})
