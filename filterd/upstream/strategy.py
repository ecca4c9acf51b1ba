"""Whom to ask, in which order: pure functions over the servers' health."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from filterd.upstream.health import Health

EXPLORE_EVERY = 64  # questions between two looks at whether another server has become faster


class Strategy(StrEnum):
    """How several servers share the questions."""

    FASTEST = "fastest"  # the shortest average round trip first
    STRICT = "strict"  # in the order they are written
    PARALLEL = "parallel"  # all at once, the first good answer wins


@dataclass(frozen=True, slots=True)
class Plan:
    """Indexes of servers: `order` one after the other (all at once when parallel), `beside` only
    to learn how they are doing.
    """

    order: Sequence[int]
    beside: Sequence[int] = ()


def plan(strategy: Strategy, healths: Sequence[Health], turn: int, now: float) -> Plan:
    """Return whom to ask the question number `turn`."""
    if len(healths) == 1:
        return _ONLY
    up = [i for i, health in enumerate(healths) if health.up]
    down: list[int] = []
    beside: list[int] = []
    if len(up) < len(healths):
        down = [i for i, health in enumerate(healths) if not health.up]
        if up:
            beside = [i for i in down if healths[i].wants_probe(now)]
    if strategy is Strategy.FASTEST and len(up) > 1:
        up.sort(key=[health.rank for health in healths].__getitem__)
        # Those not measured yet stand at the end.
        if healths[up[-1]].rtt is None or turn % EXPLORE_EVERY == 0:
            beside += _explored(up, healths, turn)
    return Plan(up + down, beside)


def _explored(up: Sequence[int], healths: Sequence[Health], turn: int) -> list[int]:
    """Servers not measured yet and, now and then, the next one in turn."""
    others = [i for i in up[1:] if not healths[i].probing]
    unknown = [i for i in others if healths[i].rtt is None]
    if unknown or not others or turn % EXPLORE_EVERY:
        return unknown
    return [others[turn // EXPLORE_EVERY % len(others)]]


_ONLY = Plan((0,))
