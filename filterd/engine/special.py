"""Names that never go upstream: RFC 6761 (localhost, invalid, test), 6303 (private reverse zones),
6762 (local), 7686 (onion), 8375 (home.arpa), 9462 (resolver.arpa).

A local record or a forwarded zone for such a name comes first; see `local.py`.
"""

from ipaddress import IPv4Network, IPv6Network

NXDOMAIN = 3
NOERROR = 0

# RFC 6761 6.2-6.4, 6762 22.1, 7686 2, 8375 4: never known to the public DNS.
_UNKNOWN = ("test", "invalid", "local", "onion", "home.arpa", "internal", "alt")
# RFC 9462 section 4: designated resolvers are not offered, so the answer is empty.
_EMPTY = ("resolver.arpa",)

_V4_PRIVATE = (
    *(f"{n}.in-addr.arpa" for n in ("0", "10", "127")),
    *(f"{n}.172.in-addr.arpa" for n in range(16, 32)),
    *(f"{n}.100.in-addr.arpa" for n in range(64, 128)),  # RFC 7793
    "168.192.in-addr.arpa",
    "254.169.in-addr.arpa",
    "2.0.192.in-addr.arpa",
    "100.51.198.in-addr.arpa",
    "113.0.203.in-addr.arpa",
    "255.255.255.255.in-addr.arpa",
)
_V6_PRIVATE = (
    "0." * 32 + "ip6.arpa",
    "1." + "0." * 31 + "ip6.arpa",
    "d.f.ip6.arpa",
    *(f"{d}.e.f.ip6.arpa" for d in "89ab"),
    "8.b.d.0.1.0.0.2.ip6.arpa",
)

ZONES: dict[str, int] = {
    **dict.fromkeys((*_UNKNOWN, *_V4_PRIVATE, *_V6_PRIVATE), NXDOMAIN),
    **dict.fromkeys(_EMPTY, NOERROR),
}
"""Zone to the rcode of every name in it."""

LOCALHOST = {1: str(IPv4Network("127.0.0.1").network_address), 28: str(IPv6Network("::1")[0])}
"""RFC 6761 section 6.3: localhost and everything under it is this machine."""
