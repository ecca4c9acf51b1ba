"""Addresses of the upstreams that are known by name, from servers that are known by address.

Never the system's resolver: on a school's box that may be ourselves. Addresses are kept for their
TTL, then still used while new ones are fetched, so a bootstrap server that is down harms nothing
that has worked before.
"""

import asyncio
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address

from filterd.upstream.base import ExchangeError, Fault, Means, Transport, exchange
from filterd.upstream.counts import Counts
from filterd.upstream.message import QueryError, question_end, rcode
from filterd.upstream.server import Server
from filterd.upstream.tcp import tcp_transport
from filterd.upstream.udp import UdpTransport

logger = logging.getLogger(__name__)

SECONDS = 3.0  # for one server to answer
LEAST_TTL = 60
MOST_TTL = 86_400
RETRY = 10.0  # seconds until a failed refresh is tried again
A = 1
AAAA = 28
_IN = b"\x00\x01"


@dataclass(slots=True)
class _Known:
    addresses: tuple[str, ...]
    until: float


class Bootstrap:
    """Resolves server names through `servers` (udp or tcp, by address)."""

    def __init__(self, servers: Sequence[Server], means: Means) -> None:
        self._loop = means.loop
        self._transports: list[Transport] = []
        for server in servers:
            counts = Counts()
            tcp = tcp_transport(server.host, server.port, means, counts)
            self._transports.append(
                tcp
                if server.scheme == "tcp"
                else UdpTransport(server.host, server.port, means, counts, tcp)
            )
        self._known: dict[str, _Known] = {}
        self._fetching: dict[str, asyncio.Task[tuple[str, ...]]] = {}

    async def addresses(self, name: str) -> tuple[str, ...]:
        """Return the addresses of `name`, IPv6 first. Raises ExchangeError(BOOTSTRAP)."""
        known = self._known.get(name)
        now = self._loop.time()
        if known is not None and now < known.until:
            return known.addresses
        task = self._fetching.get(name)
        if task is None:
            task = self._loop.create_task(self._fetch(name))
            self._fetching[name] = task
            task.add_done_callback(lambda task: self._fetched(name, task))
        if known is not None:
            return known.addresses
        return await asyncio.shield(task)

    def close(self) -> None:
        """Stop what is under way."""
        for task in list(self._fetching.values()):
            task.cancel()
        for transport in self._transports:
            transport.close()

    def _fetched(self, name: str, task: "asyncio.Task[tuple[str, ...]]") -> None:
        del self._fetching[name]
        if task.cancelled():
            return
        error = task.exception()
        known = self._known.get(name)
        if error is not None and known is not None:
            known.until = self._loop.time() + RETRY
            logger.warning("%s; going on with the addresses from before", error)

    async def _fetch(self, name: str) -> tuple[str, ...]:
        for transport in self._transports:
            answers = await asyncio.gather(
                self._ask(transport, name, AAAA), self._ask(transport, name, A)
            )
            records = [record for answer in answers for record in answer]
            if records:
                ttl = min(max(min(ttl for _, ttl in records), LEAST_TTL), MOST_TTL)
                addresses = tuple(dict.fromkeys(address for address, _ in records))
                self._known[name] = _Known(addresses, self._loop.time() + ttl)
                return addresses
        raise ExchangeError(
            Fault.BOOTSTRAP, f"no bootstrap server knows an address of upstream {name}"
        )

    async def _ask(self, transport: Transport, name: str, rtype: int) -> list[tuple[str, int]]:
        try:
            answer = await exchange(transport, question(name, rtype), self._loop.time() + SECONDS)
        except ExchangeError as error:
            logger.debug("bootstrap of %s: %s", name, error)
            return []
        return address_records(answer)


async def located(server: Server, means: Means) -> tuple[str, ...]:
    """Return the addresses of `server`. Raises ExchangeError(BOOTSTRAP)."""
    if server.is_address:
        return (server.host,)
    if means.bootstrap is None:
        raise ExchangeError(Fault.BOOTSTRAP, f"no bootstrap server to resolve {server.host}")
    return await means.bootstrap.addresses(server.host)


def question(name: str, rtype: int) -> bytes:
    """Return a query (id 0, RD) for a normalised name."""
    labels = b"".join(bytes((len(label),)) + label.encode("ascii") for label in name.split("."))
    header = b"\x00\x00\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00"
    return header + labels + b"\x00" + rtype.to_bytes(2, "big") + _IN


def address_records(answer: bytes) -> list[tuple[str, int]]:
    """Return (address, TTL) of every A and AAAA record in the answer section; what cannot be read
    ends the list. The owner names are the server's word, as the whole answer is.
    """
    found: list[tuple[str, int]] = []
    if rcode(answer):
        return found
    try:
        at = question_end(answer)
        for _ in range(int.from_bytes(answer[6:8], "big")):
            at = _past_name(answer, at)
            fixed = answer[at : at + 10]
            if len(fixed) < 10:
                break
            rtype = int.from_bytes(fixed[:2], "big")
            ttl = int.from_bytes(fixed[4:8], "big")
            at += 10
            rdata = answer[at : at + int.from_bytes(fixed[8:10], "big")]
            at += len(rdata)
            if fixed[2:4] != _IN:
                continue
            if rtype == A and len(rdata) == 4:
                found.append((str(IPv4Address(rdata)), ttl))
            elif rtype == AAAA and len(rdata) == 16:
                found.append((str(IPv6Address(rdata)), ttl))
    except QueryError:
        logger.debug("bootstrap answer cannot be read: %s", answer[:64].hex())
    return found


def _past_name(message: bytes, at: int) -> int:
    while at < len(message):
        length = message[at]
        if length >= 0xC0:
            return at + 2
        at += 1 + length
        if not length:
            return at
    raise QueryError("a name runs over the end")
