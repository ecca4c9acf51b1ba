"""The demonstration: an upstream that needs no network, and what to try.

The upstream answers every name with an address that is reserved for documentation (RFC 5737,
RFC 3849) and computed from the name, so that a demonstration looks the same each time.
"""

import asyncio
import hashlib
import secrets
from dataclasses import dataclass

from dnslib import AAAA, QTYPE, RR, A, DNSRecord
from dnslib.dns import DNSError

from filterd.config.addresses import read_upstream
from filterd.config.schema import Config
from filterd.upstream.resolver import Resolver, Settings

ZONE = "demo.test"
TTL = 60
PROBE = "example.com"
PROBE_SECONDS = 2.0


class DemoUpstream(asyncio.DatagramProtocol):
    """Answers A and AAAA for every name, NODATA for other types, nothing for garbage."""

    def __init__(self) -> None:
        self._transport: asyncio.DatagramTransport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport."""
        self._transport = transport  # type: ignore[assignment]

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        """Answer one query."""
        try:
            reply = demo_answer(data)
        except (DNSError, ValueError, IndexError):
            return  # garbage gets no answer; this server is for one friendly client
        if self._transport is not None:
            self._transport.sendto(reply, addr)


def demo_answer(packet: bytes) -> bytes:
    """Return the reply to `packet`. DNSError for what is no query."""
    query = DNSRecord.parse(packet)
    reply = query.reply(ra=1, aa=0)
    reply.header.ad = 0
    name = str(query.q.qname).lower()
    digest = hashlib.sha256(name.encode()).digest()
    if query.q.qtype == QTYPE.A:
        reply.add_answer(RR(query.q.qname, QTYPE.A, ttl=TTL, rdata=A(f"192.0.2.{digest[0]}")))
    elif query.q.qtype == QTYPE.AAAA:
        address = f"2001:db8::{digest[0]:x}:{digest[1]:x}"
        reply.add_answer(RR(query.q.qname, QTYPE.AAAA, ttl=TTL, rdata=AAAA(address)))
    return bytes(reply.pack())


@dataclass(frozen=True, slots=True)
class Demonstration:
    """A running demonstration upstream and the configuration that uses it."""

    config: Config
    transport: asyncio.DatagramTransport
    internet: bool

    def close(self) -> None:
        """Stop the upstream."""
        self.transport.close()


async def open_demonstration(config: Config, settings: Settings) -> Demonstration:
    """Start the upstream; send the demonstration names to it, and everything where nothing else
    answers.
    """
    loop = asyncio.get_running_loop()
    transport, _ = await loop.create_datagram_endpoint(DemoUpstream, local_addr=("127.0.0.1", 0))
    host, port = transport.get_extra_info("sockname")[:2]
    server = read_upstream(f"{host}:{port}")
    internet = await answers(settings)
    upstream = config.upstream
    update: dict[str, object] = {"zones": {**upstream.zones, ZONE: (server,)}}
    if not internet:
        update |= {"servers": (server,), "bootstrap": (server,)}
    changed = config.model_copy(update={"upstream": upstream.model_copy(update=update)})
    return Demonstration(changed, transport, internet)


async def answers(settings: Settings) -> bool:
    """Say whether one of the upstreams answers within `PROBE_SECONDS`."""
    loop = asyncio.get_running_loop()
    if not settings.servers:
        return False
    resolver = Resolver(settings, loop)
    done: asyncio.Future[bool] = loop.create_future()
    query = DNSRecord.question(PROBE)
    query.header.id = 0
    deadline = loop.time() + PROBE_SECONDS

    def settle(answer: bytes | None, _failure: int) -> None:
        if not done.done():
            # A resolver that knows no such name as example.com has no way to the internet.
            done.set_result(answer is not None and answer[3] & 15 == 0)

    try:
        resolver.resolve(PROBE, query.pack(), deadline, settle)
        async with asyncio.timeout(PROBE_SECONDS + 1):
            return await done
    except TimeoutError:
        return False
    finally:
        resolver.close()


def what_to_try(port: int, metrics: str | None, *, internet: bool) -> list[str]:
    """Return the lines that a new user reads."""
    dig = f"dig @127.0.0.1 -p {port}"
    nonce = secrets.token_hex(2)
    lines = [
        "Try, in another terminal:",
        "",
        "  blocked for everyone (gambling):",
        f"    {dig} gambling.{ZONE}",
        "  allowed:",
        f"    {dig} open.{ZONE}",
        "  blocked for grade 3, allowed for staff (one name, two clients):",
        f"    {dig} -b 127.0.0.3  social.{ZONE}",
        f"    {dig} -b 127.0.0.18 social.{ZONE}",
        "  why:",
        f"    .venv/bin/filterd explain social.{ZONE} --group grade-3",
    ]
    if metrics is not None:
        lines += ["  what happened:", f"    curl -s http://{metrics}/metrics | grep verdicts"]
    if not internet:
        lines += [
            "",
            "No upstream resolver answers from here, so a small demonstration upstream answers",
            f"every other name with a reserved address (try {nonce}.example.com).",
        ]
    return lines
