"""Which addresses a MAC address has now, as the kernel's neighbour tables say.

IPv4 comes from `/proc/net/arp`, IPv6 from `ip -6 neigh show`. The parsers are pure; one function
at the edge reads. What cannot be read is an empty table with a reason, never an error: MAC rules
then hold for nobody, and the reason is for the log.
"""

import ipaddress
import re
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

ARP = Path("/proc/net/arp")
IPV6_COMMAND = ("ip", "-6", "neigh", "show")
_SECONDS = 5.0
_COMPLETE = 0x2  # ATF_COM of linux/if_arp.h: the hardware address is known
_NOTHING = "00:00:00:00:00:00"
_MAC = re.compile(r"(?:[0-9a-f]{2}:){5}[0-9a-f]{2}")
_UNUSABLE = frozenset({"FAILED", "INCOMPLETE", "NOARP"})


@dataclass(frozen=True, slots=True)
class Neighbours:
    """MAC address (lower case, colons) -> its addresses; `problems` says what was not read."""

    addresses: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    problems: tuple[str, ...] = ()


def read_neighbours(arp: Path = ARP, ipv6_command: tuple[str, ...] = IPV6_COMMAND) -> Neighbours:
    """Read both tables; takes milliseconds, so call it off the event loop."""
    pairs: list[tuple[str, str]] = []
    problems: list[str] = []
    try:
        pairs += parse_arp(arp.read_text("ascii", "replace"))
    except OSError as error:
        problems.append(f"no IPv4 neighbours: {arp}: {error.strerror}")
    try:
        done = subprocess.run(  # noqa: S603 - a constant command, no shell
            ipv6_command, capture_output=True, timeout=_SECONDS, check=True
        )
        pairs += parse_ip_neigh(done.stdout.decode("ascii", "replace"))
    except (OSError, subprocess.SubprocessError) as error:
        problems.append(f"no IPv6 neighbours: {error} (Debian package iproute2)")
    return Neighbours(gathered(pairs), tuple(problems))


def gathered(pairs: list[tuple[str, str]]) -> dict[str, tuple[str, ...]]:
    """Return MAC -> addresses of (MAC, address) pairs, each address once, in order."""
    found: dict[str, dict[str, None]] = {}
    for mac, address in pairs:
        found.setdefault(mac, {})[address] = None
    return {mac: tuple(addresses) for mac, addresses in found.items()}


def parse_arp(text: str) -> Iterator[tuple[str, str]]:
    """Yield (MAC, address) of the complete entries of `/proc/net/arp`; other lines are passed."""
    for line in text.splitlines()[1:]:
        words = line.split()
        if len(words) < 6 or not words[2].startswith("0x"):
            continue
        try:
            complete = int(words[2], 16) & _COMPLETE
        except ValueError:
            continue
        mac, address = _mac(words[3]), _address(words[0])
        if complete and mac and address:
            yield mac, address


def parse_ip_neigh(text: str) -> Iterator[tuple[str, str]]:
    """Yield (MAC, address) of the usable lines of `ip neigh show`."""
    for line in text.splitlines():
        words = line.split()
        if not words or not _UNUSABLE.isdisjoint(words) or "lladdr" not in words[:-1]:
            continue
        mac = _mac(words[words.index("lladdr") + 1])
        address = _address(words[0])
        if mac and address:
            yield mac, address


def _mac(text: str) -> str | None:
    mac = text.lower()
    return mac if _MAC.fullmatch(mac) and mac != _NOTHING else None


def _address(text: str) -> str | None:
    try:
        return str(ipaddress.ip_address(text.partition("%")[0]))
    except ValueError:
        return None
