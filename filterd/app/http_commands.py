"""What workers of the HTTP filter ask of the daemon and tell it, over a socket of their own: who
reads hostile input all day must not be able to command.
"""

import asyncio
import functools
import logging
import secrets
import time
from collections.abc import Mapping
from typing import Any

from dnslib import EDNS0, QTYPE, DNSRecord
from dnslib.dns import DNSError

from filterd.app.handing_over import FOLDER
from filterd.app.http_told import HttpTold
from filterd.app.node import Node
from filterd.control.server import ControlServer, Handler, Report
from filterd.http.exchange import COMMAND
from filterd.model.durable import make_directory
from filterd.model.errors import ControlError, InvalidName
from filterd.model.event import Event
from filterd.model.name import ascii_name
from filterd.model.verdict import Kind, Step

logger = logging.getLogger(__name__)
SOCKET = "daemon.sock"
CONNECTIONS_EACH = 32  # a worker keeps to half of it; while it is renewed there are two
DOOR = 1  # as a query over TCP: an answer of any length
ANSWER_SECONDS = 5.0
MOST_EVENTS = 10_000
_EDE, _REFUSED = 15, 5  # RFC 8914 section 2, RFC 1035 section 4.1.1
_BLOCKED = frozenset({15, 16, 17, 18})  # RFC 8914: blocked, censored, filtered, prohibited


def open_http_socket(node: Node) -> ControlServer:
    """Return the server for workers, to be started."""
    path = node.paths.state / FOLDER / SOCKET
    make_directory(path.parent)
    node.http_told = HttpTold(secrets.token_hex(8), time.monotonic, lambda: node.generation)
    most = node.config.http.workers * CONNECTIONS_EACH
    return ControlServer(path, http_commands(node), most=most)


def http_commands(node: Node) -> dict[str, Handler]:
    """Return command -> handler."""

    async def names(arguments: Mapping[str, Any], _report: Report) -> Any:
        try:
            name, client = ascii_name(arguments["name"]), str(arguments["client"])
        except (InvalidName, KeyError, TypeError, AttributeError) as error:
            raise ControlError(f"not a name and a client: {error}") from error
        return await addresses(node, name, client)

    async def events(arguments: Mapping[str, Any], _report: Report) -> Any:
        rows, dropped = arguments.get("events"), arguments.get("dropped", 0)
        if not isinstance(rows, list) or len(rows) > MOST_EVENTS or not isinstance(dropped, int):
            raise ControlError(f"not events; at most {MOST_EVENTS} at once")
        try:
            made = [event for row in rows if (event := _event(row)) is not None]
        except (KeyError, TypeError, ValueError) as error:
            raise ControlError(f"not an event: {error}") from error
        node.http_events += len(rows)
        node.http_dropped += dropped
        if dropped:
            logger.warning("the HTTP filter had no room for %d events", dropped)
        await asyncio.to_thread(node.recorder.record, made, time.time())
        return {"taken": len(rows)}

    async def told(arguments: Mapping[str, Any], _report: Report) -> Any:
        if node.http_told is None:
            raise ControlError("there is no HTTP filter here")
        return node.http_told.take(arguments)

    return {"http-names": names, "http-events": events, COMMAND: told}


async def addresses(node: Node, name: str, client: str) -> dict[str, Any]:
    """Return what our own DNS says to `client` of the addresses of `name`: both families, whether
    it is blocked, the shortest time to live in seconds, whether there was an answer at all, and
    whether the name is `news`: nobody here had asked for it lately.
    """
    # At once, so that both together take no longer than a worker waits.
    asked = await asyncio.gather(*(_ask(node, name, kind, client) for kind in ("A", "AAAA")))
    found = [each for each, _ in asked if each is not None]
    records = [rr for each in found for rr in each.rr if rr.rtype in (QTYPE.A, QTYPE.AAAA)]
    blocked = any(_blocked(each) for each in found)
    return {
        "addresses": [] if blocked else [str(rr.rdata) for rr in records],
        "blocked": blocked,
        "known": bool(found),
        "news": all(news for _, news in asked),
        "ttl": min((rr.ttl for rr in records), default=30),
    }


async def _ask(node: Node, name: str, kind: str, client: str) -> tuple[DNSRecord | None, bool]:
    """Return the answer, None without one, and whether it had to be asked for."""
    query = DNSRecord.question(name, kind)
    query.add_ar(EDNS0(udp_len=4096))
    loop = asyncio.get_running_loop()
    waiting: asyncio.Future[bytes] = loop.create_future()
    try:
        reply = node.engine.handle(bytes(query.pack()), client, time.time(), time.monotonic(), DOOR)
    except ValueError as error:
        raise ControlError(f"{client[:60]!r} is no address") from error
    news = isinstance(reply, int)
    if isinstance(reply, int):
        token = reply
        node.engine.wait(token, functools.partial(_settle, waiting))
        try:
            async with asyncio.timeout(ANSWER_SECONDS):
                reply = await waiting
        except TimeoutError:
            node.engine.forget(token)
            return None, news
    if not reply:
        return None, news
    try:
        return DNSRecord.parse(reply), news
    except DNSError as error:
        logger.warning("an answer of our own cannot be read: %s", error)
        return None, news


def _settle(waiting: asyncio.Future[bytes], reply: bytes) -> None:
    if not waiting.done():
        waiting.set_result(reply)


def _blocked(answer: DNSRecord) -> bool:
    """Say whether an answer is a block, as its extended error tells (RFC 8914 section 2)."""
    for record in answer.ar:
        if record.rtype != QTYPE.OPT:
            continue
        for option in record.rdata:
            if option.code == _EDE and int.from_bytes(option.data[:2], "big") in _BLOCKED:
                return True
    return bool(answer.header.rcode == _REFUSED)


def _event(row: Mapping[str, Any]) -> Event | None:
    """Return a worker's event as one of ours; None where no rule was asked."""
    if row["kind"] is None:
        return None
    return Event(
        at=float(row["at"]),
        client=str(row["client"]),
        qname=str(row["host"]),
        qtype=0,
        kind=Kind(row["kind"]),
        step=Step(row["step"]),
        list=row["list"],
        rule=row["rule"],
        category=row["category"],
        group=str(row["group"]),
        door="http",
        rcode=0,
    )
