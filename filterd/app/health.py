"""Asking the doors of a node whether it is well, as whoever spreads clients over nodes does."""

import asyncio
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum

from dnslib import QTYPE, DNSError, DNSHeader, DNSQuestion, DNSRecord

from filterd.app.own_door import ask_over_udp, preface, reachable
from filterd.config.addresses import ListenAddress
from filterd.engine import health

PREFIX = 2  # octets of the length in front of a message over TCP (RFC 1035 section 4.2.2)


class Condition(IntEnum):
    """How a door is, the worst last."""

    WELL = 0
    UNWELL = 1  # it answers, but not that it is well
    SILENT = 2


@dataclass(frozen=True, slots=True)
class Door:
    """Where to ask, over "udp" or "tcp"."""

    kind: str
    address: ListenAddress

    def __str__(self) -> str:
        return f"{self.address} ({self.kind})"


@dataclass(slots=True)
class Standing:
    """What many looks say. `well` None: they did not agree yet. It takes `rise` good looks in a row
    to become well, and `fall` bad ones to be so no longer.
    """

    rise: int
    fall: int
    well: bool | None = None
    run: int = 0  # looks in a row that were like the last one
    last: bool | None = None

    def hear(self, good: bool) -> bool:  # noqa: FBT001 - what it is about
        """Take one more look; say whether `well` is another now."""
        self.run = self.run + 1 if good is self.last else 1
        self.last = good
        if good is self.well or self.run < (self.rise if good else self.fall):
            return False
        self.well = good
        return True


async def look(
    doors: Sequence[Door], proxies: Sequence[str], patience: float
) -> dict[Door, Condition]:
    """Ask at all `doors` at once, and wait `patience` seconds at most. `proxies`: networks that
    they believe to be proxies.
    """
    return dict(
        zip(doors, await asyncio.gather(*(_at(d, proxies, patience) for d in doors)), strict=True)
    )


async def _at(door: Door, proxies: Sequence[str], patience: float) -> Condition:
    query = DNSRecord(
        DNSHeader(id=secrets.randbits(16), rd=1), q=DNSQuestion(health.NAME, QTYPE.A)
    ).pack()
    ask = _over_tcp if door.kind == "tcp" else ask_over_udp
    try:
        async with asyncio.timeout(patience):
            reply = await ask(door.address, query, proxies)
    except (OSError, EOFError, TimeoutError):
        return Condition.SILENT
    return Condition.WELL if _is_well(reply) else Condition.UNWELL


async def _over_tcp(address: ListenAddress, query: bytes, proxies: Sequence[str]) -> bytes:
    reader, writer = await asyncio.open_connection(reachable(address.host), address.port)
    try:
        begin = preface(writer.get_extra_info("sockname")[0], proxies)
        writer.write(begin + len(query).to_bytes(PREFIX) + query)
        return await reader.readexactly(int.from_bytes(await reader.readexactly(PREFIX)))
    finally:
        writer.close()


def _is_well(wire: bytes) -> bool:
    try:
        reply = DNSRecord.parse(wire)
    except DNSError:
        return False
    return reply.header.rcode == 0 and any(record.rtype == QTYPE.A for record in reply.rr)
