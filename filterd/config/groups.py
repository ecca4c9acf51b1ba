"""`groups`: sets of clients with one policy."""

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, model_validator

from filterd.config.section import Section
from filterd.config.text import Text, shape, written
from filterd.config.types import Age, DomainName, Network, Ttl, Word, read_age

EVERYTHING = "all"


def _read_category_setting(value: Any) -> int | str:
    if isinstance(value, str) and value.strip().lower() in {"allow", "block"}:
        return value.strip().lower()
    return read_age(value)


def _read_blocked(value: Any) -> tuple[str, ...]:
    if isinstance(value, str) and value.strip().lower() == EVERYTHING:
        return (EVERYTHING,)
    if not isinstance(value, (list, tuple)) or not value:
        raise ValueError(f"expected `all` or a list, not {shape(value)}")
    return tuple(written(item) for item in value)


def _show_blocked(names: tuple[str, ...]) -> Any:
    return EVERYTHING if names == (EVERYTHING,) else list(names)


CategorySetting = Annotated[
    int | str,
    Text(
        _read_category_setting,
        lambda setting: setting,
        "allow, block, or the age from which it is open",
        ("allow", "block", 16),
        ("string", "integer"),
    ),
]
Blocked = Annotated[
    tuple[str, ...],
    Text(
        _read_blocked,
        _show_blocked,
        "all, or a list of names, each a category, service or list; category:NAME, service:NAME "
        "and list:NAME say which",
        ("all", ["category:games", "service:tiktok"]),
        ("string", "array"),
    ),
]


class AnswerConfig(Section):
    """How a block is answered."""

    style: Annotated[
        Literal["null", "nxdomain", "nodata", "address", "refused"],
        BeforeValidator(lambda value: "null" if value is None else value),  # YAML's own null
    ] = "null"
    """null: 0.0.0.0 and ::; nxdomain; nodata; address: that of a block page; refused."""
    ttl: Ttl = 60
    """How long clients may keep the block; cut at the next switch of a schedule."""
    ipv4: str | None = None
    """The block page's address, for style `address`."""
    ipv6: str | None = None
    """The same over IPv6."""

    @model_validator(mode="after")
    def _address_given(self) -> "AnswerConfig":
        if self.style == "address" and not (self.ipv4 or self.ipv6):
            raise ValueError("style `address` needs ipv4 or ipv6")
        return self


class ServicesConfig(Section):
    """Apps and sites by name."""

    block: tuple[str, ...] = ()
    """Services blocked whatever the age; names of rules/services.yaml."""
    allow: tuple[str, ...] = ()
    """Services open although their category is not."""


class ScheduleUseConfig(Section):
    """What a schedule blocks."""

    during: str | None = None
    """The schedule during which it holds."""
    outside: str | None = None
    """Or the schedule outside which it holds."""
    block: Blocked
    """What is blocked then: all, or names."""

    @model_validator(mode="after")
    def _one_of(self) -> "ScheduleUseConfig":
        if (self.during is None) == (self.outside is None):
            raise ValueError("give either `during` or `outside`")
        return self


class GroupConfig(Section):
    """One group. Its age is that of its youngest member."""

    age: Age | None = None
    """An age from 0 to 18, or a bracket such as primary, grade-3 or staff. This or `grade`."""
    grade: int | None = Field(default=None, ge=1, le=12)
    """The school grade, 1 to 12, in place of the age."""
    networks: tuple[Network, ...] = ()
    """Networks whose clients belong here; the smallest network that holds a client wins."""
    lists: tuple[str, ...] | None = None
    """The lists that apply; left out: all of them."""
    categories: dict[str, CategorySetting] = Field(default_factory=dict)
    """Categories that differ from their age: allow, block, or another age."""
    services: ServicesConfig = ServicesConfig()
    """Apps and sites by name."""
    schedules: tuple[ScheduleUseConfig, ...] = ()
    """What is blocked at which times."""
    allow_only: bool = False
    """Block everything but what is allowed here, in allow lists and by the school."""
    allow: tuple[DomainName, ...] = ()
    """Names open for this group, with their subdomains."""
    block: tuple[DomainName, ...] = ()
    """Names blocked for this group, with their subdomains."""
    safe_search: bool = True
    """Send search engines to their safe search."""
    youtube: Literal["off", "moderate", "strict"] = "moderate"
    """YouTube's restricted mode."""
    answer: AnswerConfig | None = None
    """How a block is answered; left out: as `blocking` says."""
    filtered: bool = True
    """false: nothing but orders that bind everyone is blocked."""
    bypass_protection: bool = True
    """Keep devices from going round this resolver (public DoH, relays, ECH)."""

    @model_validator(mode="after")
    def _one_age(self) -> "GroupConfig":
        if (self.age is None) == (self.grade is None):
            raise ValueError("give the group either `age` or `grade`, such as `grade: 3`")
        return self


Groups = dict[Word, GroupConfig]


def standard_groups() -> Groups:
    """Return a group for each bracket of school ages, for a configuration that names none."""
    return {
        "preschool": GroupConfig(age="preschool", youtube="strict"),
        "primary": GroupConfig(age="primary", youtube="strict"),
        "grades-6-7": GroupConfig(age="grades-6-7"),
        "grades-8-9": GroupConfig(age="grades-8-9"),
        "grades-10-12": GroupConfig(age="grades-10-12"),
        "staff": GroupConfig(
            age="staff", safe_search=False, youtube="off", bypass_protection=False
        ),
    }
