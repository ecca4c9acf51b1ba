"""When a list is asked for again. Pure: the time and the chance are handed in.

Every pause is jittered, so that ten thousand schools do not knock at the same second.
"""

import random

SPREAD = 0.1  # a refresh comes up to this share of the interval early
MIN_RETRY = 60.0
_MAX_DOUBLINGS = 16


def backoff(attempt: int, base: float, rng: random.Random, *, most: float = 3600.0) -> float:
    """Return seconds to wait after failure number `attempt` (from 1): half of
    `base` x 2^(attempt-1) is sure, the other half chance.
    """
    pause = min(most, base * 2.0 ** min(max(0, attempt - 1), _MAX_DOUBLINGS))
    return pause * (0.5 + 0.5 * rng.random())


def next_refresh(now: float, interval: float, failures: int, rng: random.Random) -> float:
    """Return the unix time of the next refresh of a list.

    After `failures` failed attempts in a row the wait grows from a minute, and is never longer
    than the interval (seconds).
    """
    if failures > 0:
        return now + backoff(failures, MIN_RETRY * 2, rng, most=interval)
    return now + interval * (1.0 - SPREAD * rng.random())
