"""Canaries: harmless names under the log keeper's own domain, one new one in each segment.

They end after a while, by the node's own clock; that their end takes effect is seen as well.

While a segment's canary is blocked at the client's side, all orders up to that segment are in
force there; that is what makes a receipt worth something.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from filterd.feed.segment import Segment
from filterd.model.errors import InvalidName
from filterd.model.name import ascii_name, parents
from filterd.model.order import Effect, Match, Order, Pattern, Sunset

KEPT = 32  # of the newest segments
AUTHORITY = "canary"


@dataclass(frozen=True, slots=True)
class Ends:
    """When canaries end: `life` seconds after the segment was logged, or after this node began with
    it, which is told for a segment that came late.
    """

    life: int
    begun: Mapping[int, int] = field(default_factory=dict)  # segment -> unix seconds

    def of(self, segment: Segment) -> int:
        """Return when the canary of `segment` ends, in unix seconds."""
        return max(segment.at, self.begun.get(segment.number, 0)) + self.life


def canary_orders(segments: Iterable[Segment], domain: str, ends: Ends) -> tuple[Order, ...]:
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
            not_after=ends.of(segment),
            sunset=Sunset.STANDING,
        )
        for segment in segments
        if is_canary(segment, domain)
    )


def is_canary(segment: Segment, domain: str) -> bool:
    """Say whether the canary of `segment` is one: a name under `domain` in its one spelling. What
    is none must not stand in the way of the orders that came with it.
    """
    try:
        name = ascii_name(segment.canary)
    except InvalidName:
        return False
    return name == segment.canary != domain and domain in parents(name)
