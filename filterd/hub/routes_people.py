"""What people do: officers submit orders, operators invite and end. All of it is audited, in the
transaction that does it. What people look at is in `routes_views.py`.
"""

from typing import Any, Literal

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import Connection, select

from filterd.feed.acts import kind_of, read_signed
from filterd.feed.canonical import read_object
from filterd.feed.ledger import digest
from filterd.feed.refusal import Refused
from filterd.hub import enrolment, people, register
from filterd.hub.access import HubOf, Officer, Operator
from filterd.hub.audit import note
from filterd.hub.openapi import PEOPLE, content_of
from filterd.hub.packing import unpacked
from filterd.hub.people import Person, Role
from filterd.hub.problems import Problem
from filterd.hub.state import Hub
from filterd.hub.tables import orders
from filterd.model.order import Order, SignedAct

router = APIRouter(prefix="/v1", tags=["people"], responses=PEOPLE)


class _Said(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)


class Invitation(_Said):
    """Whom a code is for. `lifetime` in seconds."""

    name: str
    province: str
    kind: Literal["school", "isp"] = "school"
    subscribers: int = Field(default=1, ge=1)
    lifetime: int = Field(default=enrolment.WEEK, ge=60)


class NewPerson(_Said):
    """Whom a token is for; a province is named for the role province."""

    name: str
    role: Literal["officer", "operator", "auditor", "province"]
    province: str | None = None


class Submitted(BaseModel):
    """`known`: the very same was here before. `urgent`: it is published at once."""

    digest: str
    known: bool
    urgent: bool


@router.post("/orders", status_code=202, openapi_extra=content_of("SignedAct"))
async def submit(request: Request, response: Response, hub: HubOf, officer: Officer) -> Submitted:
    """Take an order or a revocation that enough officers have signed, to be published."""
    content, encoding = await request.body(), request.headers.get("content-encoding", "")
    done = await hub.for_people.run(_submit, hub, officer, content, encoding)
    if done.urgent and not done.known:
        hub.publisher.wake()
    if done.known:
        response.status_code = 200
    return done


@router.post("/invitations", status_code=201)
async def invite(said: Invitation, hub: HubOf, operator: Operator) -> dict[str, str]:
    """Return a code for one node; it is shown once."""
    invited = enrolment.Invited(**said.model_dump())
    return {"code": await hub.for_people.run(_invite, hub, operator, invited)}


@router.post("/nodes/{node}/end")
async def end_node(node: str, hub: HubOf, operator: Operator) -> dict[str, str]:
    """Take nothing from a node any more."""
    row = await hub.for_people.run(_end_node, hub, operator, node)
    hub.nodes.forget(node)
    return {"node": row.id, "name": row.name}


@router.post("/people", status_code=201)
async def add_person(said: NewPerson, hub: HubOf, operator: Operator) -> dict[str, str]:
    """Return a token for somebody; it is shown once."""
    return {"token": await hub.for_people.run(_add_person, hub, operator, said)}


@router.post("/people/{name}/end")
async def end_person(name: str, hub: HubOf, operator: Operator) -> dict[str, str]:
    """Take nothing from somebody any more."""
    await hub.for_people.run(_end_person, hub, operator, name)
    return {"name": name}


def _submit(hub: Hub, officer: Person, content: bytes, encoding: str) -> Submitted:
    most = hub.config.limits.unpacked
    signed = read_signed(read_object(unpacked(content, encoding, most), most))
    try:
        hub.publisher.check(signed)
    except Refused as refused:  # not as with a node: whoever brings it is known
        raise Problem(422, f"{refused.fault.value}: {refused}") from refused
    with hub.database.write() as connection:
        _check_unused(connection, signed)
        done = register.submit(connection, signed, officer.name, hub.now_ms)
        act, kind = signed.act, kind_of(signed.act)
        subject = f"{act.authority}/{act.id if isinstance(act, Order) else act.order}"
        detail = {"digest": done.digest.hex(), "known": int(done.known)}
        note(connection, officer.name, f"submit-{kind}", subject, detail, hub.now_ms)
    urgent = register.is_urgent(signed.act)
    return Submitted(digest=done.digest.hex(), known=done.known, urgent=urgent)


def _check_unused(connection: Connection, signed: SignedAct) -> None:
    """Problem 409: nodes go by the first order of an id."""
    act = signed.act
    if not isinstance(act, Order):
        return
    found = select(orders.c.digest).where(
        orders.c.authority == act.authority, orders.c.id == act.id
    )
    others = {bytes(row.digest) for row in connection.execute(found)} - {digest(signed)}
    if others:
        raise Problem(409, f"{act.authority} has used the id {act.id!r} before; take another one")


def _invite(hub: Hub, operator: Person, invited: enrolment.Invited) -> str:
    with hub.database.write() as connection:
        try:
            code = enrolment.invite(connection, invited, hub.now_ms)
        except enrolment.EnrolmentError as error:
            raise Problem(422, str(error)) from error
        detail: dict[str, Any] = {"province": invited.province, "kind": invited.kind}
        note(connection, operator.name, "invite", invited.name, detail, hub.now_ms)
        return code


def _end_node(hub: Hub, operator: Person, node: str) -> enrolment.NodeRow:
    with hub.database.write() as connection:
        try:
            row = enrolment.end_node(connection, node, hub.now_ms)
        except enrolment.EnrolmentError as error:
            raise Problem(404, str(error)) from error
        note(connection, operator.name, "end-node", node, {"name": row.name}, hub.now_ms)
        return row


def _add_person(hub: Hub, operator: Person, said: NewPerson) -> str:
    with hub.database.write() as connection:
        try:
            role = Role(said.role)
            token = people.add_person(
                connection, said.name, role, hub.now_ms, province=said.province
            )
        except people.PersonError as error:
            raise Problem(422, str(error)) from error
        note(connection, operator.name, "add-person", said.name, {"role": said.role}, hub.now_ms)
        return token


def _end_person(hub: Hub, operator: Person, name: str) -> None:
    with hub.database.write() as connection:
        try:
            people.end_person(connection, name, hub.now_ms)
        except people.PersonError as error:
            raise Problem(404, str(error)) from error
        note(connection, operator.name, "end-person", name, {}, hub.now_ms)
