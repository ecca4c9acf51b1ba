"""`gateway`: what the firewall of this machine does for the networks behind it (nftables)."""

import re
from typing import Annotated, Any

from pydantic import Field

from filterd.config.section import Section
from filterd.config.text import Text, written
from filterd.config.types import Duration, Network, Word


def read_interface(value: Any) -> str:
    """Return the name of a network interface: at most 15 characters, as the kernel has them."""
    text = written(value)
    if not re.fullmatch(r"[A-Za-z0-9_.:@-]{1,15}", text) or text in {".", ".."}:
        raise ValueError(f"{text[:40]!r} is no network interface")
    return text


Interface = Annotated[
    str,
    Text(
        read_interface,
        str,
        "the name of a network interface, as `ip link` shows it, such as eth1 or br-lan",
        ("br-lan",),
    ),
]


class EgressConfig(Section):
    """Addresses that strict groups may reach: those that filterd's own DNS answered them with, and
    `reachable`. It stops tunnels and resolvers that are dialled by address.
    """

    groups: tuple[Word, ...] = ()
    """The strict groups."""
    enforce: bool = False
    """false: learn, which refuses nothing, and counts and remembers what would have been refused
    (addresses and ports, never who); true: refuse it."""
    grace: Duration = Field(default=600.0, le=604_800.0)
    """How long an address stays open beyond the TTL of the answer that it was in."""
    least: Duration = Field(default=1800.0, le=604_800.0)
    """How long at least: programs go back to an address long after they asked for it."""


class GatewayConfig(Section):
    """The firewall of a machine that stands between a school's networks and its uplink
    (`filterd gateway apply`). Off unless `lan` names an interface.
    """

    lan: tuple[Interface, ...] = ()
    """Interfaces that the school's networks are on."""
    uplink: tuple[Interface, ...] = ()
    """Interfaces to the internet; left out: all that are not in `lan`."""
    redirect_dns: bool = True
    """Queries to any resolver are answered by filterd, whatever the group."""
    close_encrypted_dns: bool = True
    """Refuse DNS over TLS and QUIC (port 853), and HTTPS to `doh`, for groups with
    `bypass_protection`."""
    close_quic: bool = True
    """Refuse QUIC (UDP 443) for filtered groups, so that browsers use TLS at once."""
    count_bypass: bool = True
    """Count attempts at usual ports of VPNs and Tor for groups with `bypass_protection`
    (`filterd bypass`), and refuse them to strict groups that are held to it."""
    redirect_web: bool = True
    """Send TCP 80 and 443 of filtered groups to `http.listen.transparent`, where it is set; refuse
    them over IPv4 or IPv6 where it has no address of that kind."""
    doh: tuple[Network, ...] = ()
    """Addresses that serve DNS over HTTPS and nothing else; others would be lost with them."""
    exempt: tuple[Network, ...] = ()
    """Clients that nothing of this applies to, such as the school's own name server."""
    reachable: tuple[Network, ...] = ()
    """Addresses that every client reaches as if there were no filter, whatever the port."""
    egress: EgressConfig = EgressConfig()
    """Addresses that strict groups may reach."""

    @property
    def on(self) -> bool:
        """Whether this machine is a gateway at all."""
        return bool(self.lan)
