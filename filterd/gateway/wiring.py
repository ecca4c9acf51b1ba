"""Whether the configuration fits the machine's wires. A mistyped interface, or a box whose uplink
is its LAN, is a table in force that filters nothing. Facts are read in one place; judging is pure.
"""

import socket
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from filterd.config.gateway import GatewayConfig

ROUTES = Path("/proc/self/net")  # of the network that this process is in
_UP, _REJECT = 0x1, 0x200  # RTF_UP and RTF_REJECT of linux/route.h


@dataclass(frozen=True, slots=True)
class Wiring:
    """The names of the machine's interfaces, and of those that a default route leaves by; empty
    where they could not be read.
    """

    interfaces: frozenset[str] = frozenset()
    default: frozenset[str] = frozenset()


def read_wiring(routes: Path = ROUTES) -> Wiring:
    """Look at the machine. What cannot be read is left out, and nothing is said of it."""
    names: frozenset[str] = frozenset()
    with suppress(OSError):
        names = frozenset(name for _, name in socket.if_nameindex())
    leaving: set[str] = set()
    for file, read in (("route", default_ipv4), ("ipv6_route", default_ipv6)):
        with suppress(OSError):
            leaving |= set(read((routes / file).read_text("ascii", "replace")))
    return Wiring(names, frozenset(leaving))


def wiring_doubts(gateway: GatewayConfig, wiring: Wiring) -> Iterator[tuple[str, str]]:
    """Yield (key of `words.WIRES`, interface) of what lets everybody past the filter."""
    for name in (*gateway.lan, *gateway.uplink):
        if wiring.interfaces and name not in wiring.interfaces:
            yield "no-interface", name
    for name in sorted(wiring.default):
        if name in gateway.lan:
            yield "default-by-lan", name
        elif gateway.uplink and name not in gateway.uplink:
            yield "default-past-uplink", name


def default_ipv4(text: str) -> Iterator[str]:
    """Yield the interfaces of default routes in `/proc/net/route`; other lines are passed over."""
    for line in text.splitlines()[1:]:
        words = line.split()
        if len(words) >= 8 and words[1] == words[7] == "00000000" and _leads_on(words[3]):
            yield words[0]


def default_ipv6(text: str) -> Iterator[str]:
    """Yield the interfaces of default routes in `/proc/net/ipv6_route`."""
    for line in text.splitlines():
        words = line.split()
        if len(words) >= 10 and words[0] == "0" * 32 and words[1] == "00" and _leads_on(words[8]):
            yield words[9]


def _leads_on(flags: str) -> bool:
    try:
        return int(flags, 16) & (_UP | _REJECT) == _UP
    except ValueError:
        return False
