"""The outcome of deciding one question: a closed set of values that carries its reason."""

from dataclasses import dataclass
from enum import IntEnum, StrEnum


class Step(IntEnum):
    """The precedence list (DESIGN section 4); the first that applies wins."""

    MUST_NOT_BLOCK = 1
    ORDER = 2
    OVERRIDE = 3
    SCHEDULE = 4
    LOCAL_ALLOW = 5
    LOCAL_BLOCK = 6
    LIST = 7
    AGE = 8
    DEFAULT = 9


class Kind(StrEnum):
    """The four verdicts. PASS: nothing spoke against it; ALLOW: a rule spoke for it."""

    PASS = "pass"  # noqa: S105 - no password
    ALLOW = "allow"
    BLOCK = "block"
    REWRITE = "rewrite"


@dataclass(frozen=True, slots=True)
class Reason:
    """Why: the step that decided and, where a rule did, that rule."""

    step: Step
    list: str | None = None
    rule: str | None = None
    line: int | None = None
    category: str | None = None
    min_age: int | None = None


@dataclass(frozen=True, slots=True)
class Verdict:
    """A verdict with its reason."""

    kind: Kind
    reason: Reason
