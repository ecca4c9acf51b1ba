"""One name asked all the time while its rule is made: when it obeys, and whether it ever slips."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Asked:
    """One query for the watched name; nanoseconds of the monotonic clock, 0 for no answer.

    `meaning`: b blocked, a answered, o other, - nothing came.
    """

    sent: int
    received: int
    meaning: str


def read(log: Path) -> list[Asked]:
    """Return what the load generator wrote, by the time of sending."""
    rows = (line.split() for line in log.read_text(encoding="ascii").splitlines())
    return sorted(
        (Asked(int(sent), int(received), meaning) for _, sent, received, meaning in rows),
        key=lambda each: each.sent,
    )


@dataclass(frozen=True, slots=True)
class Fate:
    """What became of a rule that was asked for at `called` and told to be in force at `told`.

    In force: the first blocked answer. Let through: asked after that answer had come, or after
    the daemon had told that the rule is in force, and answered all the same.
    """

    in_force_ms: float
    told_ms: float
    asked: int
    let_through: int
    lost: int
    other: int

    @classmethod
    def of(cls, asked: list[Asked], called: int, told: int) -> "Fate":
        """Judge. RuntimeError if the name was never blocked, or blocked before the call."""
        blocked = [each.received for each in asked if each.meaning == "b"]
        if not blocked:
            raise RuntimeError("the watched name was never blocked")
        first = min(blocked)
        if first < called or not any(each.meaning == "a" for each in asked):
            raise RuntimeError("the watched name was blocked before its rule was made")
        since = min(first, told)
        return cls(
            in_force_ms=(first - called) / 1e6,
            told_ms=(told - called) / 1e6,
            asked=len(asked),
            let_through=sum(each.meaning == "a" and each.sent > since for each in asked),
            lost=sum(each.meaning == "-" for each in asked),
            other=sum(each.meaning == "o" for each in asked),
        )
