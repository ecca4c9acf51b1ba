"""Two network namespaces with one wire between them, and the bytes that go over it.

The counters are the kernel's own, of the virtual Ethernet: with Ethernet, IP and TCP headers, and
acknowledgements. Nothing else uses the wire: its ends know each other's address, because asking for
it (ARP) is the business of a local network, not of a school's line.
"""

import contextlib
import os
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass

HUB, NODE = "10.98.0.1", "10.98.0.2"


@dataclass(frozen=True, slots=True)
class Wire:
    """The namespaces at its two ends."""

    hub: str
    node: str

    def at_hub(self) -> list[str]:
        """What to put before a command that runs at the hub's end."""
        return ["ip", "netns", "exec", self.hub]

    def at_node(self) -> list[str]:
        """The same for the node's end."""
        return ["ip", "netns", "exec", self.node]

    def bytes(self) -> tuple[int, int]:
        """Return the bytes that went down to the node and up to the hub so far."""
        shown = [
            *self.at_node(),
            "cat",
            *(f"/sys/class/net/wire/statistics/{way}_bytes" for way in ("rx", "tx")),
        ]
        down, up = subprocess.run(shown, capture_output=True, text=True, check=True).stdout.split()
        return int(down), int(up)


@contextlib.contextmanager
def wire() -> Iterator[Wire]:
    """Make a wire until the block ends. OSError, CalledProcessError: it needs root and `ip`."""
    made = Wire(f"filterd-hub-{os.getpid()}", f"filterd-node-{os.getpid()}")
    try:
        for each in (made.hub, made.node):
            _ip("netns", "add", each)
        _ip("link", "add", "wire", "netns", made.hub, "type", "veth", "peer", "name", "wire",
            "netns", made.node)  # fmt: skip
        cards = {name: _card(name) for name in (made.hub, made.node)}
        for name, address, other, its in (
            (made.hub, HUB, NODE, cards[made.node]),
            (made.node, NODE, HUB, cards[made.hub]),
        ):
            # No neighbour discovery of IPv6: the wire is for what is measured.
            _inside(name, "sysctl", "-qw", "net.ipv6.conf.wire.disable_ipv6=1")
            _ip("-n", name, "address", "add", f"{address}/24", "dev", "wire")
            _ip("-n", name, "link", "set", "lo", "up")
            _ip("-n", name, "link", "set", "wire", "up")
            _ip("-n", name, "neighbour", "add", other, "lladdr", its, "dev", "wire",
                "nud", "permanent")  # fmt: skip
        yield made
    finally:
        for each in (made.hub, made.node):
            subprocess.run(["ip", "netns", "del", each], capture_output=True, check=False)


def _card(name: str) -> str:
    """Return the hardware address of the wire's end in a namespace."""
    shown = ["ip", "-n", name, "-br", "link", "show", "dev", "wire"]
    return subprocess.run(shown, capture_output=True, text=True, check=True).stdout.split()[2]


def _inside(name: str, *words: str) -> None:
    subprocess.run(["ip", "netns", "exec", name, *words], check=True, capture_output=True)


def _ip(*words: str) -> None:
    subprocess.run(["ip", *words], check=True, capture_output=True)
