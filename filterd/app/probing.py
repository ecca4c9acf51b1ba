"""Asking ourselves: is a name really answered "blocked" at the door where clients come in?"""

import asyncio
import secrets
from collections.abc import Sequence

from dnslib import EDNS0, QTYPE, DNSError, DNSHeader, DNSQuestion, DNSRecord

from filterd.app.own_door import preface, reachable
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
    loop = asyncio.get_running_loop()
    number = secrets.randbits(16)
    query = DNSRecord(DNSHeader(id=number, rd=1), q=DNSQuestion(name, QTYPE.A))
    query.add_ar(EDNS0(udp_len=1232))
    answer: asyncio.Future[bytes] = loop.create_future()
    where = (reachable(door.host), door.port)
    transport, _ = await loop.create_datagram_endpoint(
        lambda: _Waiting(answer, number), remote_addr=where
    )
    try:
        source = transport.get_extra_info("sockname")[0]
        transport.sendto(preface(source, proxies) + query.pack())
        return await asyncio.wait_for(answer, patience)
    except TimeoutError:
        return None
    finally:
        transport.close()


class _Waiting(asyncio.DatagramProtocol):
    def __init__(self, answer: asyncio.Future[bytes], number: int) -> None:
        self._answer = answer
        self._number = number.to_bytes(2, "big")

    def datagram_received(self, data: bytes, _address: tuple[str, int]) -> None:
        if data[:2] == self._number and not self._answer.done():
            self._answer.set_result(data)
