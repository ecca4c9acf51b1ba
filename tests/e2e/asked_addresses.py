"""Run inside a network namespace: a daemon on 0.0.0.0 and [::] is asked at each address there.

python -m tests.e2e.asked_addresses FOLDER WORKERS
"""

import asyncio
import json
import socket
import subprocess
import sys
import threading
from pathlib import Path

from tests.e2e.test_udp_threads import CHANGES, query
from tests.support.fake_upstream import fake_udp, reply
from tests.support.node import node

PORT = 5353
NAMES = {"blocked": "bad.example.com", "forwarded": "{}.example.com", "cached": "{}.example.com"}


def main() -> None:
    """Ask; print what came from where. An error ends it."""
    folder, workers = Path(sys.argv[1]), int(sys.argv[2])
    upstream = Upstream()
    settings = CHANGES | {
        "upstream": {"servers": [f"127.0.0.1:{upstream.port}"]},
        "listen": {
            "udp": [f"0.0.0.0:{PORT}", f"[::]:{PORT}"],
            "tcp": [],
            "workers": workers,
        },
    }
    settings["access"] = {"networks": ["10.9.0.0/24", "fd00:9::/64"]}
    with node(folder, settings):
        for number, address in enumerate(addresses()):
            for kind, name in NAMES.items():
                ask(address, name.format(f"n{number}"))
                print(address[0], kind)


class Upstream:
    """An upstream on a thread of its own; it ends with the process."""

    def __init__(self) -> None:
        self.port = 0
        ready = threading.Event()

        async def serve() -> None:
            async with fake_udp(lambda packet: [reply(packet)]) as fake:
                self.port = fake.port
                ready.set()
                await asyncio.Event().wait()

        threading.Thread(target=lambda: asyncio.run(serve()), daemon=True).start()
        ready.wait(10)


def addresses() -> list[tuple[str, int, int, int] | tuple[str, int]]:
    """Return the socket address of the port at every address of this namespace."""
    links = json.loads(subprocess.check_output(["ip", "-j", "addr"]))
    found: list[tuple[str, int, int, int] | tuple[str, int]] = []
    for link in links:
        for each in link["addr_info"]:
            if each["family"] == "inet":
                found.append((each["local"], PORT))
            else:
                scope = link["ifindex"] if each["scope"] == "link" else 0
                found.append((each["local"], PORT, 0, scope))
    return found


def ask(address: tuple[str, int, int, int] | tuple[str, int], name: str) -> None:
    """Ask there; a connected socket hears only what comes from that very address."""
    family = socket.AF_INET6 if ":" in address[0] else socket.AF_INET
    with socket.socket(family, socket.SOCK_DGRAM) as sock:
        sock.settimeout(5)
        sock.bind(_from(address))
        sock.connect(address)
        packet = query(name)
        sock.send(packet)
        try:
            heard = sock.recv(4096)
        except TimeoutError:
            raise SystemExit(f"nothing from {address} about {name}") from None
        if heard[:2] != packet[:2] or heard[6:8] != b"\0\1":
            raise SystemExit(f"no answer from {address} about {name}: {heard.hex()}")


def _from(address: tuple[str, int, int, int] | tuple[str, int]) -> tuple[str | int, ...]:
    """Return where to ask from: the address that the system itself would reply from."""
    if ":" not in address[0]:
        return ("10.9.0.1", 0)
    if address[0].startswith("fe80"):
        return ("fe80::1", 0, *address[2:])
    return ("fd00:9::1", 0)


if __name__ == "__main__":
    main()
