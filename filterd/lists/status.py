"""How each list stands, for people and for metrics. Reads metadata only, never a whole list."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from filterd.lists.shelf import Shelf
from filterd.lists.store import ListStore
from filterd.lists.wanted import Wanted

STALE_AFTER = 3.0  # refresh intervals without a good answer


class State(StrEnum):
    """From best to worst."""

    OK = "ok"
    HELD = "held"  # a newer version was held back, an older one is in use
    FAILED = "failed"  # the last fetch failed, an older version is in use
    STALE = "stale"  # so for a long time
    MISSING = "missing"  # there is no version at all


@dataclass(frozen=True, slots=True)
class ListStatus:
    """`age` is seconds since the content in use was last known to be the newest; `next_refresh`
    is in unix seconds. `why` explains every state but ok.
    """

    name: str
    state: State
    why: tuple[str, ...] = ()
    entries: int = 0
    refused: tuple[tuple[str, int], ...] = ()
    format: str = ""
    sha256: str = ""
    fetched_at: float | None = None
    age: float | None = None
    next_refresh: float | None = None
    has_previous: bool = False
    has_held: bool = False


def status(wanted: Sequence[Wanted], store: ListStore, now: float) -> tuple[ListStatus, ...]:
    """Return how every wanted list stands at `now` (unix seconds)."""
    return tuple(describe(want, store.known(want.spec.name), now) for want in wanted)


def describe(want: Wanted, shelf: Shelf, now: float) -> ListStatus:
    """Say how one list stands. Pure."""
    attempt = shelf.attempt
    why = attempt.reasons if attempt is not None else ()
    next_refresh = attempt.next_at if attempt is not None else now
    current = shelf.current
    if current is None:
        why = why or ("it was never fetched; `filterd lists update` does",)
        return ListStatus(
            want.spec.name,
            State.MISSING,
            why,
            next_refresh=next_refresh,
            has_held=shelf.held is not None,
        )
    good = attempt is not None and attempt.outcome == "ok"
    last_good = attempt.at if good and attempt is not None else current.fetched_at
    age = max(0.0, now - last_good)
    return ListStatus(
        want.spec.name,
        _state(shelf, age, want.refresh),
        why,
        current.summary.accepted,
        current.summary.refused,
        current.summary.format,
        current.sha256,
        current.fetched_at,
        age,
        next_refresh,
        shelf.previous is not None,
        shelf.held is not None,
    )


def _state(shelf: Shelf, age: float, refresh: float) -> State:
    outcome = shelf.attempt.outcome if shelf.attempt is not None else "ok"
    if outcome == "held":
        return State.HELD
    if age > refresh * STALE_AFTER:
        return State.STALE
    return State.OK if outcome == "ok" else State.FAILED
