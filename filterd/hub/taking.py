"""Receipts and batches of counts as they come, from all nodes of a country at once.

They do not go through FastAPI: an urgent order is answered by every node within a minute, and its
routing and models would be a third of the work. A short body is read where it arrives, a long one,
which may be eight megabytes, on the threads that speak to the database. Sending again is harmless,
so a node may always send again when it has heard no answer.
"""

from collections.abc import Mapping
from typing import Any

from starlette.requests import ClientDisconnect

from filterd.feed.canonical import fields, read_object
from filterd.feed.delivery import TAKES
from filterd.hub import ingest
from filterd.hub.access import Sent, sent
from filterd.hub.arriving import (
    MOST_RECEIPTS,
    Arrived,
    What,
    received_batch,
    received_receipts,
)
from filterd.hub.limits import Message, Receive, Send
from filterd.hub.packing import plain_size, unpacked
from filterd.hub.problems import FORESEEN, Problem, reply_to
from filterd.hub.state import Hub
from filterd.report.batch import Lane

TAKEN: Mapping[str, What] = {"/v1/receipts": What.RECEIPTS, "/v1/reports": What.BATCH}
SHORT = 16_384  # bytes, unpacked, that are read without a thread
# Texts, numbers and lists in one body: a batch has 40,000. A kilobyte of zstd can be millions, and
# reading those holds everybody up for seconds.
_MOST_VALUES = 100_000
_HEAD = (
    (b"content-type", b"application/json"),
    # A node sends what older hubs would refuse only after one that takes it has said so.
    (TAKES.encode(), Lane.SIGNALS.value.encode()),
)


class Taking:
    """ASGI: POST to the paths of `TAKEN`."""

    def __init__(self, hub: Hub) -> None:
        self._hub = hub

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """Take what one request brings."""
        if scope["method"] != "POST":
            told = reply_to(Problem(405, "nodes POST here what they sign"))
            told.headers["Allow"] = "POST"
            await told(scope, receive, send)
            return
        try:
            given = await sent(self._hub, scope, receive)
            done = await take(self._hub, TAKEN[scope["path"]], given)
        except ClientDisconnect:
            return  # nobody is there to be told; it comes again
        except FORESEEN as error:
            await reply_to(error)(scope, receive, send)
            return
        except Exception as error:
            await reply_to(error)(scope, receive, send)
            raise  # into the log, with its trace
        body = b'{"taken":%d,"known":%d}' % (done.taken, done.known)
        headers = [*_HEAD, (b"content-length", b"%d" % len(body))]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": body})


async def take(hub: Hub, what: What, given: Sent) -> ingest.Taken:
    """Write what was sent, or put it into the stream where there is one; then it is on disk.

    Raises:
        Problem, Refused, UnknownNode, DatabaseError, StreamError: it is not.
    """
    if hub.stream is None and plain_size(given.content, given.encoding) <= SHORT:
        arrived = _arrived(hub, what, given)
    else:
        arrived = await hub.for_nodes.run(_arrived, hub, what, given)
    if hub.stream is None:
        try:
            done = await hub.intake.take(arrived)
        except ingest.UnknownNode:
            hub.nodes.forget(given.node.id)
            raise
    else:
        number = len(arrived.value) if what is What.RECEIPTS else 1
        is_new = await hub.stream.offer(arrived)
        done = ingest.Taken(number, 0) if is_new else ingest.Taken(0, number)
    hub.numbers.taken.labels(what.value).inc(done.taken)
    hub.numbers.known.labels(what.value).inc(done.known)
    return done


def _arrived(hub: Hub, what: What, given: Sent) -> Arrived:
    """Return what is to be written. What goes into the stream is looked at before; else that is
    done where it is written.
    """
    value, now_ms = _read(hub, what, given), hub.now_ms
    if hub.stream is not None:
        if what is What.RECEIPTS:
            received_receipts(value, given.node.key, now_ms)
        else:
            received_batch(value, given.node.key, now_ms)
    return Arrived(what, given.node.id, value, now_ms, given.skew)


def _read(hub: Hub, what: What, given: Sent) -> Any:
    most = hub.config.limits.unpacked
    plain = unpacked(given.content, given.encoding, most)
    if sum(map(plain.count, (b",", b"[", b"{"))) > _MOST_VALUES:
        raise Problem(413, f"the body has more than {_MOST_VALUES:,} values; send less at once")
    value = read_object(plain, most)
    if what is What.BATCH:
        return value
    values = fields(value, {"receipts": list}, "receipts")["receipts"]
    if not 0 < len(values) <= MOST_RECEIPTS:
        raise Problem(422, f"1 to {MOST_RECEIPTS} receipts at once")
    return values
