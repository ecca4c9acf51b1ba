"""What one part of a configuration says against another, without looking at any rule book."""

import ipaddress
from collections import defaultdict
from collections.abc import Iterator

from filterd.config.addresses import ListenAddress, Transport
from filterd.config.problem import Path, Problem
from filterd.config.schema import Config


def cross_problems(config: Config) -> Iterator[Problem]:
    """Yield what contradicts itself: networks, clients, records, doors, answers."""
    yield from _networks(config)
    yield from _clients(config)
    yield from _records(config)
    yield from _doors(config)
    yield from _gateway(config)
    yield from _torn((), config.allow, config.block)
    for name, group in config.groups.items():
        yield from _torn(("groups", name), group.allow, group.block)
    if config.cache.min_ttl > config.cache.max_ttl:
        yield Problem(("cache", "min_ttl"), "is above max_ttl; allowed: at most max_ttl")
    doors = {Transport.UDP: config.listen.udp, Transport.TCP: config.listen.tcp}
    for index, server in enumerate(config.upstream.servers):
        if ListenAddress(server.host, server.port) in doors.get(server.transport, ()):
            yield Problem(
                ("upstream", "servers", index),
                f"{server} is where filterd itself listens; name the resolver behind it",
            )
    for index, server in enumerate(config.upstream.bootstrap):
        if server.needs_bootstrap:
            yield Problem(
                ("upstream", "bootstrap", index), "must be written by address; allowed: an IP"
            )


def _torn(place: Path, allow: tuple[str, ...], block: tuple[str, ...]) -> Iterator[Problem]:
    for index, name in enumerate(block):
        if name in allow:
            yield Problem((*place, "block", index), f"{name} is in `allow` too, which comes first")


def _networks(config: Config) -> Iterator[Problem]:
    owners: dict[str, Path] = {}
    for name, group in config.groups.items():
        for index, network in enumerate(group.networks):
            place: Path = ("groups", name, "networks", index)
            if network in owners:
                yield Problem(place, f"{network} belongs to group {owners[network][1]!r} already")
            owners.setdefault(network, place)


def _clients(config: Config) -> Iterator[Problem]:
    owners: dict[str, str] = {}
    for name, client in config.clients.items():
        for index, known in enumerate(client.ids):
            if known in owners:
                yield Problem(
                    ("clients", name, "ids", index), f"{known} is client {owners[known]!r} already"
                )
            owners.setdefault(known, name)


def _records(config: Config) -> Iterator[Problem]:
    """A CNAME stands alone (RFC 1034 section 3.6.2), and no chain leads back to itself."""
    kinds: dict[str, list[str]] = defaultdict(list)
    seen: set[tuple[str, str, str]] = set()
    targets: dict[str, str] = {}
    for index, record in enumerate(config.records):
        place: Path = ("records", index)
        if (record.name, record.type, record.value) in seen:
            yield Problem(place, f"{record.name} {record.type} {record.value} is given twice")
            continue
        seen.add((record.name, record.type, record.value))
        kinds[record.name].append(record.type)
        if "CNAME" in kinds[record.name] and len(kinds[record.name]) > 1:
            yield Problem(place, f"{record.name} has a CNAME, so it can have no other record")
        if record.type == "CNAME":
            targets[record.name] = record.value.lower().rstrip(".")
            if _loops(record.name, targets):
                yield Problem(place, f"{record.name} leads back to itself")


def _loops(name: str, targets: dict[str, str]) -> bool:
    at = targets.get(name)
    for _ in targets:
        if at is None:
            return False
        if at == name:
            return True
        at = targets.get(at)
    return False


def _doors(config: Config) -> Iterator[Problem]:
    listen = config.listen
    if not listen.udp and not listen.tcp:
        yield Problem(("listen",), "no address to listen on; allowed: at least one")
    for kind, addresses in (("udp", listen.udp), ("tcp", listen.tcp)):
        seen = set()
        for index, address in enumerate(addresses):
            if address in seen and address.port:
                yield Problem(("listen", kind, index), f"{address} is given twice")
            seen.add(address)
    metrics = config.metrics.listen
    if metrics is not None and metrics.port and metrics in listen.tcp:
        yield Problem(("metrics", "listen"), f"{metrics} is a door for DNS already")
    for path, answer in (
        (("blocking",), config.blocking),
        *((("groups", name, "answer"), group.answer) for name, group in config.groups.items()),
    ):
        if answer is not None:
            yield from _addresses(path, answer.ipv4, answer.ipv6)


def _gateway(config: Config) -> Iterator[Problem]:
    """Whoever is sent to us must find a door that is not loopback's."""
    gateway = config.gateway
    doors = [config.listen.udp, config.listen.tcp] if gateway.on and gateway.redirect_dns else []
    for kind, listening in zip(("udp", "tcp"), doors, strict=False):
        if all(ipaddress.ip_address(each.host).is_loopback for each in listening):
            yield Problem(
                ("gateway", "lan"),
                f"devices there cannot reach filterd: listen.{kind} has loopback alone; "
                "allowed: listen on an address of this machine, or '0.0.0.0:53' and '[::]:53'",
            )
    for index, name in enumerate(gateway.uplink):
        if name in gateway.lan:
            yield Problem(("gateway", "uplink", index), f"{name} is in `lan` too")


def _addresses(path: Path, ipv4: str | None, ipv6: str | None) -> Iterator[Problem]:
    for key, text, kind in (
        ("ipv4", ipv4, ipaddress.IPv4Address),
        ("ipv6", ipv6, ipaddress.IPv6Address),
    ):
        if text is not None:
            try:
                kind(text)
            except ValueError:
                yield Problem(
                    (*path, key), f"{text[:40]!r} is no address; allowed: an {key} address"
                )
