"""Who may speak to the hub, and as what. A person is known by a token, which is kept as a hash."""

import hmac
import secrets
from dataclasses import dataclass
from enum import StrEnum

from sqlalchemy import Connection, RowMapping, insert, select, update

from filterd.hub.secret import Random, hash_of, new_secret
from filterd.hub.tables import people
from filterd.model.errors import FilterdError


class Role(StrEnum):
    """What somebody may do."""

    OFFICER = "officer"  # submit orders
    OPERATOR = "operator"  # invite and end nodes and people
    AUDITOR = "auditor"  # read everything, the audit log too
    PROVINCE = "province"  # read what concerns its province


class PersonError(FilterdError):
    """A person cannot be added or ended; the text says why."""


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody with a token. `province` is what a `Role.PROVINCE` may see, None for all others."""

    name: str
    role: Role
    province: str | None
    made_at: int
    ended_at: int | None


def add_person(  # noqa: PLR0913 - the columns of a row
    connection: Connection,
    name: str,
    role: Role,
    now_ms: int,
    *,
    province: str | None = None,
    random: Random = secrets.token_bytes,
) -> str:
    """Add somebody and return the token, which is not kept.

    Raises:
        PersonError: the name is taken (for ever: the audit log speaks of it), or role and province
            do not go together.
    """
    if not (0 < len(name) <= 100 and name.isprintable()):
        raise PersonError("a name has 1 to 100 printable characters")
    if (role is Role.PROVINCE) is not bool(province):
        raise PersonError("a province is named for the role province, and only there")
    if connection.execute(select(people.c.name).where(people.c.name == name)).first():
        raise PersonError(f"there is or was a {name!r}; a name is used once")
    token = new_secret(random)
    row = {"name": name, "role": role.value, "province": province, "made_at": now_ms}
    connection.execute(insert(people).values(**row, token_hash=hash_of(token)))
    return token


def end_person(connection: Connection, name: str, now_ms: int) -> None:
    """Take nothing from somebody any more, from now on. PersonError: there is no such person."""
    ended = update(people).where(people.c.name == name, people.c.ended_at.is_(None))
    if connection.execute(ended.values(ended_at=now_ms)).rowcount != 1:
        raise PersonError(f"there is no {name!r} to end")


def find_person(connection: Connection, token: str) -> Person | None:
    """Return whose token it is; None: nobody's, or of somebody who was ended."""
    kept = hash_of(token)
    row = connection.execute(select(people).where(people.c.token_hash == kept)).mappings().first()
    # The look-up is by the hash of a random number, so its time tells nothing that can be used.
    if row is None or not hmac.compare_digest(bytes(row["token_hash"]), kept):
        return None
    return None if row["ended_at"] is not None else _person(row)


def list_people(connection: Connection) -> tuple[Person, ...]:
    """Return everybody, those who were ended too, by name."""
    rows = connection.execute(select(people).order_by(people.c.name)).mappings()
    return tuple(map(_person, rows))


def _person(row: RowMapping) -> Person:
    return Person(row["name"], Role(row["role"]), row["province"], row["made_at"], row["ended_at"])
