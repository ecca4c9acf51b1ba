"""A small internet in a network namespace: a signed root and an authoritative server below it, web
servers, a resolver that nobody filters (DNS, DNS over TLS, DNS over HTTPS), and what VPNs and Tor would
talk to. Each name has addresses of its own, IPv4 and IPv6.
"""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.support import nginx
from tests.support.gateway import do, within
from tests.support.needs import program
from tests.support.root_zone import Root, knot_config, signed_root, zone_config
from tests.support.school_wires import open_ports
from tests.support.servers import answers_dns, running
from tests.support.tls import Authority, make_authority
from tests.support.unbound import unbound

ZONE = "site.example"
SITES = ("open", "games", "grown", "ordered", "tricks")
BOTH = (4, 6)

PLACE = {4: "198.51.100.9", 6: "2001:db8:99::9"}  # on the wire to the school; the root is there
SERVER = {4: "198.51.100.10", 6: "2001:db8:53::10"}  # of the zone
ROGUE = {4: "198.51.100.66", 6: "2001:db8:53::66"}  # the resolver that nobody knows
KNOWN = {4: "198.51.100.67", 6: "2001:db8:53::67"}  # the same, at addresses that schools close
FEED = "198.51.100.20"  # the ministry's
NET = {4: "203.0.113.0/24", 6: "2001:db8:113::/64"}
NAMELESS = {4: "203.0.113.99", 6: "2001:db8:113::99"}  # no name leads there
LIE = {4: "203.0.113.66", 6: "2001:db8:113::66"}  # what the rogue answers
TUNNELS = {"udp": (443, 500, 1194, 51820), "tcp": (1194, 9001)}
WEB_ELSEWHERE = 8443
DOH = "dns.rogue.example"
# Keys for ECH (RFC 9849), which would hide the name that a browser asks for.
ECH = "AAj+DQAEAAAAAA=="


def site(name: str) -> str:
    return f"{name}.{ZONE}"


def address(name: str, version: int) -> str:
    """Return where a site is."""
    number = SITES.index(name) + 1
    return f"203.0.113.{number}" if version == 4 else f"2001:db8:113::{number}"


def page(name: str) -> str:
    """Return what a site says."""
    return f"the page of {name}"


def url_host(where: str) -> str:
    """Return an address as it stands in a URL."""
    return f"[{where}]" if ":" in where else where


@dataclass(frozen=True)
class Internet:
    """`name`: its namespace; `root`: what a validating resolver begins with."""

    name: str
    root: Root
    authority: Authority
    feed: Path

    @property
    def place(self) -> str:
        return f"/run/netns/{self.name}"

    def has_feed(self, *, there: bool) -> None:
        """Have the ministry's server be there, or not."""
        what = "replace" if there else "del"
        do("ip", "-n", self.name, "address", what, f"{FEED}/32", "dev", "lo")


@contextmanager
def internet(folder: Path, name: str, feed: Path) -> Iterator[Internet]:
    """Run it in the namespace `name`, which is there and has no wires yet. `feed`: what the
    ministry publishes.
    """
    folder.mkdir(parents=True, exist_ok=True)
    authority = make_authority(folder)
    with ExitStack() as stack, within(f"/run/netns/{name}"):
        do("ip", "link", "set", "lo", "up")
        # To addresses of a route to oneself.
        do("sh", "-c", "echo 1 >/proc/sys/net/ipv6/ip_nonlocal_bind")
        for each in (PLACE, SERVER, ROGUE, KNOWN):
            for version in BOTH:
                quick = ("nodad",) if version == 6 else ()
                length = 32 if version == 4 else 128
                do("ip", "address", "add", f"{each[version]}/{length}", "dev", "lo", *quick)
        for version in BOTH:
            do("ip", f"-{version}", "route", "add", "local", NET[version], "dev", "lo")
        made = Internet(name, _names(stack, folder), authority, feed)
        made.has_feed(there=True)
        _web(stack, folder / "nginx", authority, feed)
        _rogue(stack, folder / "rogue", authority)
        for version in BOTH:
            for where in (NAMELESS[version], address("open", version)):
                stack.enter_context(open_ports(where, TUNNELS["udp"], TUNNELS["tcp"]))
        yield made


def _names(stack: ExitStack, folder: Path) -> Root:
    """Run the root and the server of the zone, which the root only names."""
    glue = [f"ns.{ZONE}. {kind} {SERVER[v]}" for v, kind in ((4, "A"), (6, "AAAA"))]
    root = signed_root(folder / "root", PLACE[4], f"{ZONE}. NS ns.{ZONE}.", *glue)
    lines = [f"$ORIGIN {ZONE}.", "$TTL 60", "@ SOA ns hostmaster 1 3600 600 86400 60", "@ NS ns"]
    lines += glue
    for name in SITES:
        lines += [f"{name} A {address(name, 4)}", f"{name} AAAA {address(name, 6)}"]
    hints = f"ipv4hint={address('open', 4)} ipv6hint={address('open', 6)}"
    lines.append(f"open HTTPS 1 . alpn=h2,h3 {hints} ech={ECH}")
    zone = folder / "zone/site.zone"
    zone.parent.mkdir()
    zone.write_text("\n".join(lines) + "\n")
    at = [f"{where}@53" for where in SERVER.values()]
    for config, where, known in (
        (knot_config(root.zone.parent, root, f"{PLACE[4]}@53"), PLACE[4], "."),
        (zone_config(zone.parent, ZONE, zone, *at), SERVER[4], site("open")),
    ):
        stack.enter_context(
            running(
                [program("knotd", "knot"), "-c", str(config)],
                config.parent / "knot.log",
                lambda where=where, known=known: answers_dns(where, 53, known),
            )
        )
    return root


def _web(stack: ExitStack, folder: Path, authority: Authority, feed: Path) -> None:
    certificate, key = authority.issue(*(site(name) for name in SITES))
    servers = [f"server {{ listen {FEED}:80; root {feed}; }}"]
    for name in SITES:
        listens = [
            f"listen {url_host(address(name, v))}:{p};" for v in BOTH for p in ("80", "443 ssl")
        ]
        if name == "open":
            listens += [f"listen {url_host(NAMELESS[v])}:{WEB_ELSEWHERE} ssl;" for v in BOTH]
        servers.append(
            f"server {{ {' '.join(listens)} server_name {site(name)};"
            f" ssl_certificate {certificate}; ssl_certificate_key {key}; default_type text/html;"
            # It speaks HTTP/3 too, so that a browser tries.
            """ add_header Alt-Svc 'h3=":443"; ma=3600' always;"""
            f""" location / {{ return 200 "<!doctype html><p>{page(name)}\\n"; }} }}"""
        )
    stack.enter_context(nginx.serving(folder, "return 404;", "\n".join(servers)))


def _rogue(stack: ExitStack, folder: Path, authority: Authority) -> None:
    addresses = [each[version] for each in (ROGUE, KNOWN) for version in BOTH]
    certificate, key = authority.issue(DOH, *addresses)
    lies = [f'local-data: "{ZONE}. 60 {kind} {LIE[v]}"' for v, kind in ((4, "A"), (6, "AAAA"))]
    lines = [
        *(f"interface: {where}@{port}" for where in addresses for port in (53, 853, 443)),
        *("tls-port: 853", "https-port: 443", "access-control: 0.0.0.0/0 allow"),
        *("access-control: ::/0 allow", f'local-zone: "{ZONE}." redirect', *lies),
        *(f'tls-service-pem: "{certificate}"', f'tls-service-key: "{key}"'),
    ]
    stack.enter_context(unbound(folder, None, *lines))
