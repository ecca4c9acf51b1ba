"""Where an address belongs, by the configuration: whose a client is, and what is outside. Pure."""

import ipaddress
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import lru_cache

from filterd.config.access import LOOPBACK, PRIVATE, WIDEST
from filterd.config.schema import Config
from filterd.model.client_id import IdKind, kind_of

Network = ipaddress.IPv4Network | ipaddress.IPv6Network
_MANY = 65_536  # addresses whose place is remembered


@dataclass(frozen=True, slots=True)
class Places:
    """Addresses are bytes (4 or 16), devices MAC addresses as bytes.

    `group_of(device, address)`: the group of a client, looked for in the order of DNS; None where
    signals of it are nobody's business: it is outside, exempt, or of a group that may go round the
    filter.
    `outside(address)`: whether a connection there leaves the school and is not let through for
    everybody. `doh(address)`: whether it is among `gateway.doh`.
    """

    group_of: Callable[[bytes, bytes], str | None]
    outside: Callable[[bytes], bool]
    doh: Callable[[bytes], bool]


def places_of(config: Config) -> Places:
    """Return the places of a configuration."""
    devices: dict[bytes, str] = {}
    known: dict[bytes, str] = {}
    owned: list[tuple[Network, str]] = []
    for client in config.clients.values():
        for each in client.ids:
            written = kind_of(each)  # a capture does not show who logged in, or a lease's host
            if written is IdKind.MAC:
                devices[bytes.fromhex(each.replace(":", ""))] = client.group
            elif written is IdKind.NETWORK:
                network = ipaddress.ip_network(each)
                owned.append((network, client.group))
                if network.prefixlen == network.max_prefixlen:
                    known[network.network_address.packed] = client.group
    owned += [
        (ipaddress.ip_network(each), name)
        for name, group in config.groups.items()
        for each in group.networks
    ]
    networks = sorted(owned, key=lambda each: -each[0].prefixlen)  # of equal ones the client's
    # A group's network may be "everybody"; that says nothing of where the school ends.
    inside = [each for each, _ in networks if each.prefixlen >= WIDEST[each.version]]
    inside += map(ipaddress.ip_network, (*LOOPBACK, *PRIVATE, *config.access.networks))
    exempt = [ipaddress.ip_network(each) for each in config.gateway.exempt]
    reachable = [ipaddress.ip_network(each) for each in config.gateway.reachable]
    doh = [ipaddress.ip_network(each) for each in config.gateway.doh]
    guarded = {n for n, group in config.groups.items() if group.bypass_protection}
    own = {ipaddress.ip_address(each.host) for each in (*config.listen.udp, *config.listen.tcp)}

    @lru_cache(_MANY)
    def group_of(device: bytes, address: bytes) -> str | None:
        at = ipaddress.ip_address(address)
        if at in own or not _in(at, inside) or _in(at, exempt):
            return None
        found = (
            known.get(address)
            or devices.get(device)
            or next((name for network, name in networks if at in network), config.default_group)
        )
        return found if found in guarded else None

    @lru_cache(_MANY)
    def outside(address: bytes) -> bool:
        at = ipaddress.ip_address(address)
        near = at.is_multicast or at.is_unspecified or address == b"\xff" * 4 or at in own
        return not (near or _in(at, inside) or _in(at, reachable))

    @lru_cache(_MANY)
    def is_doh(address: bytes) -> bool:
        return _in(ipaddress.ip_address(address), doh)

    return Places(group_of, outside, is_doh)


def _in(
    address: ipaddress.IPv4Address | ipaddress.IPv6Address, networks: Iterable[Network]
) -> bool:
    return any(address in network for network in networks)
