"""A school with a strict group: names that lead to addresses of its own on the internet beyond the
gateway, a pupil and a member of staff who ask and connect at once.
"""

import socket
import struct
import subprocess
import threading
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import dns.message
import dns.rdatatype

from tests.support.gateway import do
from tests.support.school_wires import GATEWAY, OUTSIDE, PUPIL, Wires, school_wires
from tests.support.unbound import unbound

PORT = 8080
NAMES = 200
NET = {4: "203.0.113.0/24", 6: "2001:db8:113::/64"}
STAFF = {4: "10.77.0.3", 6: "2001:db8:77::3"}
CLASSMATE = {4: "10.77.0.4", 6: "2001:db8:77::4"}
KINDS = {4: "A", 6: "AAAA"}
_FAMILIES = {4: socket.AF_INET, 6: socket.AF_INET6}
DOORS = ["0.0.0.0:53", "[::]:53"]
BLOCKED = 201  # the number of a name that pupils may not have


def name(number: int) -> str:
    return f"n{number}.site.example"


def address(number: int, version: int) -> str:
    return f"203.0.113.{number}" if version == 4 else f"2001:db8:113::{number:x}"


@dataclass(frozen=True)
class School:
    wires: Wires
    upstream: int

    def config(self, **said: object) -> dict[str, object]:
        """A configuration in which pupils are strict; `said` goes on top of `gateway.egress`."""
        doh = said.pop("doh", ())
        workers = said.pop("workers", 1)
        return {
            "listen": {"udp": DOORS, "tcp": DOORS, "workers": workers},
            "upstream": {"servers": [f"127.0.0.1:{self.upstream}"]},
            "access": {"networks": ["2001:db8:77::/64"]},
            "records": [f"own.example A {address(240, 4)}"],
            "default_group": "pupils",
            "groups": {
                "pupils": {"age": 10, "block": [name(BLOCKED)]},
                "staff": {"age": 18, "filtered": False, "bypass_protection": False},
            },
            "clients": {"teacher": {"group": "staff", "ids": list(STAFF.values())}},
            "gateway": {
                "lan": ["lan0"],
                "doh": list(doh),  # type: ignore[call-overload]
                "egress": {"groups": ["pupils"], "enforce": True} | said,
            },
        }

    def ask(
        self, asked: str, version: int, *, stream: bool = False, who: dict[int, str] = PUPIL
    ) -> Sequence[str]:
        """Ask the gateway over one family, as somebody; return the addresses of that family."""
        answer = self.answer(asked, version, stream=stream, who=who).answer
        wanted = dns.rdatatype.from_text(KINDS[version])
        return [str(rr) for rrset in answer if rrset.rdtype == wanted for rr in rrset]

    def answer(
        self, asked: str, version: int, *, stream: bool = False, who: dict[int, str] = PUPIL
    ) -> dns.message.Message:
        """The same; return all that is answered."""
        query = dns.message.make_query(asked, KINDS[version])
        kind = socket.SOCK_STREAM if stream else socket.SOCK_DGRAM
        with self.wires.at(self.wires.pupil):
            ours = socket.socket(_FAMILIES[version], kind)
        with ours:
            ours.settimeout(5)
            ours.bind((who[version], 0))
            ours.connect((GATEWAY[version], 53))
            wire = query.to_wire()
            ours.sendall(struct.pack("!H", len(wire)) + wire if stream else wire)
            reply = ours.recv(4096)
            while stream and len(reply) < 2 + int.from_bytes(reply[:2], "big"):
                reply += ours.recv(4096)
        return dns.message.from_wire(reply[2:] if stream else reply)

    def meets(self, where: str) -> str:
        """Return what a pupil meets at an address: "answered", or an errno's words."""
        return self.wires.reach("tcp", where, PORT)[0]

    def open_to(self, version: int) -> list[str]:
        """Return what is open to pupils in one family, as nft lists it."""
        command = ["nft", "list", "set", "inet", "filterd", f"resolved_pupils{version}"]
        text = subprocess.run(command, capture_output=True, text=True, check=True).stdout
        elements = text.partition("elements = {")[2].partition("}")[0]
        return [each.split()[0] for each in elements.split(",") if each.strip()]


@contextmanager
def strict_school(folder: Path) -> Iterator[School]:
    with ExitStack() as stack:
        wires = stack.enter_context(school_wires(udp=(), tcp=()))
        for version in (4, 6):
            do("ip", f"-{version}", "route", "add", NET[version], "via", OUTSIDE[version])
        with wires.at(wires.pupil):
            for version, length in ((4, 24), (6, 64)):
                # Never chosen by itself: who says nothing of it is the pupil.
                quick = ("nodad", "preferred_lft", "0") if version == 6 else ()
                for who in (STAFF, CLASSMATE):
                    where = f"{who[version]}/{length}"
                    do("ip", "address", "add", where, "dev", "eth0", *quick)
        with wires.at(wires.internet):
            for version in (4, 6):
                do("ip", f"-{version}", "route", "add", "local", NET[version], "dev", "lo")
                stack.enter_context(_accepting(version))
        server = stack.enter_context(unbound(folder / "unbound", None, *site()))
        yield School(wires, server.port)


def site() -> Iterator[str]:
    """Lines of a server that knows the names."""
    yield 'local-zone: "site.example." static'
    for number in range(1, 255):
        for version in (4, 6):
            record = f"{name(number)}. 60 IN {KINDS[version]} {address(number, version)}"
            yield f'local-data: "{record}"'
    yield f'local-data: "short.site.example. 1 IN A {address(250, 4)}"'


@contextmanager
def _accepting(version: int) -> Iterator[None]:
    """Accept connections on every address of this namespace."""
    with socket.create_server(("", PORT), family=_FAMILIES[version], backlog=256) as listening:

        def serve() -> None:
            with suppress(OSError):
                while True:
                    listening.accept()[0].close()

        threading.Thread(target=serve, daemon=True).start()
        yield
        with suppress(OSError):
            listening.shutdown(socket.SHUT_RDWR)
