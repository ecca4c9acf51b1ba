"""Orders of authorities: who may order what, what was ordered, and who signed it.

An authority is data that is signed above it, never a constant: its officers' keys, how many of
them must sign, and its mandate, the scope that its orders are held to on every node. An order
names its legal basis and an end; nothing is ordered for ever.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

HOUR = 3600
DAY = 24 * HOUR


class Match(StrEnum):
    """What an order's pattern covers."""

    NAME = "name"  # the name only
    SUBTREE = "subtree"  # the name and everything under it
    URL = "url"  # host and path with what is beneath; for the HTTP filter, DNS leaves it alone


class Effect(StrEnum):
    """What is to be done."""

    BLOCK = "block"
    WARN = "warn"  # a page that warns; DNS alone cannot warn and lets it pass
    ALLOW = "allow"


class Priority(StrEnum):
    """How soon it is wanted; every node takes both at once, as yet."""

    NORMAL = "normal"
    URGENT = "urgent"


class Sunset(StrEnum):
    """Why it ends, and so how long it may last at most; see `LONGEST`."""

    EVENT = "event"  # a live event
    THREAT = "threat"  # phishing, malware: names change hands
    REVIEW = "review"  # abuse material: looked at again every quarter
    STANDING = "standing"  # a rating


LONGEST: Mapping[Sunset, int] = {
    Sunset.EVENT: 3 * DAY,
    Sunset.THREAT: 183 * DAY,
    Sunset.REVIEW: 92 * DAY,
    Sunset.STANDING: 366 * DAY,
}  # seconds from not-before to not-after


@dataclass(frozen=True, slots=True)
class Pattern:
    """One name or address that an order speaks of, as `model/name.py` spells names. `text` of a
    URL is `host/path`, no scheme.
    """

    match: Match
    text: str

    @property
    def host(self) -> str:
        """The name in it."""
        return self.text.partition("/")[0]


@dataclass(frozen=True, slots=True)
class Order:
    """What an authority orders. Times are unix seconds; in force from `not_before` to `not_after`.

    `id` is unique within the authority; `reference` is the number on the paper. `min_age` None:
    for everyone, whatever a school says. With one, it is a rating: for groups that are younger.
    """

    id: str
    authority: str
    reference: str
    legal_basis: str
    category: str
    effect: Effect
    patterns: tuple[Pattern, ...]
    not_before: int
    not_after: int
    sunset: Sunset
    priority: Priority = Priority.NORMAL
    min_age: int | None = None


@dataclass(frozen=True, slots=True)
class Revocation:
    """The end of an order before its time."""

    order: str
    authority: str
    reason: str
    at: int


@dataclass(frozen=True, slots=True)
class Confirmation:
    """The word of an authority that an order is meant, although it hits much of what is asked for;
    nodes that hold it back for that enforce it from then on.
    """

    order: str
    authority: str
    reason: str
    at: int


Act = Order | Revocation | Confirmation


@dataclass(frozen=True, slots=True)
class Signature:
    """`value` is in hexadecimal; `key` the id of the key that made it. `at`: when an officer signed
    an act, in unix seconds by the officer's clock, and signed with it; 0 where nothing says when.
    """

    key: str
    value: str
    at: int = 0


@dataclass(frozen=True, slots=True)
class SignedAct:
    """An act with its officers' signatures; they are looked at in `feed/warrant.py`."""

    act: Act
    signatures: tuple[Signature, ...]

    @property
    def signed_at(self) -> int:
        """When the newest signature was made, in unix seconds; 0: there is none."""
        return max((each.at for each in self.signatures), default=0)


@dataclass(frozen=True, slots=True)
class PublicKey:
    """A key as securesystemslib writes it: type, scheme, public part."""

    id: str
    keytype: str
    scheme: str
    public: str


@dataclass(frozen=True, slots=True)
class Mandate:
    """What an authority may order. `names` empty: any name, else these and what is under them.
    `per_order` patterns at most in one order, `per_hour` in all orders of an hour.
    """

    legal_bases: frozenset[str]
    categories: frozenset[str]
    effects: frozenset[Effect]
    names: frozenset[str] = frozenset()
    per_order: int = 10_000
    per_hour: int = 20_000


@dataclass(frozen=True, slots=True)
class Retired:
    """A key that is used no more: what was logged up to `at` (unix seconds) stands, what came later
    it does not sign.
    """

    key: PublicKey
    at: int


@dataclass(frozen=True, slots=True)
class Authority:
    """Who orders. `threshold` different keys of `officers` must sign; none of them counts after
    `not_after` (unix seconds).
    """

    id: str
    name: str
    officers: tuple[PublicKey, ...]
    threshold: int
    mandate: Mandate
    not_after: int
    retired: tuple[Retired, ...] = ()


@dataclass(frozen=True, slots=True)
class Registry:
    """All authorities, as the root of the feed says it. `version` only grows."""

    version: int
    authorities: tuple[Authority, ...]

    def find(self, authority: str) -> Authority | None:
        """Return the authority of that id."""
        return next((each for each in self.authorities if each.id == authority), None)
