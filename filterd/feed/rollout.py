"""Staged roll-out: an order that is not urgent begins on few nodes first. Pure.

Whoever runs those few sees what a mistake does before it does it everywhere. Which nodes are the
first is drawn anew for each segment, by a hash that nobody chooses. An order that lifts a block,
one that is urgent, and a revocation begin everywhere at once.
"""

import hashlib
from dataclasses import replace

from filterd.feed.ledger import Entry
from filterd.model.order import Effect, Order, Priority

# Up to this share of the nodes, after this part of the policy's time.
COHORTS = ((0.01, 0.0), (0.10, 1 / 3), (1.0, 1.0))


def delay(node: str, segment: int, rollout: int) -> int:
    """Return how many seconds after a segment was logged the node with id `node` begins with what
    is in it; `rollout` is when the last begin.
    """
    drawn = hashlib.sha256(f"filterd rollout v1\n{node}\n{segment}".encode()).digest()
    place = int.from_bytes(drawn[:8], "big") / 2**64
    part = next(part for share, part in COHORTS if place < share)
    return round(part * rollout)


def staged(entry: Entry, node: str, rollout: int) -> Order:
    """Return the order of `entry` as this node is to enforce it: with the beginning of its cohort,
    if that is later than its own.
    """
    order = entry.order
    if rollout <= 0 or order.priority is Priority.URGENT or order.effect is Effect.ALLOW:
        return order
    begins = entry.at + delay(node, entry.segment, rollout)
    return replace(order, not_before=begins) if begins > order.not_before else order
