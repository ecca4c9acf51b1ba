"""Who is in which group, as maps for nftables, in the order of DNS: addresses of known clients,
then devices, then networks of clients and groups, of which the smallest that holds an address
wins. Of equal ones a client's does.
"""

import ipaddress
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from filterd.config.schema import Config
from filterd.gateway.plan import Map, Rule
from filterd.model.client_id import IdKind, kind_of

IPNetwork = ipaddress.IPv4Network | ipaddress.IPv6Network
_TYPES = {4: "ipv4_addr", 6: "ipv6_addr"}
_SOURCES = {4: "ip saddr", 6: "ip6 saddr"}


def who_maps(config: Config, part: str, chains: Mapping[str, str]) -> tuple[list[Map], list[Rule]]:
    """Return the maps, and the rules that look into them in turn, ending with the default group.

    `part` begins the maps' names, `chains` has each group's chain.
    """
    devices: list[tuple[str, str]] = []
    addresses: list[tuple[IPNetwork, str]] = []
    networks = [
        (ipaddress.ip_network(each), name)
        for name, group in config.groups.items()
        for each in group.networks
    ]
    for client in config.clients.values():
        for each in client.ids:
            written = kind_of(each)
            if written is IdKind.MAC:
                devices.append((each, f"goto {chains[client.group]}"))
            elif written is IdKind.NETWORK:
                network = ipaddress.ip_network(each)
                one = network.prefixlen == network.max_prefixlen
                (addresses if one else networks).append((network, client.group))
    maps = [
        *_by_address(f"{part}_clients", addresses, chains),
        *_by_device(f"{part}_devices", devices),
        *_by_address(f"{part}_networks", networks, chains),
    ]
    rules = [Rule("", f"{source} vmap @{each.name}") for source, each in maps]
    last = Rule("", f"goto {chains[config.default_group]}")
    return [each for _, each in maps], [*rules, last]


def _by_device(name: str, devices: list[tuple[str, str]]) -> Iterator[tuple[str, Map]]:
    if devices:
        yield "ether saddr", Map(name, ("type ether_addr : verdict",), tuple(sorted(devices)))


def _by_address(
    name: str, owned: list[tuple[IPNetwork, str]], chains: Mapping[str, str]
) -> Iterator[tuple[str, Map]]:
    """Yield a map for each family, with what is looked up in it."""
    for version, source in _SOURCES.items():
        elements = tuple(
            (str(network), f"goto {chains[group]}")
            for network, group in apart(each for each in owned if each[0].version == version)
        )
        if elements:
            lines = (f"type {_TYPES[version]} : verdict", "flags interval")
            yield source, Map(f"{name}{version}", lines, elements)


def apart(owned: Iterable[tuple[IPNetwork, str]]) -> list[tuple[IPNetwork, str]]:
    """Return the same ownership as networks that do not overlap, in order of address; all are of
    one family.

    A map of nftables holds no network within another; what is around one is cut. It is one pass,
    for a school may name thousands of addresses.
    """
    pieces: list[tuple[IPNetwork, str]] = []
    around: list[_Cut] = []  # each within the one before it
    for network, owner in sorted(dict(owned).items(), key=lambda each: each[0]):
        one = _Cut(network, owner, int(network.network_address), int(network.broadcast_address) + 1)
        while around and around[-1].end <= one.begin:
            pieces += around.pop().before(None)
        if around:
            pieces += around[-1].before(one)
        around.append(one)
    while around:
        pieces += around.pop().before(None)
    return pieces


@dataclass(slots=True)
class _Cut:
    """A network while others are cut out of it. From `begin` to before `end` is not dealt out yet;
    both are addresses as numbers.
    """

    network: IPNetwork
    owner: str
    begin: int
    end: int

    def before(self, hole: "_Cut | None") -> Iterator[tuple[IPNetwork, str]]:
        """Deal out what comes before `hole`, which others have; None: all that is left."""
        begin, end = self.begin, self.end if hole is None else hole.begin
        self.begin = self.end if hole is None else hole.end
        if begin < end:
            address = type(self.network.network_address)
            for each in ipaddress.summarize_address_range(address(begin), address(end - 1)):
                yield each, self.owner


def known_to_dns_alone(config: Config) -> bool:
    """Whether a client is known by a user, a class or a host name. The table is made beforehand,
    so it takes such a client by its network.
    """
    kinds = {kind_of(each) for client in config.clients.values() for each in client.ids}
    return not kinds <= {IdKind.MAC, IdKind.NETWORK}
