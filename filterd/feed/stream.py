"""How the stream of a feed does, and when to try it again. Pure: clock and chance are handed in."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

FIRST = 1.0  # seconds until the first try after a break
LONGEST = 120.0
NONE_SECONDS = 900.0  # until it is tried again where there was none
SETTLED = 60.0  # seconds that a stream has lived before a break counts as the first
GRACE = 3.0  # seconds that a stream may take to begin
SLOWER = 15  # looks at the feed while it streams, one of so many
HELD_BACK = 2  # news that were found by looking although the stream is open


class State(StrEnum):
    """What there is of a stream."""

    NONE = "none"  # the feed is static files
    DOWN = "down"  # broken off, or not yet there
    SILENT = "silent"  # asked for, and nothing has come yet
    HELD = "held-back"  # asked for, and news do not come by it: a proxy on the way keeps them
    LIVE = "live"


@dataclass(slots=True)
class Stream:
    """The stream of a feed, as this node sees it. Times are those of one monotonic clock."""

    state: State = State.NONE
    why: str = ""
    opened_at: float = 0.0
    breaks: int = 0  # in a row
    events: int = 0
    overtaken: int = 0  # in a row: found by looking, while it was open
    hints: bool = False  # it says when the trust root is another; an older hub's does not

    def asked(self, now: float) -> None:
        """It is asked for; whether anything gets through is seen by what comes."""
        self.state, self.why, self.opened_at, self.overtaken = State.SILENT, "", now, 0
        self.hints = False

    def heard(self) -> None:
        """A byte came, a heartbeat or more."""
        if self.state is State.SILENT:
            self.state = State.LIVE

    def event(self) -> None:
        """An event came."""
        self.state, self.overtaken = State.LIVE, 0
        self.events += 1

    def hinted(self) -> None:
        """A hint came, which is no news: a proxy may still hold those back."""
        self.hints = True

    @property
    def is_hinting(self) -> bool:
        """Whether it would say that the trust root is another."""
        return self.hints and self.state is State.LIVE

    def overtook(self, now: float) -> None:
        """Something new was found by looking; that happens once, by chance, to any stream."""
        self.overtaken += 1
        silent = self.state is State.SILENT and now - self.opened_at > GRACE
        if silent or (self.state is State.LIVE and self.overtaken >= HELD_BACK):
            self.state = State.HELD
            self.why = "news do not come by it: does a proxy hold them back?"

    def missing(self, why: str) -> None:
        """There is none."""
        self.state, self.why, self.breaks = State.NONE, why, 0

    def broke(self, now: float, why: str) -> None:
        """It broke off, or could not be had."""
        lived = self.state is State.LIVE and now - self.opened_at > SETTLED
        self.breaks = 1 if lived else self.breaks + 1
        self.state, self.why = State.DOWN, why

    def wait(self, uniform: Callable[[float, float], float]) -> float:
        """Return the seconds until it is tried again: doubled each time, and spread, so that not
        all nodes come back at once.
        """
        if self.state is State.NONE:
            return uniform(NONE_SECONDS / 2, NONE_SECONDS)
        longest = min(LONGEST, FIRST * 2.0 ** min(self.breaks - 1, 16))
        return uniform(longest / 4, longest)

    def is_due(self, look: int) -> bool:
        """Say whether the `look`th look at the feed is to be made: all, or one of a few."""
        return self.state is not State.LIVE or look % SLOWER == 0
