"""How a server is doing: a state machine with no clock of its own (`now` in seconds).

Up until THRESHOLD failures in a row, then down; a server that is down is asked last, and every
so often one question goes to it beside the others to see whether it is back.
"""

THRESHOLD = 3
FIRST_BACKOFF = 1.0  # seconds down before the first probe; doubles with every failed one
MOST_BACKOFF = 60.0
WEIGHT = 0.25  # of a new round-trip time in the average
UNKNOWN_PATIENCE = 0.5
LEAST_PATIENCE = 0.1
MOST_PATIENCE = 1.0


class Health:
    """The state of one server. `rtt`: average round trip in seconds, None before the first."""

    __slots__ = ("_backoff", "failures", "probing", "retry_at", "rtt")

    def __init__(self) -> None:
        self.rtt: float | None = None
        self.failures = 0  # in a row
        self.retry_at = 0.0
        self.probing = False  # a question is on its way beside the others
        self._backoff = FIRST_BACKOFF

    @property
    def up(self) -> bool:
        """Whether it is asked in its turn."""
        return self.failures < THRESHOLD

    @property
    def rank(self) -> float:
        """What to sort by: the fastest first, those never measured last."""
        return float("inf") if self.rtt is None else self.rtt

    @property
    def patience(self) -> float:
        """Seconds to wait for it before the next server is asked too."""
        if self.rtt is None:
            return UNKNOWN_PATIENCE
        return min(max(4 * self.rtt + 0.05, LEAST_PATIENCE), MOST_PATIENCE)

    def succeeded(self, rtt: float) -> bool:
        """Note an answer after `rtt` seconds; True if the server was down."""
        back = not self.up
        self.rtt = rtt if self.rtt is None else self.rtt + WEIGHT * (rtt - self.rtt)
        self.failures = 0
        self._backoff = FIRST_BACKOFF
        return back

    def failed(self, now: float) -> bool:
        """Note a failure; True if the server is down from now on."""
        self.failures += 1
        if self.failures < THRESHOLD:
            return False
        if self.failures > THRESHOLD and now >= self.retry_at:
            self._backoff = min(self._backoff * 2, MOST_BACKOFF)
        if now >= self.retry_at:
            self.retry_at = now + self._backoff
        return self.failures == THRESHOLD

    def wants_probe(self, now: float) -> bool:
        """Whether a question should go to it beside the others."""
        return not self.up and not self.probing and now >= self.retry_at
