"""`http.headers`: what is said to services in requests that filterd may read, by group."""

import re
from typing import Annotated, Any

from pydantic import Field

from filterd.config.section import Section
from filterd.config.text import Text, shape
from filterd.config.types import Word

MOST_VALUES = 50
_VALUE = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._:@-]{0,126}[A-Za-z0-9])?")


def _read_values(value: Any) -> tuple[str, ...]:
    many = value if isinstance(value, (list, tuple)) else (value,)
    if not many or len(many) > MOST_VALUES:
        raise ValueError(f"{len(many)} values")
    for each in many:
        if not isinstance(each, str) or not _VALUE.fullmatch(each):
            raise ValueError(f"{shape(each)} is no domain or identifier")
    return tuple(many)


HeaderValues = Annotated[
    tuple[str, ...],
    Text(
        _read_values,
        list,
        f"a domain or identifier, or a list of 1 to {MOST_VALUES}; letters, digits and . _ : @ -",
        (["school.example"],),
        ("string", "array"),
    ),
]


class TenantConfig(Section):
    """Sign-in to one service only with the school's own accounts."""

    set: dict[str, HeaderValues] = Field(default_factory=dict)
    """What the service asks for, by the words of rules/http-headers.yaml."""
    groups: tuple[Word, ...] | None = None
    """For whom; left out: for every group."""


class HttpHeadersConfig(Section):
    """Header fields and search parameters. They reach a service only over plain HTTP and over
    connections that are inspected; for all others DNS does what it can.
    """

    youtube: bool = True
    """Say each group's `youtube` level to YouTube."""
    safe_search: bool = True
    """Say it to search engines, for groups with `safe_search`."""
    tenants: dict[str, TenantConfig] = Field(default_factory=dict)
    """By service, such as google-workspace or microsoft-365 (rules/http-headers.yaml)."""
