"""`access`: who is answered at all."""

from typing import Literal

from filterd.config.section import Section
from filterd.config.types import Network

LOOPBACK = ("127.0.0.0/8", "::1/128")
# RFC 1918, RFC 6598, RFC 3927, RFC 4193, RFC 4291 section 2.5.6.
PRIVATE = (
    "10.0.0.0/8",
    "172.16.0.0/12",
    "192.168.0.0/16",
    "100.64.0.0/10",
    "169.254.0.0/16",
    "fc00::/7",
    "fe80::/10",
)
# By IP version. A group's network that is wider says "all the others", not "everybody on the
# internet".
WIDEST = {4: 8, 6: 16}


class AccessConfig(Section):
    """Who is answered. A resolver that answers everybody is soon used to attack others."""

    private: bool = True
    """Answer private, link-local and carrier-grade NAT (100.64.0.0/10) addresses. Loopback is
    always answered, and so are the networks and addresses of groups and clients; but a group's
    network wider than /8, or /16 for IPv6, counts only if it stands in `networks` too."""
    networks: tuple[Network, ...] = ()
    """More networks that are answered, such as those of a provider's customers."""
    others: Literal["refuse", "drop"] = "refuse"
    """What everybody else gets over UDP: refuse: the answer REFUSED; drop: none. Their TCP
    connections are closed at once."""
