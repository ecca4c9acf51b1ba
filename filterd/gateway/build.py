"""Configuration to plan: pure, the same plan for the same configuration.

Two ways lead through the table. `prerouting` sends DNS, and the web where it is filtered, to our
own doors; `forward` refuses what would go round them. Each looks up who it is and goes on in the
chain of that group, so counts are per group and never per client. We only ever refuse: what we let
pass other tables may still refuse (an `accept` ends our table alone).
"""

import ipaddress
import re
import unicodedata
from collections.abc import Iterable, Iterator

from filterd.config.addresses import ListenAddress
from filterd.config.schema import Config
from filterd.gateway.doors import ADDRESSES, FAMILIES, asked_there, door, leading_to
from filterd.gateway.plan import Chain, Map, Plan, Rule, Set
from filterd.gateway.who import known_to_dns_alone, who_maps

_RESET, _REFUSE = "reject with tcp reset", "reject with icmpx admin-prohibited"
_WEB = "tcp dport { 80, 443 }"
_TYPES = {4: "ipv4_addr", 6: "ipv6_addr"}
NAT = "type nat hook prerouting priority dstnat - 10; policy accept;"
FORWARD = "type filter hook forward priority filter - 10; policy accept;"
# WireGuard, OpenVPN, L2TP, PPTP; IKE and IPsec; Tor's relays. Others use other ports. By number,
# for a small system has no /etc/protocols: 47 is GRE, 50 and 51 are ESP and AH.
TUNNELS = (
    ("udp dport { 1194, 1701, 51820 }", "vpn"),
    ("tcp dport { 1194, 1723 }", "vpn"),
    ("meta l4proto 47", "vpn"),
    ("udp dport { 500, 4500 }", "ipsec"),
    ("meta l4proto { 50, 51 }", "ipsec"),
    ("tcp dport { 9001, 9030, 9050, 9150 }", "tor"),
)
MOST_OPEN = 65_536  # addresses that the daemon keeps open in one set
# Twice as many: what was there when the daemon began stays until its time is over.
RESOLVED_SIZE, UNRESOLVED_SIZE, UNRESOLVED_SECONDS = 2 * MOST_OPEN, 4_096, 86_400


def build_plan(config: Config) -> Plan:
    """Return the plan for a configuration whose `gateway.on` is true."""
    gateway = config.gateway
    slugs = _slugs(config.groups)
    named = {"doh": gateway.doh, "exempt": gateway.exempt, "reachable": gateway.reachable}
    sets = [Set("lan", ("type ifname",), tuple(_quoted(gateway.lan)))]
    if gateway.uplink:
        sets.append(Set("uplink", ("type ifname",), tuple(_quoted(gateway.uplink))))
    for name, networks in named.items():
        sets += _networks(name, networks)
    have = {each.name for each in sets}
    nat = {name: f"nat_{slug}" for name, slug in slugs.items()}
    egress = {name: f"egress_{slug}" for name, slug in slugs.items()}
    maps: list[Map] = []
    notes: list[str] = []
    chains = [Chain(nat[name], tuple(_nat(config, name, have)), group=name) for name in slugs]
    found, lookups = who_maps(config, "nat", nat)
    maps += found
    chains.append(
        Chain("prerouting", (Rule("iifname != @lan", "accept"), *_left(have), *lookups), NAT)
    )
    for name, slug in slugs.items():
        chains.append(Chain(egress[name], tuple(_egress(config, name, slug, have)), group=name))
        if name in gateway.egress.groups:
            sets += _gate_sets(slug)
    found, lookups = who_maps(config, "egress", egress)
    maps += found
    out = "oifname != @uplink" if gateway.uplink else "oifname @lan"
    first = (Rule("iifname != @lan", "accept"), Rule(out, "accept"), *_left(have))
    chains.append(Chain("forward", (*first, *lookups), FORWARD))
    if gateway.redirect_dns:
        notes += [f"no-dns-door{v}" for v in (4, 6) if _dns_door(config, v) is None]
    if not config.http.listen.transparent:
        notes.append("no-web")
    if any(_web_is_filtered(config, name) for name in slugs):
        notes += [f"no-web-door{v}" for v in _without_web_door(config)]
    if not gateway.doh:
        notes.append("no-doh")
    if known_to_dns_alone(config):
        notes.append("who-by-network")
    return Plan(tuple(sets), tuple(maps), tuple(chains), tuple(notes))


def resolved_sets(config: Config) -> dict[str, tuple[str, str]]:
    """Return the sets (IPv4, IPv6) of addresses that each group may reach, if it is strict."""
    slugs = _slugs(config.groups).items()
    return {name: (f"resolved_{slug}4", f"resolved_{slug}6") for name, slug in slugs}


def _left(have: set[str]) -> Iterator[Rule]:
    """Who and what is left alone altogether."""
    for name, field in (("exempt", "saddr"), ("reachable", "daddr")):
        for version, family in ADDRESSES.items():
            if f"{name}{version}" in have:
                yield Rule(f"{family} {field} @{name}{version}", "accept")


def _nat(config: Config, name: str, have: set[str]) -> Iterator[Rule]:
    """What of a group comes to our own doors."""
    if config.gateway.redirect_dns:
        for protocol, doors in (("udp", config.listen.udp), ("tcp", config.listen.tcp)):
            yield from _led(doors, f"{protocol} dport 53", f"dns-{protocol}", own=53)
    if _web_is_filtered(config, name):
        inside = ", ".join(_quoted(("lo", *config.gateway.lan)))
        yield Rule(f"fib daddr oifname {{ {inside} }}", "accept")
        if _closes_encrypted(config, name):  # refused and counted there, not here
            for version, family in ADDRESSES.items():
                if f"doh{version}" in have:
                    yield Rule(f"{family} daddr @doh{version} tcp dport 443", "accept")
        yield from _led(config.http.listen.transparent, _WEB, "web")


def _led(
    doors: Iterable[ListenAddress], what: str, key: str, own: int | None = None
) -> Iterator[Rule]:
    doors = tuple(doors)
    for version, family in FAMILIES.items():
        there = door(doors, version)
        if there is None:
            continue
        match = f"meta nfproto {family} {what}"
        if there.port == own:
            yield Rule(f"{match} {asked_there(there)}", "accept")
        yield Rule(match, leading_to(there), key)


def _egress(config: Config, name: str, slug: str, have: set[str]) -> Iterator[Rule]:
    """What of a group goes no further."""
    gateway, group = config.gateway, config.groups[name]
    if gateway.redirect_dns:
        # Only what no door of ours took comes here: a family in which we have none.
        yield Rule("udp dport 53", _REFUSE, "dns-refused")
        yield Rule("tcp dport 53", _RESET, "dns-refused")
    if _closes_encrypted(config, name):
        yield Rule("tcp dport 853", _RESET, "dot")
        yield Rule("udp dport 853", _REFUSE, "doq")
        for version, family in ADDRESSES.items():
            if f"doh{version}" in have:
                yield Rule(f"{family} daddr @doh{version} tcp dport 443", _RESET, "doh")
                yield Rule(f"{family} daddr @doh{version} udp dport 443", _REFUSE, "doh")
    if gateway.close_quic and group.filtered:
        yield Rule("udp dport 443", _REFUSE, "quic")
    if _web_is_filtered(config, name):
        # Else it would go round the HTTP filter, and nobody would see it.
        for version in _without_web_door(config):
            yield Rule(f"meta nfproto {FAMILIES[version]} {_WEB}", _RESET, "web-refused")
    if gateway.count_bypass and group.bypass_protection:
        yield from _tunnels(closed=name in gateway.egress.groups and gateway.egress.enforce)
    if name in gateway.egress.groups:
        yield from _gate(slug, enforce=gateway.egress.enforce)


def _web_is_filtered(config: Config, name: str) -> bool:
    doors = config.http.listen.transparent
    return config.gateway.redirect_web and bool(doors) and config.groups[name].filtered


def _without_web_door(config: Config) -> list[int]:
    """Return the families that the HTTP filter has no door for."""
    return [v for v in FAMILIES if door(config.http.listen.transparent, v) is None]


def _closes_encrypted(config: Config, name: str) -> bool:
    return config.gateway.close_encrypted_dns and config.groups[name].bypass_protection


def _tunnels(*, closed: bool) -> Iterator[Rule]:
    """Ports of VPNs and Tor: counted, and for a strict group refused, although a name may lead
    there. See `filterd/bypass/`.
    """
    for match, key in TUNNELS:
        refusal = _RESET if match.startswith("tcp") else _REFUSE
        yield Rule(match if closed else f"ct state new {match}", refusal if closed else "", key)


def _gate(slug: str, *, enforce: bool) -> Iterator[Rule]:
    # Not what somebody outside began: a packet from there would open the way back.
    yield Rule("ct state established ct direction original", "accept")
    yield Rule("ct state related", "accept")
    for version, family in ADDRESSES.items():
        yield Rule(f"{family} daddr @resolved_{slug}{version}", "accept")
    for version, family in ADDRESSES.items():
        # Where to, never who: a log of the kernel's would have the client's address.
        where = f"{{ {family} daddr . meta l4proto . th dport }}"
        yield Rule(
            f"meta nfproto {FAMILIES[version]} meta l4proto {{ tcp, udp }}",
            f"update @unresolved_{slug}{version} {where}",
        )
    if not enforce:
        yield Rule("", "accept", "gate-learning")
        return
    yield Rule("meta l4proto tcp", _RESET, "gate")
    yield Rule("", _REFUSE, "gate")


def _gate_sets(slug: str) -> Iterator[Set]:
    for version, kind in _TYPES.items():
        lines = (f"type {kind}", f"size {RESOLVED_SIZE}", "flags timeout")
        yield Set(f"resolved_{slug}{version}", lines, learned=True)
        yield Set(
            f"unresolved_{slug}{version}",
            (
                f"type {kind} . inet_proto . inet_service",
                f"size {UNRESOLVED_SIZE}",
                "flags dynamic,timeout",
                f"timeout {UNRESOLVED_SECONDS}s",
            ),
            learned=True,
        )


def _networks(name: str, networks: Iterable[str]) -> Iterator[Set]:
    parsed = [ipaddress.ip_network(each) for each in networks]
    for version, kind in _TYPES.items():
        own = sorted(ipaddress.collapse_addresses(n for n in parsed if n.version == version))  # type: ignore[type-var]
        if own:
            yield Set(f"{name}{version}", (f"type {kind}", "flags interval"), tuple(map(str, own)))


def _dns_door(config: Config, version: int) -> ListenAddress | None:
    return door(config.listen.udp, version) and door(config.listen.tcp, version)


def _quoted(names: Iterable[str]) -> Iterator[str]:
    return (f'"{name}"' for name in names)


def _slugs(groups: Iterable[str]) -> dict[str, str]:
    """Name each group in letters that a chain's name may have; a number keeps two apart."""
    slugs: dict[str, str] = {}
    for number, name in enumerate(groups, 1):
        letters = unicodedata.normalize("NFKD", name.lower().replace("đ", "d"))
        plain = "".join(each for each in letters if not unicodedata.combining(each))
        plain = re.sub(r"[^a-z0-9]+", "_", plain)[:16].strip("_")
        taken = not re.search("[a-z]", plain) or plain in slugs.values()
        slugs[name] = f"{plain}_{number}".lstrip("_") if taken else plain
    return slugs
