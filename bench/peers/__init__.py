"""Other servers with the same list, where they are installed: only for comparison.

Each has a file that writes its configuration; to add one, write such a file and name it in PEERS.
"""

from bench.peers import dnsdist, dnsmasq, kresd, named, plain, recursor, unbound
from bench.peers.base import Peer, Place

__all__ = ["PEERS", "QUICK", "Peer", "Place"]

# Programs that are known, but that nobody has written a right configuration for here.
_UNKNOWN = (
    Peer("AdGuard Home", "AdGuardHome", None),
    Peer("blocky", "blocky", None),
    Peer("Technitium", "technitium", None),
    Peer("Pi-hole FTL", "pihole-FTL", None),
)
PEERS: tuple[Peer, ...] = (
    *unbound.PEERS,
    *named.PEERS,
    *recursor.PEERS,
    *kresd.PEERS,
    *dnsdist.PEERS,
    *dnsmasq.PEERS,
    *plain.PEERS,
    *_UNKNOWN,
)
QUICK = ("dnsdist", "pdns-recursor")
"""The two that cost least, for a run that is to be short."""
