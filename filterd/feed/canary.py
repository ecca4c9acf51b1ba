"""Canaries: harmless names under the log keeper's own domain, one new one in each segment.

While a segment's canary is blocked at the client's side, all orders up to that segment are in
force there; that is what makes a receipt worth something.
"""

from collections.abc import Iterable

from filterd.feed.segment import Segment
from filterd.model.name import parents
from filterd.model.order import DAY, Effect, Match, Order, Pattern, Sunset

KEPT = 32  # of the newest segments
AUTHORITY = "canary"


def canary_orders(segments: Iterable[Segment], domain: str) -> tuple[Order, ...]:
    """Return orders that block the canaries of `segments`; those outside of `domain`, which whoever
    signs the trust root has named, are left out.
    """
    return tuple(
        Order(
            id=str(segment.number),
            authority=AUTHORITY,
            reference=f"segment {segment.number}",
            legal_basis="none",
            category="canary",
            effect=Effect.BLOCK,
            patterns=(Pattern(Match.NAME, segment.canary),),
            not_before=0,
            not_after=segment.at + 366 * DAY,
            sunset=Sunset.STANDING,
        )
        for segment in segments
        if domain in parents(segment.canary) and segment.canary != domain
    )
