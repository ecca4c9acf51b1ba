"""What is wanted of a list, and what became of that: values without the network behind them."""

from dataclasses import dataclass
from enum import StrEnum

from filterd.lists.shelf import Summary
from filterd.model.group import ListSpec


class Kind(StrEnum):
    """What became of a list."""

    UPDATED = "updated"
    UNCHANGED = "unchanged"
    HELD = "held"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Wanted:
    """A configured list, how often it is refreshed (seconds), and its only right content."""

    spec: ListSpec
    refresh: float = 86_400.0
    sha256: str | None = None


@dataclass(frozen=True, slots=True)
class Outcome:
    """`summary` is that of the version in use afterwards, None when there is none."""

    name: str
    kind: Kind
    reasons: tuple[str, ...] = ()
    summary: Summary | None = None
