"""What `ip -j` says of this machine: interfaces, their addresses, where the internet is."""

import ipaddress
import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Link:
    """An interface. `addresses`: with lengths, link-local ones left out."""

    name: str
    up: bool
    addresses: tuple[str, ...]


def read_links(text: str) -> tuple[Link, ...]:
    """Return what `ip -j address` printed, without loopback.

    Raises:
        ValueError: it is not that.
    """
    found = []
    for each in _mappings(text):
        if "LOOPBACK" in each.get("flags", ()):
            continue
        addresses = (
            f"{one['local']}/{one['prefixlen']}"
            for one in each.get("addr_info", ())
            if "local" in one and "prefixlen" in one
        )
        usable = tuple(one for one in addresses if not ipaddress.ip_interface(one).ip.is_link_local)
        found.append(Link(str(each["ifname"]), "UP" in each.get("flags", ()), usable))
    return tuple(found)


def read_default(text: str) -> tuple[str, ...]:
    """Return the interfaces of what `ip -j route show default` printed; ValueError."""
    return tuple(dict.fromkeys(str(each["dev"]) for each in _mappings(text) if "dev" in each))


def suggested(
    links: Iterable[Link], default: Iterable[str]
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return which interfaces are likely the school's and which the uplink's. A bridge's members
    have no address, so what has one comes first.
    """
    uplink = tuple(default)
    others = [each for each in links if each.name not in uplink]
    addressed = [each.name for each in others if each.addresses]
    return tuple(addressed or [each.name for each in others]), uplink


def _mappings(text: str) -> list[dict[str, Any]]:
    value = json.loads(text or "[]")
    items = value if isinstance(value, list) else [value]
    return [each for each in items if isinstance(each, dict) and each]
