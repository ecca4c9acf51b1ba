"""What people look at: orders, nodes, what is late, the audit log. A province sees its own nodes.

Reading is noted in the audit log too, before anything is shown.
"""

from collections.abc import Callable
from typing import Annotated, Any, TypeVar

from fastapi import APIRouter, Depends, Query, Request
from sqlalchemy import Connection, select

from filterd.hub import statistics, views
from filterd.hub.access import Auditor, HubOf, Reader
from filterd.hub.audit import note, verify
from filterd.hub.compliance import Look, Page
from filterd.hub.openapi import PEOPLE
from filterd.hub.people import Person
from filterd.hub.problems import Problem
from filterd.hub.state import Hub
from filterd.hub.tables import audits

T = TypeVar("T")
Json = Any
router = APIRouter(prefix="/v1", tags=["views"], responses=PEOPLE)


async def _page(
    limit: Annotated[int, Query(ge=1, le=1000)] = 100,
    offset: Annotated[int, Query(ge=0, le=10**9)] = 0,
) -> Page:
    return Page(limit, offset)


PageOf = Annotated[Page, Depends(_page)]
Second = Annotated[int, Query(ge=0, le=2**40)]


@router.get("/orders")
async def orders(
    request: Request, hub: HubOf, reader: Reader, page: PageOf
) -> list[dict[str, Json]]:
    """Orders, those that wait first, then the newest first, with how they are enforced."""
    return await _show(request, hub, reader, lambda look: views.orders(look, page))


@router.get("/orders/{authority}/{name}")
async def order(  # noqa: PLR0913, PLR0917 - a path and a query
    request: Request,
    hub: HubOf,
    reader: Reader,
    authority: str,
    name: str,
    page: PageOf,
) -> dict[str, Json]:
    """One order with T2, T3 and T4 of each node."""
    found = await _show(request, hub, reader, lambda look: views.order(look, authority, name, page))
    if found is None:
        raise Problem(404, f"{authority} has no order {name!r} here")
    return found


@router.get("/nodes")
async def nodes(
    request: Request, hub: HubOf, reader: Reader, page: PageOf
) -> list[dict[str, Json]]:
    """Nodes that have not ended, by province and name."""
    return await _show(request, hub, reader, lambda look: views.nodes(look, page))


@router.get("/late")
async def late(request: Request, hub: HubOf, reader: Reader, page: PageOf) -> dict[str, Json]:
    """What needs somebody: late, silent or refusing nodes, broken chains, what must stay open."""
    return await _show(request, hub, reader, lambda look: views.late(look, page))


@router.get("/status")
async def status(request: Request, hub: HubOf, reader: Reader) -> dict[str, Json]:
    """The state of the whole."""
    return await _show(request, hub, reader, views.status)


@router.get("/statistics")
async def numbers(
    request: Request, hub: HubOf, reader: Reader, start: Second, end: Second
) -> dict[str, Json]:
    """What may be told to the public of the days from `start` to `end`, in unix seconds."""
    span = statistics.Span(start, end)
    return await _show(request, hub, reader, lambda look: statistics.public(look, span))


@router.get("/audit")
async def audit(request: Request, hub: HubOf, auditor: Auditor, page: PageOf) -> dict[str, Json]:
    """What people did, after the first `offset` rows, and whether the whole log holds together."""
    return await noted(request, hub, auditor, lambda connection: _audit(connection, page))


async def _show(request: Request, hub: Hub, reader: Person, view: Callable[[Look], T]) -> T:
    def read(connection: Connection) -> T:
        return view(hub.look(connection, reader.province))

    return await noted(request, hub, reader, read)


async def noted(request: Request, hub: Hub, reader: Person, read: Callable[[Connection], T]) -> T:
    """Return what `read` returns, after it was noted who reads."""
    what = f"{request.url.path}?{request.url.query}".removesuffix("?")

    def work() -> T:
        with hub.database.write() as connection:
            note(connection, reader.name, "read", what, {}, hub.now_ms)
        with hub.database.read() as connection:
            return read(connection)

    return await hub.for_people.run(work)


def _audit(connection: Connection, page: Page) -> dict[str, Json]:
    whole = verify(connection)
    after = select(audits).where(audits.c.number > page.offset)
    chosen = after.order_by(audits.c.number).limit(page.limit)
    rows = [
        {**row, "digest": bytes(row["digest"]).hex()}
        for row in connection.execute(chosen).mappings()
    ]
    return {
        "rows": rows,
        "number": whole.rows,
        "newest": whole.newest.hex(),
        "broken": whole.broken,
    }
