"""How nodes enrol. What they send after that is taken by `taking.py`."""

from fastapi import APIRouter, Request
from pydantic import BaseModel

from filterd.feed.canonical import fields, read_object
from filterd.feed.request import Request as Signed
from filterd.hub import enrolment
from filterd.hub.access import HubOf, admit, check
from filterd.hub.limits import too_long
from filterd.hub.openapi import SIGNED, content_of
from filterd.hub.packing import unpacked
from filterd.hub.problems import Problem
from filterd.hub.state import Hub
from filterd.model.order import PublicKey

router = APIRouter(prefix="/v1", tags=["nodes"])
_MOST_ENROLMENT = 16 * 1024  # bytes; anybody may send one, and it is read on the loop


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
    headers = dict(request.headers)
    check(Signed(request.method, request.url.path, content, headers), key, hub)
    try:
        row = await hub.for_nodes.run(_enrol, hub, said["code"], key, said["software"])
    except enrolment.EnrolmentError as error:
        raise Problem(403, str(error)) from error
    hub.nodes.forget(key.id)
    return NodeReply(node=row.id, name=row.name)


def _enrol(hub: Hub, code: str, key: PublicKey, software: str) -> enrolment.NodeRow:
    with hub.database.write() as connection:
        return enrolment.enrol(connection, code, key, software, hub.now_ms)
