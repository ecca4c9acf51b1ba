"""When a node looks at the trust root: now and then, and soon after the stream has hinted that it
is another. Pure: clock and chance are handed in.

A hint is never believed, it only brings a look about, in which everything is verified. One that
lies costs a look each half minute; one that is withheld costs the time until the next look.

The word is made of what the holders of keys sign: the versions of root and of targets, which names
the authorities, their keys, mandates and policy. Not of snapshot and timestamp, which an online key
signs anew each hour, else all nodes would look each hour; and not of the authorities' manifests,
which put nothing in force and take nothing out of it.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

DOUBT_SECONDS = 30.0  # between two looks that hints bring about, or after a refusal
TRUST_SECONDS = 900.0  # the same, where nobody would hint
# The same, where a stream does: what a hint that is withheld may cost, and half the life of a
# timestamp, so that one that stands still is noticed. Rounds are made each quarter of an hour by
# then, spread a little; a bit less than four of them, so that each fourth finds it due.
HINTED_SECONDS = 3600.0 - 300.0
SPREAD_SECONDS = 10.0  # all nodes get a hint at once, and are not to come at once


@dataclass(slots=True)
class Hints:
    """What the stream hints of the trust root, and what a node made of it. Times are those of one
    monotonic clock.
    """

    given: str = ""  # the newest; empty: there was none
    answered: str = ""  # the one that the newest look that succeeded has answered
    own: str = ""  # what a true hint would be, by that look
    begun_at: float = -math.inf  # the newest look for a hint
    failed: int = 0  # of these, in a row

    @property
    def is_open(self) -> bool:
        """Whether a look is wanted."""
        return self.given not in {self.answered, self.own}

    def wait(self, now: float, uniform: Callable[[float, float], float]) -> float:
        """Return the seconds until a look, spread."""
        return max(0.0, self._next - now) + uniform(0.0, SPREAD_SECONDS)

    def is_due(self, now: float) -> bool:
        """Say whether a look is wanted and may be made by now, however often hints come."""
        return self.is_open and now >= self._next

    def begin(self, now: float) -> str:
        """Begin a look; return what it answers if it succeeds."""
        if self.is_open:
            self.begun_at = now
            self.failed += 1
        return self.given

    def answer(self, hint: str, own: str) -> None:
        """A look has succeeded that was begun after `hint`, whether or not it found anything new;
        `own` is the word for what it found.
        """
        self.answered, self.own, self.failed = hint, own, 0

    @property
    def _next(self) -> float:
        pause = DOUBT_SECONDS * 2.0 ** min(max(0, self.failed - 1), 16)
        return self.begun_at + min(pause, TRUST_SECONDS)


def word(root: int, targets: int) -> str:
    """Return what is hinted of a trust root with these versions."""
    return f"{root}.{targets}"


def pause(*, doubt: bool, hinted: bool) -> float:
    """Return the seconds between two looks that no hint brings about. `hinted`: one would come."""
    if doubt:
        return DOUBT_SECONDS
    return HINTED_SECONDS if hinted else TRUST_SECONDS
