"""What of an event may be kept: four levels, each a type of row.

none        nothing.
aggregates  `Count`: how often, per five minutes and group. The type has no field for a client, a
            name that was asked for, or a finer time, so none of them can be stored by mistake.
            Passes are counted per group and nothing else.
pseudonym   `Masked`: the event with the client replaced by a word that means nothing tomorrow.
full        the `Event` as it is.

Pure: events in, rows out. The key of the day comes from `daykey.py`.
"""

import ipaddress
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from filterd.model.event import Event
from filterd.model.verdict import Kind, Step

SLOT = 300  # seconds
_CLIENT_WORDS = ("$client", ",client=", "rpz-client-ip")
_MAYBE_ADDRESS = re.compile(r"[0-9a-fA-F:.]+(?:%[^/]*)?(?:/[0-9.]+)?")


class Level(StrEnum):
    """How much is kept, least first."""

    NONE = "none"
    AGGREGATES = "aggregates"
    PSEUDONYM = "pseudonym"
    FULL = "full"


@dataclass(frozen=True, slots=True)
class Count:
    """`n` events of one kind in the `SLOT` seconds from Unix time `slot`."""

    slot: int
    group: str
    kind: Kind
    step: Step
    list: str | None
    category: str | None
    rule: str | None
    n: int


@dataclass(frozen=True, slots=True)
class Masked:
    """An event whose client is `pseudonym`, 16 hexadecimal digits, or "" where its key is gone."""

    at: int  # whole seconds
    pseudonym: str
    qname: str
    qtype: int
    kind: Kind
    step: Step
    list: str | None
    rule: str | None
    category: str | None
    group: str
    door: str
    rcode: int


Row = Count | Masked | Event


class Pseudonyms(Protocol):
    """Turns a client into a word; see `daykey.DayKey`."""

    def pseudonym(self, client: str, at: float) -> str:
        """Return the word for `client` at Unix time `at`, "" if there is no key for that day."""
        ...


def keep(level: Level, events: Sequence[Event], pseudonyms: Pseudonyms | None = None) -> list[Row]:
    """Return the rows that `level` allows for `events`.

    Raises:
        ValueError: level `pseudonym` without `pseudonyms`.
    """
    if level is Level.NONE:
        return []
    if level is Level.AGGREGATES:
        return list(count(events))
    if level is Level.FULL:
        return list(events)
    if pseudonyms is None:
        raise ValueError("level pseudonym needs a source of pseudonyms")
    return [mask(event, pseudonyms) for event in events]


def count(events: Iterable[Event]) -> list[Count]:
    """Count events by slot, group and reason, in the order of first appearance."""
    counts = Counter(_key(event) for event in events)
    return [Count(*key, n) for key, n in counts.items()]


def mask(event: Event, pseudonyms: Pseudonyms) -> Masked:
    """Replace the client. A rule that names a client's address would undo that, so it goes too."""
    return Masked(
        at=int(event.at),
        pseudonym=pseudonyms.pseudonym(event.client, event.at),
        qname=event.qname,
        qtype=event.qtype,
        kind=event.kind,
        step=event.step,
        list=event.list,
        rule=public_pattern(event.rule),
        category=event.category,
        group=event.group,
        door=event.door,
        rcode=event.rcode,
    )


def public_pattern(rule: str | None) -> str | None:
    """Return `rule` unless it can speak of a client: an address or network (RPZ rpz-client-ip) or
    a rule with a client modifier.
    """
    if rule is None or any(word in rule for word in _CLIENT_WORDS):
        return None
    if not _MAYBE_ADDRESS.fullmatch(rule):  # spares nearly every rule the real test
        return rule
    try:
        ipaddress.ip_network(rule, strict=False)
    except ValueError:
        return rule
    return None


_Key = tuple[int, str, Kind, Step, str | None, str | None, str | None]


def _key(event: Event) -> _Key:
    slot = int(event.at // SLOT) * SLOT
    if event.kind is Kind.PASS:
        # Which default or must-not-block name let it pass would narrow down what was asked.
        return slot, event.group, Kind.PASS, Step.DEFAULT, None, None, None
    return (
        slot,
        event.group,
        event.kind,
        event.step,
        event.list,
        event.category,
        public_pattern(event.rule),
    )
