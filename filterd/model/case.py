"""A case: somebody says that a page is blocked by mistake, or is needed.

It holds what a teacher needs to look at it and no field for who asked: no client, no address of a
page, no time finer than an hour. Cases travel from the HTTP filter's workers to the daemon's side
as lines of JSON; a line that is not one of ours is None.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields

HOUR = 3600
LONGEST = 4096  # bytes of a line
TEXT = 255  # characters of a field
NOTE = 200  # characters of what somebody wrote
ALPHABET = "23456789ABCDEFGHJKMNPQRSTUVWXYZ"  # nothing that is read two ways: 0 O, 1 I L
REFERENCE = re.compile(f"[{ALPHABET}]{{4}}-[{ALPHABET}]{{4}}")
_CLIENT_WORDS = ("$client", ",client=", "rpz-client-ip")


@dataclass(frozen=True, slots=True)
class Case:
    """One appeal. `why` and `reason` are words of the block page; `hour` the unix seconds of the
    full hour in which it was opened; `host` "" where no page may name it.
    """

    reference: str
    hour: int
    why: str
    reason: str
    host: str = ""
    group: str = ""
    category: str = ""
    age: int | None = None
    list: str = ""
    rule: str = ""
    order: str = ""
    note: str = ""


def without_client(rule: str) -> str:
    """Return a rule, or "" where the rule itself speaks of a client."""
    return "" if any(word in rule for word in _CLIENT_WORDS) else rule


def to_line(case: Case) -> bytes:
    """Return a case as a line."""
    return json.dumps(asdict(case), ensure_ascii=False).encode() + b"\n"


def from_line(line: bytes) -> Case | None:
    """Return the case of a line; None for anything else, however it is wrong."""
    if len(line) > LONGEST:
        return None
    try:
        said = json.loads(line)
    except (ValueError, RecursionError):
        return None
    return from_json(said)


def from_json(said: object) -> Case | None:
    """Return the case of a JSON object; None if a field is missing, of another kind or too long."""
    if not isinstance(said, dict) or said.keys() != _FIELDS or not _fits(said):
        return None
    return Case(**said)


def _fits(said: Mapping[str, object]) -> bool:
    hour, age = said["hour"], said["age"]
    texts = [said[name] for name in _FIELDS - {"hour", "age"}]
    return (
        all(isinstance(each, str) and len(each) <= TEXT and each.isprintable() for each in texts)
        and type(hour) is int
        and 0 <= hour < 2**40
        and hour % HOUR == 0
        and (age is None or (type(age) is int and 0 <= age <= 255))
        and REFERENCE.fullmatch(str(said["reference"])) is not None
    )


_FIELDS = frozenset(each.name for each in fields(Case))
