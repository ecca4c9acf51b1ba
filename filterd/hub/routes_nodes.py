"""What nodes send: their enrolment, receipts, and batches of counts.

Sending again is harmless, so a node may always send again when it has heard no answer. Reading what
was sent, which may be eight megabytes, is done on the threads that speak to the database.
"""

from typing import Any

import zstandard
from fastapi import APIRouter, Request
from pydantic import BaseModel

from filterd.feed.canonical import fields, read_object
from filterd.feed.refusal import Fault, Refused
from filterd.hub import enrolment, ingest
from filterd.hub.access import HubOf, Sent, SentBy, admit, check
from filterd.hub.arriving import (
    MOST_RECEIPTS,
    Arrived,
    What,
    received_batch,
    received_receipts,
)
from filterd.hub.limits import too_long
from filterd.hub.openapi import SIGNED, content_of
from filterd.hub.problems import Problem
from filterd.hub.state import Hub
from filterd.model.order import PublicKey

router = APIRouter(prefix="/v1", tags=["nodes"])
_WINDOW = 8 * 2**20  # bytes of memory that unpacking may take
# Texts, numbers and lists in one body: a batch has 40,000. A kilobyte of zstd can be millions, and
# reading those holds everybody up for seconds.
_MOST_VALUES = 100_000
_MOST_ENROLMENT = 16 * 1024  # bytes; anybody may send one, and it is read on the loop


class TakenReply(BaseModel):
    """`taken` are new, `known` were here before."""

    taken: int
    known: int


class NodeReply(BaseModel):
    """Who the node is from now on."""

    node: str
    name: str


@router.post("/enrol", status_code=201, openapi_extra=content_of("Enrolment"), responses=SIGNED)
async def enrol(request: Request, hub: HubOf) -> NodeReply:
    """Make the key that this is signed with the node that a code was given out for."""
    admit(request, hub)
    content, most = await request.body(), _MOST_ENROLMENT
    if len(content) > most:
        raise too_long(most)
    plain = unpacked(content, request.headers.get("content-encoding", ""), most)
    said = fields(
        read_object(plain, most),
        {"code": str, "key": list, "software": str},
        "enrolment",
    )
    if len(said["key"]) != 4 or not all(isinstance(part, str) for part in said["key"]):
        raise Problem(422, "enrolment: key is [id, type, scheme, public]")
    key = PublicKey(*said["key"])
    check(request, content, key, hub)
    try:
        row = await hub.for_nodes.run(_enrol, hub, said["code"], key, said["software"])
    except enrolment.EnrolmentError as error:
        raise Problem(403, str(error)) from error
    hub.nodes.forget(key.id)
    return NodeReply(node=row.id, name=row.name)


@router.post("/receipts", openapi_extra=content_of("Receipts"), responses=SIGNED)
async def receipts(sent: SentBy, hub: HubOf) -> TakenReply:
    """Take up to 64 receipts of one node."""
    return await _take(hub, What.RECEIPTS, sent)


@router.post("/reports", openapi_extra=content_of("Batch"), responses=SIGNED)
async def reports(sent: SentBy, hub: HubOf) -> TakenReply:
    """Take one batch of counts."""
    return await _take(hub, What.BATCH, sent)


async def _take(hub: Hub, what: What, sent: Sent) -> TakenReply:
    arrived, number = await hub.for_nodes.run(_looked_at, hub, what, sent)
    if hub.stream is None:
        try:
            done = await hub.intake.take(arrived)
        except ingest.UnknownNode:
            hub.nodes.forget(sent.node.id)
            raise
    else:
        is_new = await hub.stream.offer(arrived)
        done = ingest.Taken(number, 0) if is_new else ingest.Taken(0, number)
    hub.numbers.taken.labels(what.value).inc(done.taken)
    hub.numbers.known.labels(what.value).inc(done.known)
    return TakenReply(taken=done.taken, known=done.known)


def _enrol(hub: Hub, code: str, key: PublicKey, software: str) -> enrolment.NodeRow:
    with hub.database.write() as connection:
        return enrolment.enrol(connection, code, key, software, hub.now_ms)


def _looked_at(hub: Hub, what: What, sent: Sent) -> tuple[Arrived, int]:
    """Return what is to be written, and how many things that is. What goes into the stream is
    looked at before; else that is done where it is written.
    """
    value, now_ms = _read(hub, what, sent), hub.now_ms
    if hub.stream is not None:
        if what is What.RECEIPTS:
            received_receipts(value, sent.node.key, now_ms)
        else:
            received_batch(value, sent.node.key, now_ms)
    hub.nodes.note(sent.node, sent.skew, now_ms)
    number = len(value) if what is What.RECEIPTS else 1
    return Arrived(what, sent.node.id, value, now_ms), number


def _read(hub: Hub, what: What, sent: Sent) -> Any:
    most = hub.config.limits.unpacked
    plain = unpacked(sent.content, sent.encoding, most)
    if sum(map(plain.count, (b",", b"[", b"{"))) > _MOST_VALUES:
        raise Problem(413, f"the body has more than {_MOST_VALUES:,} values; send less at once")
    value = read_object(plain, most)
    if what is What.BATCH:
        return value
    values = fields(value, {"receipts": list}, "receipts")["receipts"]
    if not 0 < len(values) <= MOST_RECEIPTS:
        raise Problem(422, f"1 to {MOST_RECEIPTS} receipts at once")
    return values


def unpacked(content: bytes, encoding: str, most: int) -> bytes:
    """Return what was packed. Problem 413, 415 (another encoding than zstd); Refused: MALFORMED."""
    if encoding in {"", "identity"}:
        return content
    if encoding != "zstd":
        raise Problem(415, "a body is plain, or its Content-Encoding is zstd")
    try:
        with zstandard.ZstdDecompressor(max_window_size=_WINDOW).stream_reader(content) as source:
            found = source.read(most + 1)
    except zstandard.ZstdError as error:
        raise Refused(Fault.MALFORMED, f"the body does not unpack: {error}") from error
    if len(found) > most:
        raise too_long(most)
    return found
