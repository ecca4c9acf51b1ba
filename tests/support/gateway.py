"""A gateway with a client behind it, in two network namespaces: what the client sends to TCP 80 and
443 is redirected to the filter, as a school's router would do it. Servers live on the gateway.
"""

import ctypes
import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from tests.support import needs

CLONE_NEWNET = 0x40000000
GATEWAY, CLIENT = "10.77.0.1", "10.77.0.2"
RULES = """
table ip filter_test {{
  chain in {{
    type nat hook prerouting priority dstnat;
    iifname "inside" tcp dport {{ 80, 443 }} redirect to :{port}
  }}
}}
"""


@dataclass
class Gateway:
    """`inside`: words that run a command as the client."""

    inside: tuple[str, ...]
    port: int


@contextmanager
def gateway(port: int, *servers: str) -> Iterator[Gateway]:
    """Have this thread, and what it starts, be on a gateway until the block ends. `servers` are
    addresses it has too; TCP 80 and 443 of the client go to `port`.
    """
    needs.network_namespace()
    needs.program("nft", "nftables")
    names = f"fd-gw-{os.getpid()}", f"fd-in-{os.getpid()}"
    home = os.open("/proc/thread-self/ns/net", os.O_RDONLY)
    try:
        for name in names:
            do("ip", "netns", "add", name)
        enter(f"/run/netns/{names[0]}")
        do("ip", "link", "set", "lo", "up")
        do("ip", "link", "add", "inside", "type", "veth", "peer", "name", "out")
        do("ip", "link", "set", "out", "netns", names[1])
        do("ip", "address", "add", f"{GATEWAY}/24", "dev", "inside")
        do("ip", "link", "set", "inside", "up")
        for server in servers:
            do("ip", "address", "add", f"{server}/32", "dev", "lo")
        inside = ("ip", "netns", "exec", names[1])
        do(*inside, "ip", "address", "add", f"{CLIENT}/24", "dev", "out")
        do(*inside, "ip", "link", "set", "out", "up")
        do(*inside, "ip", "route", "add", "default", "via", GATEWAY)
        subprocess.run(["nft", "-f", "-"], input=RULES.format(port=port), text=True, check=True)
        yield Gateway(inside, port)
    finally:
        enter(home)
        os.close(home)
        for name in names:
            subprocess.run(["ip", "netns", "delete", name], capture_output=True, check=False)


def enter(place: str | int) -> None:
    """Move this thread into a network namespace; os.setns came with Python 3.12."""
    descriptor = os.open(place, os.O_RDONLY) if isinstance(place, str) else place
    try:
        if ctypes.CDLL(None, use_errno=True).setns(descriptor, CLONE_NEWNET):
            number = ctypes.get_errno()
            raise OSError(number, os.strerror(number))
    finally:
        if isinstance(place, str):
            os.close(descriptor)


@contextmanager
def within(place: str) -> Iterator[None]:
    """Have this thread, and what it starts, be in the network at `place` until the block ends;
    sockets made there stay there.
    """
    home = os.open("/proc/thread-self/ns/net", os.O_RDONLY)
    try:
        enter(place)
        yield
    finally:
        enter(home)
        os.close(home)


def do(*words: str) -> None:
    subprocess.run(words, check=True, capture_output=True)
