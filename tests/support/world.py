"""One world: a pupil, a member of staff and a guest behind a gateway that is a real systemd box with
the package's units, and a small internet beyond it. IPv4 (masqueraded) and IPv6 on every wire.

The pupil and the teacher share a bridge, the teacher is known by the device; guests have a network of
their own. Pupils are a strict group, and their web is decrypted where a page explains a block.
"""

import json
import os
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.support import needs, school_wires
from tests.support.box import ROOT, Box, box, config, patiently
from tests.support.dnsclient import Dig, run_dig
from tests.support.gateway import do, within
from tests.support.internet import BOTH, FEED, KNOWN, PLACE, Internet, internet, site

UPLINK = {4: "198.51.100.1", 6: "2001:db8:99::1"}
GATEWAY = {4: "10.77.0.1", 6: "2001:db8:77::1"}
GUESTS = {4: "10.78.0.1", 6: "2001:db8:78::1"}
PAGE = {4: "203.0.113.80", 6: "2001:db8:113::80"}  # of a block; nobody is there but the filter
TEACHER = "02:00:00:00:01:47"
LENGTHS = {4: 24, 6: 64}
DAEMON, HTTP, FIREWALL = "filterd.service", "filterd-http@1.service", "filterd-gateway.service"
UNITS = (
    *("nftables.service", "systemd-networkd.service", "unbound.service"),
    *(FIREWALL, "filterd.socket", DAEMON, HTTP),
)
LISTS = {"games": "games", "grown": "adult", "tricks": "bypass"}  # site -> category
NETWORK = {
    "10-br-lan.netdev": "[NetDev]\nName=br-lan\nKind=bridge\n[Bridge]\nSTP=no\n",
    "20-ports.network": "[Match]\nName=lan-*\n[Network]\nBridge=br-lan\n",
}
# A table that is somebody else's: the school's private addresses leave by one public one.
UPLINK_TABLE = """flush ruleset
table ip school {
  chain c {
    type nat hook postrouting priority srcnat;
    oifname "wan0" masquerade
  }
}
"""


@dataclass(frozen=True)
class Host:
    """A device. `namespace`: where it is; `here`: its addresses; `gateway`: whom it asks."""

    namespace: str
    here: dict[int, str]
    gateway: dict[int, str]
    port: str  # of the gateway that it hangs at
    folder: Path
    device: str = ""

    def prefix(self, version: int = 4) -> tuple[str, ...]:
        """Words before a command that is run on it, and asks the gateway for names."""
        file = self.folder / f"{self.namespace}.{version}.conf"
        file.write_text(f"nameserver {self.gateway[version]}\n")
        mounted = 'mount --bind "$0" /etc/resolv.conf && exec "$@"'
        return ("ip", "netns", "exec", self.namespace, "sh", "-c", mounted, str(file))

    def run(self, *words: str, version: int = 4) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [*self.prefix(version), *words],
            capture_output=True, text=True, timeout=60, check=False,
        )  # fmt: skip

    def dig(self, *words: str, version: int = 4) -> Dig:
        """Ask its gateway, or whom `words` say (@...)."""
        dig = needs.program("dig", "bind9-dnsutils")
        return run_dig([*self.prefix(version), dig, "+tries=1", "+time=5", *words])

    def curl(self, url: str, version: int, *words: str) -> subprocess.CompletedProcess[str]:
        """Fetch a page as a browser asks; what is told ends with the status."""
        needs.program("curl", "curl")
        return self.run(
            "curl", f"-{version}", "-sS", "--max-time", "20", "-w", "\n%{http_code}",
            "-H", "Accept: text/html", *words, url, version=version,
        )  # fmt: skip

    def reach(self, protocol: str, where: str, port: int) -> tuple[str, float]:
        """See `Wires.reach`."""
        there = within(f"/run/netns/{self.namespace}")
        return school_wires.reach(there, protocol, where, port, b"hello")

    def plug(self, first: int) -> None:
        """Put its wire into the machine whose first process is `first`."""
        subprocess.run(
            ["ip", "-n", self.namespace, "link", "delete", "eth0"], capture_output=True, check=False
        )
        peer = ("peer", "name", "eth0", "netns", self.namespace)
        do("ip", "link", "add", self.port, "netns", str(first), "type", "veth", *peer)
        ip = ("ip", "-n", self.namespace)
        if self.device:
            do(*ip, "link", "set", "eth0", "address", self.device)
        for version in BOTH:
            quick = ("nodad",) if version == 6 else ()
            where = f"{self.here[version]}/{LENGTHS[version]}"
            do(*ip, "address", "add", where, "dev", "eth0", *quick)
        for link in ("lo", "eth0"):
            do(*ip, "link", "set", link, "up")
        for version in BOTH:
            if self.gateway is not UPLINK:
                do(*ip, f"-{version}", "route", "add", "default", "via", self.gateway[version])
            elif version == 6:  # the rest is masqueraded
                for network in ("2001:db8:77::/64", "2001:db8:78::/64"):
                    do(*ip, "-6", "route", "add", network, "via", UPLINK[6])


@dataclass
class World:
    """All of it."""

    box: Box
    internet: Internet
    pupil: Host
    staff: Host
    guest: Host
    folder: Path

    @property
    def everybody(self) -> tuple[Host, ...]:
        return self.pupil, self.staff, self.guest

    def wait(self) -> None:
        """Wait until everything of it serves."""
        words = ("filterd", "reload", "--status")
        patiently(lambda: self.box.run(*words, check=False).returncode == 0)
        for unit in UNITS:
            patiently(lambda unit=unit: self.box.ctl("is-active", unit, check=False) == "active")

    def told(self) -> dict[str, dict[str, int]]:
        """What `filterd bypass status` says: group -> signal -> attempts of the last day."""
        done = self.box.run("filterd", "bypass", "status", "--json", check=False)
        found: dict[str, dict[str, int]] = {}
        for each in json.loads(done.stdout)["signals"]:
            found.setdefault(each["group"], {})[each["signal"]] = each["day"]
        return found

    def authority(self) -> str:
        """The school's own, by which a block is explained."""
        return self.box.run("cat", "/var/lib/filterd/http/ca/filterd.crt").stdout

    def trusted(self) -> Path:
        """The authorities that a school's device trusts."""
        file = self.folder / "trusted.pem"
        file.write_text(self.authority() + self.internet.authority.ca_file.read_text())
        return file


@contextmanager
def world(folder: Path, feed: Path) -> Iterator[World]:
    """Make it; `feed`: the folder of the ministry's feed."""
    needs.booting()
    needs.network_namespace()
    needs.program("nft", "nftables")
    pupil, staff, guest, net = (
        f"fd-{part}-{os.getpid()}" for part in ("pupil", "staff", "guest", "inet")
    )
    hosts = [
        Host(pupil, _hosts(GATEWAY, 2), GATEWAY, "lan-pupil", folder),
        Host(staff, _hosts(GATEWAY, 3), GATEWAY, "lan-staff", folder, TEACHER),
        Host(guest, _hosts(GUESTS, 2), GUESTS, "guest0", folder),
    ]
    uplink = Host(net, PLACE, UPLINK, "wan0", folder)

    def plug(first: int) -> None:
        for each in (*hosts, uplink):
            each.plug(first)

    with ExitStack() as stack:
        for name in (pupil, staff, guest, net):
            do("ip", "netns", "add", name)
            stack.callback(
                subprocess.run, ["ip", "netns", "delete", name], capture_output=True, check=False
            )
        beyond = stack.enter_context(internet(folder / "internet", net, feed))
        files = _files(beyond)
        at_first = (unit for unit in UNITS if unit != HTTP)  # which needs its authority
        made = stack.enter_context(box(folder, files, *at_first, http=True, plug=plug))
        made.run("runuser", "-u", "filterd", "--", "filterd", "http", "ca", "new")
        made.ctl("enable", "--now", "--no-block", HTTP)
        made.run("runuser", "-u", "filterd", "--", "filterd", "lists", "update")
        one = World(made, beyond, *hosts, folder)
        one.wait()
        yield one


def settings() -> dict[str, str]:
    """The gateway's configuration."""
    networks = {
        "pupils": ["10.77.0.0/24", "2001:db8:77::/64"],
        "guests": ["10.78.0.0/24", "2001:db8:78::/64"],
    }
    doors = ["0.0.0.0:3129", "[::]:3129"]
    value: dict[str, Any] = {
        "groups": {
            "pupils": {"age": 10, "networks": networks["pupils"]},
            "staff": {"age": 18, "filtered": False, "bypass_protection": False},
            "guests": {"age": 15, "networks": networks["guests"]},
        },
        "default_group": "pupils",
        "clients": {"teacher": {"group": "staff", "ids": [TEACHER]}},
        "block": [],
        "blocking": {"style": "address", "ipv4": PAGE[4], "ipv6": PAGE[6]},
        "lists": {
            name: {"format": "domains", "path": f"/etc/filterd/{name}.txt", "category": category}
            for name, category in LISTS.items()
        },
        "feed": {"url": f"http://{FEED}", "root": "/etc/filterd/root.json", "poll": "300ms"},
        "gateway": {
            "lan": ["br-lan", "guest0"],
            "doh": list(KNOWN.values()),
            "egress": {"groups": ["pupils"], "enforce": True},
        },
        "http": {
            "listen": {"transparent": doors},
            "python": "/usr/lib/filterd/venv-http/bin/python",
            "inspect": {"explain": ["pupils"]},
            "upstream_ca": "/etc/filterd/upstream.pem",
        },
    }
    return config(**value)


def _files(beyond: Internet) -> dict[str, str | Path]:
    etc, unit = "etc/systemd", f"etc/systemd/system/{DAEMON}.d"
    files: dict[str, str | Path] = {
        **settings(),
        "etc/nftables.conf": UPLINK_TABLE,
        "etc/filterd/upstream.pem": beyond.authority.ca_file.read_text(),
        "etc/filterd/root.json": (beyond.feed / "trust/1.root.json").read_text(),
        "etc/unbound/unbound.conf.d/filterd.conf": (
            ROOT / "deploy/unbound/filterd.conf"
        ).read_text(),
        "etc/unbound/test.hints": beyond.root.hints.read_text(),
        "etc/unbound/unbound.conf.d/root-auto-trust-anchor-file.conf": (
            f'server:\n    trust-anchor: "{beyond.root.anchor}"\n'
            "    root-hints: /etc/unbound/test.hints\n"
        ),
        f"{unit}/10-socket.conf": (ROOT / "systemd/filterd.service.d/10-socket.conf").read_text(),
        f"{unit}/egress.conf": (ROOT / "systemd/filterd.service.d/egress.conf").read_text(),
    }
    for name in LISTS:
        files[f"etc/filterd/{name}.txt"] = f"{site(name)}\n"
    for name, text in NETWORK.items():
        files[f"{etc}/network/{name}"] = text
    for link, here in (("br-lan", GATEWAY), ("guest0", GUESTS), ("wan0", UPLINK)):
        lines = [f"[Match]\nName={link}", "[Network]", "IPv6AcceptRA=no"]
        lines += ["LinkLocalAddressing=ipv6", "IPv6DuplicateAddressDetection=0"]
        lines += [f"Address={here[version]}/{LENGTHS[version]}" for version in BOTH]
        if here is UPLINK:
            lines += [f"Gateway={PLACE[version]}" for version in BOTH]
        files[f"{etc}/network/30-{link}.network"] = "\n".join(lines) + "\n"
    return files


def _hosts(gateway: dict[int, str], number: int) -> dict[int, str]:
    return {version: f"{where[:-1]}{number}" for version, where in gateway.items()}
