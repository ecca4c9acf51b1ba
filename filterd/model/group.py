"""Who is asking, and what holds for them: the school's policy as values.

Configuration makes these, `policy/` turns them into tables for the core. Names refer to each
other by plain strings; that they exist has been checked before these values are made.
"""

from dataclasses import dataclass, field
from datetime import date, datetime, time
from enum import StrEnum

ALWAYS = 255  # min_age of what is illegal for everyone: above every group's age
ADULT = 18


class BlockStyle(StrEnum):
    """How a block is answered."""

    NXDOMAIN = "nxdomain"
    NODATA = "nodata"
    NULL = "null"  # 0.0.0.0 and ::
    ADDRESS = "address"  # the school's own block page host
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class BlockAnswer:
    """The group's block answer; `ttl` in seconds."""

    style: BlockStyle = BlockStyle.NULL
    ttl: int = 60
    ipv4: str | None = None
    ipv6: str | None = None


@dataclass(frozen=True, slots=True)
class Window:
    """A time of day on some weekdays (0 = Monday). `end` <= `start` runs over midnight and
    belongs to the day it starts on.
    """

    days: frozenset[int]
    start: time
    end: time


@dataclass(frozen=True, slots=True)
class Schedule:
    """Named windows, with dates that change the week: on an `off` date the schedule never
    holds, on an `extra` date these windows hold instead of the weekday's.
    """

    name: str
    windows: tuple[Window, ...] = ()
    off: frozenset[date] = frozenset()
    extra: tuple[tuple[date, tuple[tuple[time, time], ...]], ...] = ()


@dataclass(frozen=True, slots=True)
class ScheduledBlock:
    """While `schedule` holds (or, with `outside`, while it does not) block everything, or only
    the named categories, services and lists.
    """

    schedule: str
    outside: bool = False
    everything: bool = False
    categories: frozenset[str] = frozenset()
    services: frozenset[str] = frozenset()
    lists: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Group:
    """A set of clients with one policy. `age` is that of the youngest member, 18 for staff."""

    name: str
    age: int
    lists: frozenset[str] | None = None  # None: every configured list
    categories: tuple[
        tuple[str, int | None], ...
    ] = ()  # category -> min_age; None: not blocked by age
    block_services: frozenset[str] = frozenset()
    allow_services: frozenset[str] = frozenset()
    blocks: tuple[ScheduledBlock, ...] = ()
    allow_only: bool = False  # default is block; local allow, allow lists and must-not-block pass
    allow: tuple[str, ...] = ()  # names with subdomains, beside the school's own
    block: tuple[str, ...] = ()
    safe_search: bool = True
    youtube: str = "moderate"  # off | moderate | strict
    answer: BlockAnswer = BlockAnswer()
    filtered: bool = True  # False: nothing but mandatory orders and local data applies
    bypass_protection: bool = True  # canary names, relay names, public DoH/DoT, `ech` stripped


@dataclass(frozen=True, slots=True)
class Client:
    """A client known by name. `ids` are addresses, CIDR networks or MAC addresses."""

    name: str
    group: str
    ids: tuple[str, ...] = ()
    tags: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class ListSpec:
    """One configured list."""

    name: str
    format: str
    url: str | None = None
    path: str | None = None
    allow: bool = False  # every rule of it is an exception
    category: str | None = None
    min_age: int | None = None  # above the category's when both are given
    mandatory: bool = False  # an order: precedence step 2
    subdomains: bool = False  # hosts and domains formats: names mean their subdomains too
    wide: bool = False  # trusted to name a whole public suffix
    zone: str | None = None  # RPZ: the zone's own name, where the file does not say


@dataclass(frozen=True, slots=True)
class Override:
    """A teacher's temporary allow. `group` None: for everyone. Expiry is mandatory."""

    name: str
    expires: datetime
    reason: str
    by: str
    group: str | None = None


@dataclass(frozen=True, slots=True)
class LocalRule:
    """A name, with its subdomains, that the operator blocks or (`block` False) allows by command
    until that is taken back. `group` None: for everyone.
    """

    name: str
    block: bool
    at: datetime
    by: str
    reason: str = ""
    group: str | None = None


@dataclass(frozen=True, slots=True)
class Category:
    """A kind of content and the age from which it is suitable (ALWAYS: illegal)."""

    name: str
    min_age: int
    title_en: str = ""
    title_vi: str = ""
    grave: bool = False  # reported without the pupils' age


@dataclass(frozen=True, slots=True)
class Service:
    """An app or site family known by name; `names` cover their subdomains."""

    name: str
    title: str
    category: str
    names: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class SafeSearch:
    """`names` (exact) are answered with `target`; `kind` is search, youtube-moderate or
    youtube-strict.
    """

    engine: str
    kind: str
    names: tuple[str, ...]
    target: str


@dataclass(frozen=True, slots=True)
class RuleBook:
    """The content of `rules/`."""

    categories: tuple[Category, ...]
    services: tuple[Service, ...]
    safe_search: tuple[SafeSearch, ...]
    must_not_block: tuple[str, ...]  # names with their subdomains
    canaries: tuple[str, ...]  # exact names answered NXDOMAIN so that a device keeps to our DNS
    bypass: tuple[str, ...]  # public DoH/DoT and relay names, with their subdomains
    brackets: tuple[tuple[str, int], ...]  # bracket or grade -> age
    schemes: tuple[tuple[str, int], ...]  # "film:T13" -> 13
    demo: tuple[tuple[str, str], ...] = ()  # demonstration name -> category
    never_decrypt: tuple[str, ...] = ()  # names with their subdomains


@dataclass(frozen=True, slots=True)
class School:
    """Everything that policy is made of, in one value."""

    groups: tuple[Group, ...]
    default_group: str
    lists: tuple[ListSpec, ...] = ()
    clients: tuple[Client, ...] = ()
    networks: tuple[tuple[str, str], ...] = ()  # CIDR -> group
    schedules: tuple[Schedule, ...] = ()
    allow: tuple[str, ...] = ()  # precedence step 5, names with subdomains
    block: tuple[str, ...] = ()  # precedence step 6
    overrides: tuple[Override, ...] = ()
    rules: tuple[LocalRule, ...] = ()  # steps 5 and 6, beside the names above
    rebind_protection: bool = True
    rebind_exceptions: tuple[str, ...] = ()
    timezone: str = "Asia/Ho_Chi_Minh"
    category_ages: tuple[tuple[str, int], ...] = field(default=())  # changes to the rule book's
