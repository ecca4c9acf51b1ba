"""The bound in front of the upstreams: so many questions in flight, the next one fails at once.

A queue that grew instead would answer everybody late; a refusal lets a stale answer go out now.
"""


class Gate:
    """Counts who is inside. `most`: questions in flight."""

    __slots__ = ("inside", "most", "peak", "turned_away")

    def __init__(self, most: int) -> None:
        if most < 1:
            raise ValueError("at least one question must be allowed in flight")
        self.most = most
        self.inside = 0
        self.peak = 0
        self.turned_away = 0

    def enter(self) -> bool:
        """Take a place; False, counted, if there is none."""
        if self.inside >= self.most:
            self.turned_away += 1
            return False
        self.inside += 1
        self.peak = max(self.peak, self.inside)
        return True

    def leave(self) -> None:
        """Give the place back."""
        self.inside -= 1
