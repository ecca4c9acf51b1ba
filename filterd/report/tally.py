"""Counts on their way to a batch: merged while they are of one bucket, made coarser, then told.

Pure. A tally has the fields of a row of a batch and no other, but that the clients of five minutes
are still the core's bitmap, so that what is counted later in the same bucket can be added.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

from filterd.report.bands import band_of, widest
from filterd.report.batch import Band, Bracket, Deed, Tallied

Json = Any
_LAST_AGES = (
    (5, Bracket.PRESCHOOL),
    (10, Bracket.PRIMARY),
    (12, Bracket.GRADES_6_7),
    (14, Bracket.GRADES_8_9),
    (17, Bracket.UPPER),
)


@dataclass(frozen=True, slots=True)
class Tally:
    """As `batch.Tallied`; `clients` is a bitmap of one slot, or a band where slots were merged."""

    bucket: int
    span: int
    rule: str
    bracket: Bracket
    deed: Deed
    count: int
    clients: int | Band


def bracket_of(age: int) -> Bracket:
    """Return the bracket of a group by its age in years."""
    return next((bracket for last, bracket in _LAST_AGES if age <= last), Bracket.ADULT)


def merge(tallies: Iterable[Tally]) -> list[Tally]:
    """Return them with one for each bucket, rule, bracket and deed, oldest first."""
    found: dict[tuple[int, int, str, Bracket, Deed], Tally] = {}
    for each in tallies:
        key = (each.bucket, each.span, each.rule, each.bracket, each.deed)
        known = found.get(key)
        found[key] = each if known is None else _sum(known, each)
    return [found[key] for key in sorted(found)]


def coarser(tallies: Iterable[Tally], span: int) -> list[Tally]:
    """Return them merged into buckets of `span` seconds."""
    return merge(
        replace(each, bucket=each.bucket // span * span, span=span, clients=_band(each.clients))
        for each in tallies
    )


def told(tally: Tally) -> Tallied:
    """Return the row of a batch."""
    return Tallied(
        tally.bucket,
        tally.span,
        tally.rule,
        tally.bracket,
        tally.deed,
        tally.count,
        _band(tally.clients),
    )


def tally_json(tally: Tally) -> list[Json]:
    """Return it as it is spooled."""
    clients = tally.clients
    return [
        tally.bucket,
        tally.span,
        tally.rule,
        tally.bracket.value,
        tally.deed.value,
        tally.count,
        clients.value if isinstance(clients, Band) else clients,
    ]


def read_tally(value: Json) -> Tally:
    """Read what `tally_json` returns. ValueError for anything else."""
    bucket, span, rule, bracket, deed, count, clients = value
    kept = Band(clients) if isinstance(clients, str) else int(clients)
    return Tally(int(bucket), int(span), rule, Bracket(bracket), Deed(deed), int(count), kept)


def _band(clients: int | Band) -> Band:
    return clients if isinstance(clients, Band) else band_of(clients)


def _sum(one: Tally, other: Tally) -> Tally:
    count = one.count + other.count
    return replace(one, count=count, clients=_together(one.clients, other.clients))


def _together(one: int | Band, other: int | Band) -> int | Band:
    if isinstance(one, Band) or isinstance(other, Band):
        return widest((_band(one), _band(other)))
    return one | other
