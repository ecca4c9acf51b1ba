"""A school in three network namespaces: a pupil, the gateway (where this thread is), and a small
internet beyond it, with IPv4 and IPv6 on each wire.
"""

import os
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager, suppress
from dataclasses import dataclass

import dns.message
import dns.rrset

from tests.support import needs
from tests.support.gateway import do, enter

PUPIL = {4: "10.77.0.2", 6: "2001:db8:77::2"}
GATEWAY = {4: "10.77.0.1", 6: "2001:db8:77::1"}
OUTSIDE = {4: "198.51.100.9", 6: "2001:db8:99::9"}
ROGUE_ANSWER = "192.0.2.66"
UPLINK = {4: "198.51.100.1", 6: "2001:db8:99::1"}
_DEVICE = "02:00:00:00:00:47"
_LENGTHS = {4: 24, 6: 64}
_FAMILIES = {4: socket.AF_INET, 6: socket.AF_INET6}


@dataclass(frozen=True)
class Wires:
    pupil: str
    internet: str
    home: int

    pupil_device: str  # the pupil's MAC address

    @contextmanager
    def at(self, name: str) -> Iterator[None]:
        """Have this thread be in a namespace; sockets made there stay there."""
        enter(f"/run/netns/{name}")
        try:
            yield
        finally:
            enter(self.home)

    @property
    def as_pupil(self) -> tuple[str, ...]:
        return ("ip", "netns", "exec", self.pupil)

    def reach(
        self, protocol: str, address: str, port: int, said: bytes = b"hello"
    ) -> tuple[str, float]:
        """Return what a pupil meets there: "answered", an errno's name or "silence"; and seconds.
        A datagram says `said`.
        """
        return reach(self.at(self.pupil), protocol, address, port, said)


def reach(
    there: AbstractContextManager[None], protocol: str, address: str, port: int, said: bytes
) -> tuple[str, float]:
    """Do what `Wires.reach` says, from the network that one is in while `there`."""
    family = _FAMILIES[6 if ":" in address else 4]
    kind = socket.SOCK_STREAM if protocol == "tcp" else socket.SOCK_DGRAM
    with there:
        ours = socket.socket(family, kind)
    began = time.monotonic()
    with ours:
        ours.settimeout(3)
        try:
            ours.connect((address, port))
            if protocol == "udp":
                ours.send(said)
                ours.recv(100)
            met = "answered"
        except TimeoutError:
            met = "silence"
        except OSError as error:
            met = os.strerror(error.errno or 0)
    return met, time.monotonic() - began


@contextmanager
def school_wires(*, udp: tuple[int, ...], tcp: tuple[int, ...]) -> Iterator[Wires]:
    """Make the namespaces; the internet echoes on ports `udp`, accepts on `tcp`, and has a resolver
    of its own on port 53.
    """
    needs.network_namespace()
    needs.program("nft", "nftables")
    names = [f"fd-{part}-{os.getpid()}" for part in ("gate", "pupil", "inet")]
    gate, pupil, internet = names
    before = os.open("/proc/thread-self/ns/net", os.O_RDONLY)
    with ExitStack() as stack:
        stack.callback(os.close, before)
        for name in names:
            do("ip", "netns", "add", name)
            quick = "echo 0 >/proc/sys/net/ipv6/conf/default/accept_dad"  # no wait for addresses
            do("ip", "netns", "exec", name, "sh", "-c", quick)
            stack.callback(
                subprocess.run, ["ip", "netns", "delete", name], capture_output=True, check=False
            )
        home = os.open(f"/run/netns/{gate}", os.O_RDONLY)
        stack.callback(os.close, home)
        enter(home)
        stack.callback(enter, before)
        wires = Wires(pupil, internet, home, _DEVICE)
        do("ip", "link", "set", "lo", "up")
        for ours, theirs, ns, here, there in (
            ("lan0", "eth0", pupil, GATEWAY, PUPIL),
            ("wan0", "eth0", internet, UPLINK, OUTSIDE),
        ):
            do("ip", "link", "add", ours, "type", "veth", "peer", "name", theirs, "netns", ns)
            _up(ours, here)
            with wires.at(ns):
                do("ip", "link", "set", "lo", "up")
                if ns == pupil:
                    do("ip", "link", "set", theirs, "address", _DEVICE)
                _up(theirs, there)
                for version in (4, 6):
                    do("ip", f"-{version}", "route", "add", "default", "via", here[version])
        for path in ("ipv4/ip_forward", "ipv6/conf/all/forwarding"):
            do("sh", "-c", f"echo 1 >/proc/sys/net/{path}")
        with wires.at(internet):
            for version in (4, 6):
                stack.enter_context(_servers(OUTSIDE[version], version, udp, tcp))
        yield wires


@contextmanager
def _servers(
    address: str, version: int, udp: tuple[int, ...], tcp: tuple[int, ...]
) -> Iterator[None]:
    with ExitStack() as stack:
        stack.enter_context(open_ports(address, udp, tcp))
        listening = socket.create_server((address, 53), family=_FAMILIES[version])
        stack.enter_context(listening)
        threading.Thread(target=_resolve_streams, args=(listening,), daemon=True).start()
        stack.callback(_close, listening)
        stack.enter_context(_datagrams(address, 53, _rogue))
        yield


@contextmanager
def open_ports(address: str, udp: tuple[int, ...], tcp: tuple[int, ...]) -> Iterator[None]:
    """Echo datagrams on ports `udp` and accept connections on `tcp`."""
    family = _FAMILIES[6 if ":" in address else 4]
    with ExitStack() as stack:
        for port in tcp:
            stack.enter_context(socket.create_server((address, port), family=family))
        for port in udp:
            stack.enter_context(_datagrams(address, port, bytes))
        yield


@contextmanager
def _datagrams(address: str, port: int, what: Callable[[bytes], bytes]) -> Iterator[None]:
    bound = socket.socket(_FAMILIES[6 if ":" in address else 4], socket.SOCK_DGRAM)
    bound.bind((address, port))
    threading.Thread(target=_serve, args=(bound, what), daemon=True).start()
    try:
        yield
    finally:
        _close(bound)


def _serve(bound: socket.socket, what: Callable[[bytes], bytes]) -> None:
    with suppress(OSError):
        while True:
            asked, whence = bound.recvfrom(4096)
            if not asked:  # closed
                return
            bound.sendto(what(asked), whence)


def _resolve_streams(listening: socket.socket) -> None:
    with suppress(OSError):
        while True:
            stream, _ = listening.accept()
            with stream:
                asked = stream.recv(4096)[2:]
                if asked:  # not just a probe
                    reply = _rogue(asked)
                    stream.sendall(len(reply).to_bytes(2, "big") + reply)


def _rogue(asked: bytes) -> bytes:
    reply = dns.message.make_response(dns.message.from_wire(asked))
    name = reply.question[0].name
    reply.answer.append(dns.rrset.from_text(name, 60, "IN", "A", ROGUE_ANSWER))
    return reply.to_wire()


def _close(each: socket.socket) -> None:
    with suppress(OSError):
        each.shutdown(socket.SHUT_RDWR)
    each.close()


def _up(link: str, addresses: dict[int, str]) -> None:
    for version, address in addresses.items():
        quick = ("nodad",) if version == 6 else ()
        do("ip", "address", "add", f"{address}/{_LENGTHS[version]}", "dev", link, *quick)
    do("ip", "link", "set", link, "up")
