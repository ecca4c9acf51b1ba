"""`Sighting`: what one source says of one address, and how names in it are spelled.

Sources write the same thing in many ways; whatever comes out of here is lower case, MAC addresses
have colons, addresses are in Python's short spelling. What cannot be read is "", never an error.
"""

import ipaddress
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import IntEnum
from math import inf
from typing import Protocol

MOST = 65_536  # sightings of one source; a school of 5,000 devices with six addresses each
WIDEST = 48  # bits of a network that is given to one device or user
MOST_TEXT = 128  # characters of a host or user name
_HEX = re.compile(r"[0-9a-f]{12}")
_NOBODY = frozenset({"000000000000", "ffffffffffff"})


class Rank(IntEnum):
    """How much a source is believed about an address; see ADR 23."""

    NEIGHBOUR = 1
    LEASE = 2
    SESSION = 3


@dataclass(frozen=True, slots=True)
class Sighting:
    """`address` (an address, or a network) is this device's or user's from `since` to `until`, unix
    seconds. A session of RADIUS may have no address, only a MAC address. `claimed`: the device is
    named inside of a message that anybody may write (a DUID), not where frames come from. `keys`
    are the ids, as the configuration writes them, of whom this is about.
    """

    address: str
    mac: str = ""
    host: str = ""
    user: str = ""
    classes: tuple[str, ...] = ()
    since: float = 0.0
    until: float = inf
    claimed: bool = False
    keys: frozenset[str] = field(init=False, compare=False, repr=False)

    def __post_init__(self) -> None:
        # Once for each, and not at every look.
        short = self.host.partition(".")[0]
        keys = {f"host:{name}" for name in (self.host, short) if name}
        keys.update(f"class:{each}" for each in self.classes)
        if self.user:
            keys.add(f"user:{self.user}")
        if self.mac:
            keys.add(self.mac)
        object.__setattr__(self, "keys", frozenset(keys))


class Source(Protocol):
    """Something that knows who has which address. A fault is never raised: what was known stays
    until its own end, and `problem` says what is wrong.
    """

    @property
    def name(self) -> str:
        """What it is called in metrics: dnsmasq, kea, dhcpd, neighbours or radius."""
        ...

    @property
    def rank(self) -> Rank:
        """How much it is believed."""
        ...

    @property
    def problem(self) -> str | None:
        """What is wrong with it now; names no device and no person."""
        ...

    def look(self, now: float) -> bool:
        """Take in what is new at `now` (unix seconds); whether anything may have changed."""
        ...

    def sightings(self) -> Iterable[Sighting]:
        """Return what it knows, ended ones perhaps included."""
        ...


def read_mac(text: str) -> str:
    """Return a MAC address from any usual spelling, "" for none and for nobody's."""
    digits = re.sub(r"[.:-]", "", text.strip().lower()[:40])
    if not _HEX.fullmatch(digits) or digits in _NOBODY:
        return ""
    return ":".join(digits[i : i + 2] for i in range(0, 12, 2))


def read_address(text: str) -> str:
    """Return an address in its short spelling, without a zone; IPv4 in IPv6 as IPv4."""
    try:
        found = ipaddress.ip_address(text.strip()[:64].partition("%")[0])
    except ValueError:
        return ""
    mapped = found.ipv4_mapped if isinstance(found, ipaddress.IPv6Address) else None
    return str(mapped or found)


def read_network(text: str) -> str:
    """Return an IPv6 network in its short spelling, host bits cleared; "" for one that is wider
    than anybody is given, by which a mistake elsewhere would make one person of everybody.
    """
    try:
        found = ipaddress.IPv6Network(text.strip()[:64], strict=False)
    except ValueError:
        return ""
    return str(found) if found.prefixlen >= WIDEST else ""


def read_label(text: str) -> str:
    """Return a host, user or class name as it is compared: folded, one line, of bounded length."""
    name = text.strip().rstrip(".").casefold()
    return name if len(name) <= MOST_TEXT and name.isprintable() else ""


def mac_of_duid(duid: bytes) -> str:
    """Return the Ethernet address in a DUID of type LLT or LL (RFC 8415 section 11)."""
    if len(duid) == 14 and duid[:4] == b"\0\1\0\1":
        return read_mac(duid[8:].hex())
    if len(duid) == 10 and duid[:4] == b"\0\3\0\1":
        return read_mac(duid[4:].hex())
    return ""


def read_duid(text: str) -> str:
    """Return the Ethernet address in a DUID of hexadecimal pairs with colons."""
    try:
        return mac_of_duid(bytes.fromhex(text.replace(":", "")[:400]))
    except ValueError:
        return ""
