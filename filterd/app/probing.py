"""Asking ourselves: is a name really answered "blocked" at the door where clients come in?"""

import asyncio
import secrets
from collections.abc import Sequence

from dnslib import EDNS0, QTYPE, DNSError, DNSHeader, DNSQuestion, DNSRecord

from filterd.app.own_door import ask_over_udp
from filterd.config.addresses import ListenAddress

CENSORED = 16  # extended error of an order (RFC 8914 section 4.17)
BLOCKED = frozenset({15, CENSORED, 17})  # blocked, censored, filtered (sections 4.16 to 4.18)
EDE = 15  # the option's number
PATIENCE = 1.0  # seconds for one answer
LONG = 7.0  # the same, where upstream may have to be asked and may not be there
TRIES = 3


async def is_ordered(
    name: str, door: ListenAddress, patience: float = PATIENCE, proxies: Sequence[str] = ()
) -> bool:
    """Say whether `name` is answered at `door` as blocked by an order, each answer being waited for
    `patience` seconds. `proxies`: whom the door believes. OSError: no answer comes.
    """
    return CENSORED in await reasons(name, door, patience, proxies)


async def is_blocked(
    name: str, door: ListenAddress, patience: float = PATIENCE, proxies: Sequence[str] = ()
) -> bool:
    """Say whether `name` is answered at `door` as blocked, by anybody. OSError: as `is_ordered`."""
    return not BLOCKED.isdisjoint(await reasons(name, door, patience, proxies))


async def reasons(
    name: str, door: ListenAddress, patience: float, proxies: Sequence[str] = ()
) -> frozenset[int]:
    """Return the extended errors that the answer for `name` at `door` has. OSError: none comes."""
    for _ in range(TRIES):
        wire = await _ask(name, door, patience, proxies)
        if wire is not None:
            return _errors(wire)
    raise OSError(f"no answer from our own door at {door.host} port {door.port}")


def _errors(wire: bytes) -> frozenset[int]:
    try:
        reply = DNSRecord.parse(wire)
    except DNSError:
        return frozenset()
    options = (
        option for record in reply.ar if record.rtype == QTYPE.OPT for option in record.rdata
    )
    return frozenset(int.from_bytes(each.data[:2], "big") for each in options if each.code == EDE)


async def _ask(
    name: str, door: ListenAddress, patience: float, proxies: Sequence[str]
) -> bytes | None:
    query = DNSRecord(DNSHeader(id=secrets.randbits(16), rd=1), q=DNSQuestion(name, QTYPE.A))
    query.add_ar(EDNS0(udp_len=1232))
    try:
        async with asyncio.timeout(patience):
            return await ask_over_udp(door, query.pack(), proxies)
    except TimeoutError:
        return None
