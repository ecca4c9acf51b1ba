"""Judging an order whose patterns are packed: as `judge.py` does, but for ten thousand at once.

The patterns stay in the core; what is compared, hashed and verified is the same, byte for byte.
"""

import hashlib
from dataclasses import dataclass

from filterd.core import Limits, Patterns
from filterd.feed.acts import act_json, kind_of, signed_json
from filterd.feed.body import splice
from filterd.feed.breadth import above, breadth_of
from filterd.feed.canonical import canonical, to_sign
from filterd.feed.judge import Judged, is_ended
from filterd.feed.ledger import Entry
from filterd.feed.refusal import Fault, Refused
from filterd.feed.warrant import (
    Breadth,
    check_signatures,
    check_size,
    check_words,
    outside,
    too_broad,
)
from filterd.model.order import Registry


@dataclass(frozen=True, slots=True)
class Scales:
    """What orders are held against."""

    registry: Registry
    breadth: Breadth
    limits: Limits

    @classmethod
    def of(
        cls, registry: Registry, must_not_block: tuple[str, ...], popular: tuple[str, ...] = ()
    ) -> "Scales":
        """Return those of a node."""
        names = frozenset(must_not_block)
        limits = Limits(
            protected=sorted(names), above=sorted(above(names)), popular=sorted(above(popular))
        )
        return cls(registry, breadth_of(names, popular), limits)


def check_digest(entry: Entry, patterns: Patterns) -> bytes:
    """Return the JSON of the patterns, which with the entry's head has the digest that it says.

    Raises:
        Refused: DIVERGED.
    """
    written = patterns.canonical()
    whole = splice(canonical(signed_json(entry.signed)), written)
    if hashlib.sha256(whole).digest() != entry.digest:
        why = f"{'/'.join(entry.name)}: its patterns are not those that were logged"
        raise Refused(Fault.DIVERGED, why)
    return written


def weigh_order(entry: Entry, patterns: Patterns, written: bytes, scales: Scales) -> Judged:
    """Judge one entry that is held by its `patterns` and their JSON; other entries have no say."""
    try:
        _check(entry, patterns, written, scales)
    except Refused as refused:
        return Judged(entry, refused.fault, str(refused))
    return Judged(entry, ended=is_ended(entry, scales.registry, scales.breadth))


def _check(entry: Entry, patterns: Patterns, written: bytes, scales: Scales) -> None:
    order = entry.order
    authority = scales.registry.find(order.authority)
    if authority is None:
        raise Refused(Fault.UNKNOWN_AUTHORITY, f"no authority {order.authority!r}")
    data = splice(to_sign(kind_of(order), act_json(order)), written)
    check_signatures(entry.signed, authority, entry.at, data)
    mandate = authority.mandate
    check_words(order, mandate)
    if mandate.names and (name := patterns.first_outside(sorted(mandate.names))) is not None:
        raise outside(name)
    check_size(order, entry.count, mandate)
    if (broad := patterns.first_broad(scales.limits)) is not None:
        raise too_broad(*broad)
