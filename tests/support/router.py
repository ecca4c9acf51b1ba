"""A node's machine and a router, in two network namespaces with a wire between; the router is BIRD.

The addresses are those of the configurations in deploy/anycast, so they are used as they are.
"""

import os
import re
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.support import needs
from tests.support.gateway import do, enter
from tests.support.node import eventually
from tests.support.servers import running

NODE = ("203.0.113.11", "2001:db8:0:1::11")
ROUTER = ("203.0.113.1", "2001:db8:0:1::1")
ANYCAST = ("192.0.2.53", "2001:db8::53")
ROUTES = frozenset({"192.0.2.53/32", "2001:db8::53/128"})
_LENGTHS = (24, 64)
_BIRD = """\
router id 203.0.113.1;
protocol device {{}}
protocol direct {{ ipv4; ipv6; }}
protocol kernel {{ ipv4 {{ export all; import none; }}; }}
protocol kernel {{ ipv6 {{ export all; import none; }}; }}
template bgp node {{
    local as 64511;
    passive;
    hold time 9;
}}
protocol bgp node4 from node {{
    neighbor {node[0]} as 64512;
    ipv4 {{ import all; export none; }};
}}
protocol bgp node6 from node {{
    neighbor {node[1]} as 64512;
    ipv6 {{ import all; export none; }};
}}
"""


@dataclass(frozen=True)
class Router:
    """`inside`: words that run a command on the router."""

    inside: tuple[str, ...]
    socket: Path
    log: Path

    def routes(self) -> frozenset[str]:
        """Return which of the anycast routes the router has and can use."""
        shown = subprocess.run(
            [*self.inside, needs.program("birdc", "bird2"), "-s", str(self.socket), "show route"],
            capture_output=True,
            text=True,
            timeout=10,
            check=True,
        ).stdout
        found = re.findall(r"^(\S+)\s+unicast \[node[46]", shown, re.MULTILINE)
        return frozenset(found) & ROUTES

    def has(self, routes: frozenset[str], seconds: float = 30.0) -> None:
        """Wait until it has exactly these of the anycast routes."""
        eventually(lambda: self.routes() == routes, seconds)


@contextmanager
def router(folder: Path) -> Iterator[Router]:
    """Have this thread, and what it starts, be on the node's machine until the block ends."""
    needs.network_namespace()
    bird = needs.program("bird", "bird2")
    here, there = f"fd-node-{os.getpid()}", f"fd-router-{os.getpid()}"
    before = os.open("/proc/thread-self/ns/net", os.O_RDONLY)
    with ExitStack() as stack:
        stack.callback(os.close, before)
        for name in (here, there):
            do("ip", "netns", "add", name)
            stack.callback(
                subprocess.run, ["ip", "netns", "delete", name], capture_output=True, check=False
            )
            quick = "echo 0 >/proc/sys/net/ipv6/conf/default/accept_dad"  # no wait for addresses
            do("ip", "netns", "exec", name, "sh", "-c", quick)
        enter(f"/run/netns/{here}")
        stack.callback(enter, before)
        inside = ("ip", "netns", "exec", there)
        do("ip", "link", "add", "up0", "type", "veth", "peer", "name", "down0", "netns", there)
        for words, wire, addresses in (((), "up0", NODE), (inside, "down0", ROUTER)):
            do(*words, "ip", "link", "set", "lo", "up")
            for address, length in zip(addresses, _LENGTHS, strict=True):
                do(*words, "ip", "address", "add", f"{address}/{length}", "dev", wire)
            do(*words, "ip", "link", "set", wire, "up")
        folder.mkdir(parents=True, exist_ok=True)
        config, control, log = folder / "bird.conf", folder / "bird.ctl", folder / "bird.log"
        config.write_text(_BIRD.format(node=NODE))
        command = [*inside, bird, "-f", "-c", str(config), "-s", str(control)]
        stack.enter_context(running(command, log, control.exists))
        yield Router(inside, control, log)
