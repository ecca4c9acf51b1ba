"""A school's wire in two network namespaces: this thread is on the gateway, real DHCP servers run
there, and a device beyond takes a lease with a real DHCP client.
"""

import json
import os
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.support import needs
from tests.support.gateway import do, enter

GATEWAY = {4: "10.77.0.1", 6: "2001:db8:77::1"}
DEVICE = "00:00:5e:00:53:47"
NAME = "room-3"
_SCRIPT = """\
#!/bin/sh
[ "$1" = bound ] || [ "$1" = renew ] || exit 0
ip address replace "$ip/24" dev "$interface"
echo "$ip" >"{told}"
"""
_SCRIPT6 = """\
#!/bin/sh
[ -n "$new_ip6_address" ] || exit 0
ip address replace "$new_ip6_address/64" dev "$interface" nodad
echo "$new_ip6_address" >"{told}"
"""


@dataclass(frozen=True)
class Wire:
    """`folder` is where servers keep things."""

    namespace: str
    folder: Path

    @property
    def inside(self) -> tuple[str, ...]:
        """Words that run a command on the device."""
        return ("ip", "netns", "exec", self.namespace)

    def lease(self) -> str:
        """Have the device take a lease; return its address."""
        busybox = needs.program("busybox", "busybox")
        told, script = self.folder / "address", self.folder / "udhcpc.sh"
        script.write_text(_SCRIPT.format(told=told))
        script.chmod(0o755)
        words = ("udhcpc", "-i", "eth0", "-n", "-q", "-f", "-t", "20", "-T", "1")
        subprocess.run(
            [*self.inside, busybox, *words, "-x", f"hostname:{NAME}", "-s", str(script)],
            check=True,
            capture_output=True,
            timeout=30,
        )
        return told.read_text().strip()

    def lease6(self) -> str:
        """Have the device take a lease over IPv6; return its address."""
        told, script = self.folder / "address6", self.folder / "dhclient.sh"
        script.write_text(_SCRIPT6.format(told=told))
        script.chmod(0o755)
        dhclient = needs.program("dhclient", "isc-dhcp-client")
        words = ("-6", "-1", "-d", "-D", "LL", "-cf", "/dev/null", "-sf", str(script))
        files = ("-lf", str(self.folder / "client6"), "-pf", str(self.folder / "client6.pid"))
        log = self.folder / "client6.log"
        with log.open("wb") as out:
            client = subprocess.Popen([*self.inside, dhclient, *words, *files, "eth0"], stderr=out)
        # It stays in front to renew; a lease is all that is wanted.
        try:
            until = time.monotonic() + 60
            while not told.exists() and client.poll() is None and time.monotonic() < until:
                time.sleep(0.05)
        finally:
            client.terminate()
            client.wait(10)
        if not told.exists():
            raise RuntimeError(log.read_text()[-2000:])
        return told.read_text().strip()

    def ask(self, name: str, port: int, version: int = 4) -> str:
        """Return what dig on the device gets for a name's address."""
        dig = needs.program("dig", "bind9-dnsutils")
        done = subprocess.run(
            [*self.inside, dig, f"@{GATEWAY[version]}", "-p", str(port), name, "A", "+short",
             "+tries=1", "+time=3"],
            check=True, capture_output=True, text=True, timeout=10,
        )  # fmt: skip
        return done.stdout.strip()


@contextmanager
def wire(folder: Path) -> Iterator[Wire]:
    """Make the wire; this thread, and what it starts, is on the gateway until the block ends."""
    needs.network_namespace()
    names = [f"fd-dhcp-{part}-{os.getpid()}" for part in ("gate", "device")]
    gate, device = names
    before = os.open("/proc/thread-self/ns/net", os.O_RDONLY)
    with ExitStack() as stack:
        stack.callback(os.close, before)
        for name in names:
            do("ip", "netns", "add", name)
            stack.callback(
                subprocess.run, ["ip", "netns", "delete", name], capture_output=True, check=False
            )
            quick = "echo 0 >/proc/sys/net/ipv6/conf/default/accept_dad"
            do("ip", "netns", "exec", name, "sh", "-c", quick)
        enter(f"/run/netns/{gate}")
        stack.callback(enter, before)
        do("ip", "link", "set", "lo", "up")
        do("ip", "link", "add", "lan0", "type", "veth", "peer", "name", "eth0", "netns", device)
        for version, length in ((4, 24), (6, 64)):
            do("ip", "address", "add", f"{GATEWAY[version]}/{length}", "dev", "lan0")
        do("ip", "link", "set", "lan0", "up")
        made = Wire(device, folder)
        for words in (("address", DEVICE), ("up",)):
            do(*made.inside, "ip", "link", "set", "eth0", *words)
        do(*made.inside, "ip", "link", "set", "lo", "up")
        yield made


@contextmanager
def dnsmasq(folder: Path, version: int = 4) -> Iterator[Path]:
    """Run dnsmasq; return its lease file."""
    leases = folder / "dnsmasq.leases"
    ranges = {4: "10.77.0.50,10.77.0.60,1h", 6: "2001:db8:77::50,2001:db8:77::60,64,1h"}
    words = (
        needs.program("dnsmasq", "dnsmasq-base"), "--keep-in-foreground", "--port=0",
        "--conf-file=/dev/null", "--interface=lan0", f"--dhcp-range={ranges[version]}",
        f"--dhcp-leasefile={leases}", "--user=root", "--no-ping", "--pid-file=",
    )  # fmt: skip
    with _running(words, folder):
        yield leases


@contextmanager
def kea(folder: Path, version: int = 4) -> Iterator[Path]:
    """Run Kea, with a cleanup of its lease file every second; return that file."""
    leases = folder / f"kea-leases{version}.csv"
    config = folder / "kea.json"
    subnets = {
        4: ("10.77.0.0/24", "10.77.0.50 - 10.77.0.60"),
        6: ("2001:db8:77::/64", "2001:db8:77::50 - 2001:db8:77::60"),
    }
    network, pool = subnets[version]
    subnet = {"id": 1, "subnet": network, "pools": [{"pool": pool}], "interface": "lan0"}
    interfaces = {"interfaces": ["lan0"], **({"dhcp-socket-type": "raw"} if version == 4 else {})}
    database = {"type": "memfile", "name": str(leases), "lfc-interval": 1}
    said = {
        "interfaces-config": interfaces,
        "lease-database": database,
        "valid-lifetime": 3600,
        f"subnet{version}": [subnet],
    }
    if version == 6:
        said["server-id"] = {"type": "LL", "identifier": "00005E005301", "persist": False}
    config.write_text(json.dumps({f"Dhcp{version}": said}))
    program = needs.program(f"kea-dhcp{version}", f"kea-dhcp{version}-server")
    places = {"KEA_PIDFILE_DIR": str(folder), "KEA_LOCKFILE_DIR": str(folder)}
    with _running((program, "-c", str(config)), folder, places):
        yield leases


@contextmanager
def dhcpd(folder: Path, version: int = 4) -> Iterator[Path]:
    """Run ISC dhcpd; return its lease file."""
    leases, config = folder / "dhcpd.leases", folder / "dhcpd.conf"
    leases.touch()
    subnets = {
        4: "subnet 10.77.0.0 netmask 255.255.255.0 {\n  range 10.77.0.50 10.77.0.60;\n",
        6: "subnet6 2001:db8:77::/64 {\n  range6 2001:db8:77::50 2001:db8:77::60;\n",
    }
    config.write_text(f"authoritative;\n{subnets[version]}  default-lease-time 3600;\n}}\n")
    words = (
        needs.program("dhcpd", "isc-dhcp-server"), f"-{version}", "-f", "-cf", str(config), "-lf",
        str(leases), "-pf", str(folder / "dhcpd.pid"), "lan0",
    )  # fmt: skip
    with _running(words, folder):
        yield leases


SERVERS: dict[str, Callable[..., AbstractContextManager[Path]]] = {
    "dnsmasq": dnsmasq,
    "kea": kea,
    "dhcpd": dhcpd,
}


@contextmanager
def _running(
    words: tuple[str, ...], folder: Path, environ: dict[str, str] | None = None
) -> Iterator[None]:
    with (folder / "server.log").open("wb") as out:
        process = subprocess.Popen(
            words,
            stdout=out,
            stderr=out,
            stdin=subprocess.DEVNULL,
            env=os.environ | (environ or {}),
        )
    try:
        time.sleep(0.3)
        if process.poll() is not None:
            raise RuntimeError((folder / "server.log").read_text()[-2000:])
        yield
    finally:
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
