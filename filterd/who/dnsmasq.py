"""dnsmasq's lease file, for IPv4 and IPv6 (dnsmasq(8), `--dhcp-leasefile`; src/lease.c).

    1767225600 00:00:5e:00:53:07 192.0.2.7 room-3 01:00:00:5e:00:53:07
    duid 00:01:00:01:...
    1767225600 6298707 2001:db8::7 room-3 00:01:00:01:...:00:00:5e:00:53:07

A line is the end of the lease (unix seconds, 0: never), the MAC address or for IPv6 the IAID, the
address, the host name or `*`, and the client's identifier. The whole file is written anew at
each change.
"""

from collections.abc import Iterator
from math import inf

from filterd.who.sighting import Sighting, read_address, read_duid, read_label, read_mac

_HARDWARE_ETHERNET = "01-"  # a hardware type is written before addresses that are not Ethernet's


class Dnsmasq:
    """The format of dnsmasq."""

    name = "dnsmasq"
    appended = False

    def __init__(self) -> None:
        self.bad = 0

    def read(self, lines: Iterator[str]) -> Iterator[Sighting]:
        """Yield the leases; other lines are counted in `bad`."""
        for line in lines:
            words = line.split()
            if not words or words[0] == "duid":
                continue
            found = _lease(words)
            if found is None:
                self.bad += 1
            else:
                yield found

    def begin(self) -> None:
        """The file begins anew."""
        self.bad = 0


def _lease(words: list[str]) -> Sighting | None:
    if len(words) < 4 or not words[0].isascii() or not words[0].isdigit() or len(words[0]) > 12:
        return None
    address = read_address(words[2])
    if not address:
        return None
    by_duid = ":" in address
    if by_duid:
        mac = read_duid(words[4]) if len(words) > 4 else ""
    else:
        mac = read_mac(words[1].removeprefix(_HARDWARE_ETHERNET))
    host = "" if words[3] == "*" else read_label(words[3])
    until = float(words[0]) or inf
    return Sighting(address, mac=mac, host=host, until=until, claimed=by_duid)
