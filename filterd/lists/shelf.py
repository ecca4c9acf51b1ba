"""What is known of one list on disk, as values, and their JSON.

A shelf holds at most three versions: the one in use, the one before it, and one that was held
back. All of it is one small JSON file, so that one rename changes all of it at once.
"""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from filterd.model.errors import RulesError

LAYOUT = 1  # of the JSON


@dataclass(frozen=True, slots=True)
class Caught:
    """A name that should stay reachable, and the pattern of the list that blocks it."""

    name: str
    pattern: str


@dataclass(frozen=True, slots=True)
class Summary:
    """What reading a version found.

    `refused` counts lines by refusal code; `likeness`, 0.0 to 1.0, says how much the lines look
    like `format`.
    """

    format: str
    accepted: int
    comments: int = 0
    refused: tuple[tuple[str, int], ...] = ()
    likeness: float = 1.0
    caught: tuple[Caught, ...] = ()

    @property
    def refusals(self) -> int:
        """Lines refused, for whatever reason."""
        return sum(count for _, count in self.refused)


@dataclass(frozen=True, slots=True)
class Validators:
    """What the last answer said of its version (RFC 9110 section 8.8)."""

    etag: str | None = None
    last_modified: str | None = None


@dataclass(frozen=True, slots=True)
class Version:
    """One version of a list. `fetched_at` in unix seconds, `size` in bytes unpacked."""

    sha256: str
    size: int
    location: str
    fetched_at: float
    summary: Summary
    validators: Validators = field(default_factory=Validators)


@dataclass(frozen=True, slots=True)
class Attempt:
    """The last time the list was asked for: `outcome` is ok, failed or held."""

    at: float
    outcome: str
    reasons: tuple[str, ...] = ()
    failures: int = 0  # in a row
    next_at: float = 0.0


@dataclass(frozen=True, slots=True)
class Shelf:
    """`rejected` is the SHA-256 an operator rolled back from; it does not come back by itself."""

    current: Version | None = None
    previous: Version | None = None
    held: Version | None = None
    attempt: Attempt | None = None
    rejected: str | None = None


def promoted(shelf: Shelf, version: Version, attempt: Attempt) -> Shelf:
    """Put `version` in use; what was in use becomes the previous one."""
    before = shelf.current
    if before is None or before.sha256 == version.sha256:
        before = shelf.previous
    rejected = None if shelf.rejected == version.sha256 else shelf.rejected
    return Shelf(version, before, None, attempt, rejected)


def held_back(shelf: Shelf, version: Version, attempt: Attempt) -> Shelf:
    """Keep `version` aside for an operator to look at."""
    return replace(shelf, held=version, attempt=attempt)


def rolled_back(shelf: Shelf) -> Shelf:
    """Go back to the previous version and remember what was rolled back from.

    Raises:
        RulesError: there is no previous version.
    """
    if shelf.current is None or shelf.previous is None:
        raise RulesError("there is no earlier version to go back to")
    return replace(
        shelf,
        current=shelf.previous,
        previous=shelf.current,
        held=None,
        rejected=shelf.current.sha256,
    )


def dump(shelf: Shelf) -> bytes:
    """Return the shelf as JSON."""
    return json.dumps({"layout": LAYOUT, **asdict(shelf)}, indent=1).encode()


def load(data: bytes) -> Shelf:
    """Read what `dump` wrote.

    Raises:
        RulesError: anything else.
    """
    try:
        fields = json.loads(data)
        if fields["layout"] != LAYOUT:
            raise RulesError("the list's metadata is of another version of filterd")
        return Shelf(
            current=_version(fields["current"]),
            previous=_version(fields["previous"]),
            held=_version(fields["held"]),
            attempt=_attempt(fields["attempt"]),
            rejected=fields["rejected"],
        )
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise RulesError(f"the list's metadata is damaged ({error})") from error


def _version(fields: Mapping[str, Any] | None) -> Version | None:
    if fields is None:
        return None
    summary = dict(fields["summary"])
    summary["refused"] = tuple((str(code), int(count)) for code, count in summary["refused"])
    summary["caught"] = tuple(Caught(**hit) for hit in summary["caught"])
    validators = Validators(**fields["validators"])
    return Version(**{**fields, "summary": Summary(**summary), "validators": validators})


def _attempt(fields: Mapping[str, Any] | None) -> Attempt | None:
    return None if fields is None else Attempt(**{**fields, "reasons": tuple(fields["reasons"])})
