"""Where a redirected connection goes: the door of ours that the networks behind us can reach."""

import ipaddress
from collections.abc import Iterable

from filterd.config.addresses import ListenAddress

FAMILIES = {4: "ipv4", 6: "ipv6"}
ADDRESSES = {4: "ip", 6: "ip6"}


def door(listening: Iterable[ListenAddress], version: int) -> ListenAddress | None:
    """Return the door for a family (4 or 6): one on every address, else the first that is not
    loopback, which nobody else reaches, or link-local; None where there is none.
    """
    found: ListenAddress | None = None
    for each in listening:
        address = ipaddress.ip_address(each.host)
        if address.version != version or address.is_loopback or address.is_link_local:
            continue
        if address.is_unspecified:
            return each
        found = found or each
    return found


def leading_to(one: ListenAddress) -> str:
    """Return the action that leads there. A door on every address is found at the interface's
    own, so that the answer comes from where the client looks.
    """
    address = ipaddress.ip_address(one.host)
    if address.is_unspecified:
        return f"redirect to :{one.port}"
    host = one.host if address.version == 4 else f"[{one.host}]"
    return f"dnat {ADDRESSES[address.version]} to {host}:{one.port}"


def asked_there(one: ListenAddress) -> str:
    """Return the match of a packet that is on its way to that door already."""
    address = ipaddress.ip_address(one.host)
    if address.is_unspecified:
        return "fib daddr type local"
    return f"{ADDRESSES[address.version]} daddr {one.host}"
