"""Orders, counts and evidence as files for others. A province gets what concerns its own nodes."""

from typing import Annotated

from fastapi import APIRouter, Query, Request, Response
from sqlalchemy import Connection

from filterd.hub import statistics
from filterd.hub.access import HubOf, Reader
from filterd.hub.evidence import EvidenceError, evidence
from filterd.hub.exports import EXPORTS
from filterd.hub.openapi import PEOPLE
from filterd.hub.problems import Problem
from filterd.hub.routes_views import noted

router = APIRouter(prefix="/v1/export", tags=["views"], responses=PEOPLE)
_DAY = 86_400
Second = Annotated[int | None, Query(ge=0, le=2**40)]


@router.get("/{name}", response_class=Response)
async def export(  # noqa: PLR0913, PLR0917 - a path and a query
    request: Request,
    hub: HubOf,
    reader: Reader,
    name: str,
    start: Second = None,
    end: Second = None,
) -> Response:
    """orders.csv, orders.json, orders.stix, sites.csv (.vn sites with and without an age label), or
    bypass.csv (attempts to go round the filter by kind and age; numbers of nodes, no names), with
    counts of whole days (UTC) from `start` to `end`, unix seconds; left out: the last 30 days.
    """
    if name not in EXPORTS:
        raise Problem(404, f"no export {name!r}; there are: {', '.join(sorted(EXPORTS))}")
    media, make = EXPORTS[name]
    today = hub.now_ms // 1000 // _DAY * _DAY
    until = today + _DAY if end is None else end // _DAY * _DAY
    since = until - 30 * _DAY if start is None else start // _DAY * _DAY
    if since >= until:
        raise Problem(422, "start must be a day or more before end")

    def read(connection: Connection) -> bytes:
        return make(hub.look(connection, reader.province), statistics.Span(since, until))

    return _file(await noted(request, hub, reader, read), media, name)


@router.get("/evidence/{authority}/{order}/{node}", response_class=Response)
async def prove(  # noqa: PLR0913, PLR0917 - a path
    request: Request, hub: HubOf, reader: Reader, authority: str, order: str, node: str
) -> Response:
    """What proves since when a node enforces an order, as a tar file."""

    def read(connection: Connection) -> bytes:
        look = hub.look(connection, reader.province)
        return evidence(look, hub.config.feed, authority, order, node)

    try:
        data = await noted(request, hub, reader, read)
    except EvidenceError as error:
        raise Problem(404, str(error)) from error
    return _file(data, "application/x-tar", "evidence.tar")


def _file(data: bytes, media: str, name: str) -> Response:
    kept = {"Content-Disposition": f'attachment; filename="{name}"'}
    return Response(data, media_type=media, headers=kept)
