"""`access`: who is answered at all."""

from typing import Literal

from filterd.config.section import Section
from filterd.config.types import Network


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
