"""The door for RADIUS accounting: datagrams of the NAS that the configuration names, and no others.

An unknown sender costs a look into a table and gets no answer; neither does one without the secret.
"""

import asyncio
import contextlib
import logging
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from filterd.config.who import RadiusConfig
from filterd.dns.udp import udp_socket
from filterd.who.radius import MOST_BYTES, BadPacket, read_request, response_to
from filterd.who.sessions import Sessions
from filterd.who.sighting import read_address

logger = logging.getLogger(__name__)
_LEAST_SECRET = 16  # octets; RFC 2865 section 3
_MOST_SECRET = 256


@dataclass(frozen=True, slots=True)
class Nas:
    """A sender: its name in the configuration, and the secret it shares with us."""

    name: str
    secret: bytes = field(repr=False)


class AccountingDoor(asyncio.DatagramProtocol):
    """Takes accounting of `nas` (address -> sender) into `sessions`. `now`: unix seconds."""

    def __init__(
        self, nas: Mapping[str, Nas], sessions: Sessions, now: Callable[[], float]
    ) -> None:
        self._nas = nas
        self._sessions = sessions
        self._now = now
        self._transport: asyncio.DatagramTransport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport that responses leave by."""
        self._transport = transport  # type: ignore[assignment]

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        """Take a request in, then say that it was (RFC 2866 section 2)."""
        nas = self._nas.get(read_address(addr[0]))
        if nas is None or len(data) > MOST_BYTES or self._transport is None:
            return
        what = f"NAS {nas.name}"
        try:
            said = read_request(data, nas.secret)
        except BadPacket as error:
            if self._sessions.faults.get(what) != str(error):
                logger.warning("radius: %s: %s", what, error)
            self._sessions.faults[what] = str(error)
            return
        self._sessions.faults.pop(what, None)
        self._sessions.take(nas.name, said, self._now())
        self._transport.sendto(response_to(data, nas.secret), addr)

    def error_received(self, exc: Exception) -> None:
        """A NAS that closed its port repeats its request."""
        logger.debug("radius: sending a response: %s", exc)


@dataclass(frozen=True, slots=True)
class Doors:
    """The doors that are open."""

    transports: tuple[asyncio.DatagramTransport, ...] = ()

    def close(self) -> None:
        """Take nothing more."""
        for each in self.transports:
            each.close()


async def open_doors(config: RadiusConfig, sessions: Sessions, now: Callable[[], float]) -> Doors:
    """Open the doors. What cannot be had is a fault of `sessions`, and the rest is opened."""
    sessions.faults.clear()
    nas = _senders(config, sessions.faults)
    loop = asyncio.get_running_loop()
    opened: list[asyncio.DatagramTransport] = []
    for address in config.listen:
        with contextlib.ExitStack() as stack:
            try:
                sock = stack.enter_context(udp_socket(address.host, address.port))
            except OSError as error:
                sessions.faults[f"listen {address}"] = str(error.strerror or error)
                continue
            transport, _ = await loop.create_datagram_endpoint(
                lambda: AccountingDoor(nas, sessions, now), sock=sock
            )
            stack.pop_all()
            opened.append(transport)
    return Doors(tuple(opened))


def _senders(config: RadiusConfig, faults: dict[str, str]) -> dict[str, Nas]:
    found = {}
    for name, each in config.nas.items():
        try:
            found[each.address] = Nas(name, _read_secret(each.secret_file))
        except (OSError, ValueError) as error:
            why = error.strerror if isinstance(error, OSError) else error
            faults[f"NAS {name}"] = f"{each.secret_file}: {why}"
    return found


def _read_secret(path: Path) -> bytes:
    with path.open("rb") as file:
        secret = file.read(_MOST_SECRET).rstrip(b"\r\n")
        readable = os.fstat(file.fileno()).st_mode & 0o004
    if not secret:
        raise ValueError("it is empty; write the secret into it, on one line")
    if readable:
        logger.warning("radius: everybody on this machine may read %s; chmod o-r it", path)
    if len(secret) < _LEAST_SECRET:
        logger.warning("radius: %s: take a secret of %d octets or more", path, _LEAST_SECRET)
    return secret
