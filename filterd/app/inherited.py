"""Sockets that were opened before filterd started (socket activation, sd_listen_fds(3)).

Whoever opens them, systemd mostly, keeps them while filterd restarts: what is asked meanwhile waits
in them and is answered after. They are found by their addresses, so their names and order mean
nothing. One that the configuration does not name is a mistake: nobody would ever answer there.
"""

import ipaddress
import logging
import socket
from collections.abc import MutableMapping
from dataclasses import dataclass, field

from filterd.config.addresses import ListenAddress
from filterd.config.listen import ListenConfig
from filterd.dns.udp import RECEIVE_BUFFER
from filterd.model.errors import ConfigError

logger = logging.getLogger(__name__)

FIRST = 3  # the first descriptor handed over
VARIABLES = ("LISTEN_FDS", "LISTEN_PID", "LISTEN_FDNAMES")
_KINDS = {socket.SOCK_DGRAM: "udp", socket.SOCK_STREAM: "tcp"}

_Place = tuple[str, ipaddress.IPv4Address | ipaddress.IPv6Address, int]


@dataclass(slots=True)
class Inherited:
    """The sockets, by kind and address, until they are taken. Closing it closes the rest."""

    sockets: dict[_Place, socket.socket] = field(default_factory=dict)

    def take(self, kind: str, address: ListenAddress) -> socket.socket | None:
        """Return the socket of `kind` ("udp" or "tcp") for `address`, which is the caller's to
        close from then on; None: open one.
        """
        return self.sockets.pop(_place(kind, address.host, address.port), None)

    def close(self) -> None:
        """Close what nobody took."""
        for sock in self.sockets.values():
            sock.close()
        self.sockets.clear()


def inherit(environ: MutableMapping[str, str], pid: int, listen: ListenConfig) -> Inherited:
    """Take over what `environ` says was handed to process `pid`; forget that it said so.

    Args:
        environ: the variables of sd_listen_fds(3); they are removed, so that no child is misled.
        pid: this process.
        listen: the doors that the configuration names.

    Raises:
        ConfigError: a socket that can be no door of this configuration.
    """
    count, whose, _ = (environ.pop(name, "") for name in VARIABLES)
    inherited = Inherited()
    if not count.isdecimal() or whose != str(pid):
        return inherited
    doors = {_place("udp", each.host, each.port) for each in listen.udp}
    doors |= {_place("tcp", each.host, each.port) for each in listen.tcp}
    problems: list[str] = []
    for number in range(FIRST, FIRST + int(count)):
        try:
            sock = socket.socket(fileno=number)
            sock.set_inheritable(False)
        except OSError as error:
            problems.append(f"inherited descriptor {number} is no socket: {error}")
            continue
        place, fault = _look_at(sock, doors)
        if place in inherited.sockets:
            fault = "is there twice, and one of the two would be heard; list it once"
        if place is None or fault:
            sock.close()
            problems.append(f"inherited socket {_text(place)} {fault}")
            continue
        inherited.sockets[place] = sock
        logger.info("inherited %s", _text(place))
    if problems:
        inherited.close()
        raise ConfigError(tuple(problems))
    return inherited


def _look_at(sock: socket.socket, doors: set[_Place]) -> tuple[_Place | None, str]:
    """Return where `sock` is bound, and what stands against it as a door."""
    kind = _KINDS.get(sock.type)
    if kind is None or sock.family not in (socket.AF_INET, socket.AF_INET6):
        return None, "is neither UDP nor TCP over IP; take it out of the socket unit"
    host, port = sock.getsockname()[:2]
    place = _place(kind, host.partition("%")[0], port)
    fault = ""
    if place not in doors:
        fault = f"is not in listen.{kind}; add it there, or take it out of the socket unit"
    elif kind == "tcp" and not sock.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN):
        fault = "does not listen; say ListenStream= in the socket unit"
    elif _takes_both_families(sock):
        fault = (
            "takes IPv4 too, and no group would know those clients; say BindIPv6Only=ipv6-only "
            "in the socket unit, and give 0.0.0.0 a line of its own"
        )
    elif kind == "udp":
        _widen(sock)
    return place, fault


def _widen(sock: socket.socket) -> None:
    """Give `sock` the buffer of our own doors, unless it has a larger one: ReceiveBuffer= in the
    socket unit goes beyond the system's limit, which binds us.
    """
    with socket.socket(sock.family, sock.type) as ours:
        ours.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BUFFER)
        most = ours.getsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF)
    if sock.getsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF) < most:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BUFFER)


def _takes_both_families(sock: socket.socket) -> bool:
    return (
        sock.family == socket.AF_INET6
        and ipaddress.ip_address(sock.getsockname()[0].partition("%")[0]).is_unspecified
        and not sock.getsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY)
    )


def _place(kind: str, host: str, port: int) -> _Place:
    return kind, ipaddress.ip_address(host), port


def _text(place: _Place | None) -> str:
    if place is None:
        return "of another kind"
    kind, address, port = place
    host = f"[{address}]" if address.version == 6 else str(address)
    return f"{host}:{port} ({kind})"
