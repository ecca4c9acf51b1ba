"""Who asks: a node by its signature, a person by a token. Dependencies of the routes.

A signature is checked before anything that a node says is looked at, and a node has its own share
of the hub, so a forger takes nothing from the node that he names.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Request

from filterd.feed.refusal import Fault, Refused
from filterd.feed.request import Request as Signed
from filterd.feed.request import check_request, sender_of
from filterd.hub.enrolment import NodeRow
from filterd.hub.limits import Buckets, address_of
from filterd.hub.people import Person, Role, find_person
from filterd.hub.problems import Problem
from filterd.hub.state import Hub
from filterd.model.order import PublicKey

_ENROL = "`filterd feed enrol CODE` on the node, with a code from an operator of this hub"


@dataclass(frozen=True, slots=True)
class Sent:
    """What a node sent: verified, not yet unpacked. `skew`: seconds that its clock is ahead."""

    node: NodeRow
    content: bytes
    encoding: str
    skew: int


def hub_of(request: Request) -> Hub:
    """Return the parts of this process."""
    hub = request.app.state.hub
    assert isinstance(hub, Hub)
    return hub


async def sent(request: Request) -> Sent:
    """Read a request of a node that is enrolled. Problem 401, 413, 422, 429, 503."""
    hub = hub_of(request)
    _spend(hub, hub.per_address, address_of(request.scope), "this address")
    node = await hub.nodes.find(_named(request))
    if node is None:
        raise Problem(401, f"unknown node: {_ENROL}")
    if node.ended_at is not None:
        raise Problem(401, f"this node was ended by an operator; if that is wrong: {_ENROL}")
    content = await request.body()
    try:
        skew = check(request, content, node.key, hub)
    except Problem as problem:
        if problem.skew is not None:
            await hub.for_nodes.run(hub.nodes.note, node, problem.skew, hub.now_ms)
        raise
    _spend(hub, hub.per_node, node.id, "this node")
    return Sent(node, content, request.headers.get("content-encoding", ""), skew)


def check(request: Request, content: bytes, key: PublicKey, hub: Hub) -> int:
    """Return the seconds that the sender's clock is ahead. Problem 401; 422: it is too far off."""
    headers = dict(request.headers)
    signed = Signed(request.method, request.url.path, content, headers)
    now = int(hub.clock.unix())
    try:
        skew = check_request(signed, key, now)
    except Refused as refused:
        if refused.fault is not Fault.MIXED:
            raise Problem(401, f"{refused.fault.value}: {refused}") from refused
        problem = Problem(422, f"the clock is wrong, here or there: {refused}")
        # Only a future date: an old one may be somebody who sends again what he has overheard.
        problem.skew = _ahead(headers, now)
        raise problem from refused
    hub.numbers.skew.observe(abs(skew))
    return skew


def _named(request: Request) -> str:
    try:
        return sender_of(Signed(request.method, request.url.path, b"", dict(request.headers)))
    except Refused as refused:
        raise Problem(401, f"not signed: {refused}") from refused


def _ahead(headers: dict[str, str], now: int) -> int | None:
    created = headers["signature-input"].partition(";created=")[2].partition(";")[0]
    ahead = int(created) - now
    return ahead if ahead > 0 else None


def _spend(hub: Hub, buckets: Buckets, sender: str, who: str) -> None:
    wait = buckets.take(sender, hub.clock.steady())
    if wait:
        raise Problem(429, f"too many requests from {who}", after=wait)


def person(*roles: Role) -> Callable[[Request], Awaitable[Person]]:
    """Return what lets people of `roles` in. Problem 401: no token holds; 403: another role."""

    async def find(request: Request) -> Person:
        hub = hub_of(request)
        _spend(hub, hub.per_address, address_of(request.scope), "this address")
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not 0 < len(token) <= 200:
            raise Problem(401, "a token is needed: Authorization: Bearer TOKEN")
        found = await hub.for_people.run(_look_up, hub, token)
        if found is None:
            raise Problem(401, "this token is not known, or its holder was ended")
        if found.role not in roles:
            may = ", ".join(role.value for role in roles)
            raise Problem(403, f"{found.name} is {found.role.value}; this is for: {may}")
        return found

    return find


def _look_up(hub: Hub, token: str) -> Person | None:
    with hub.database.read() as connection:
        return find_person(connection, token)


async def _hub(request: Request) -> Hub:
    return hub_of(request)  # a plain function would be given a thread of its own, each time


HubOf = Annotated[Hub, Depends(_hub)]
SentBy = Annotated[Sent, Depends(sent)]
Officer = Annotated[Person, Depends(person(Role.OFFICER))]
Operator = Annotated[Person, Depends(person(Role.OPERATOR))]
Auditor = Annotated[Person, Depends(person(Role.AUDITOR))]
Reader = Annotated[Person, Depends(person(*Role))]
