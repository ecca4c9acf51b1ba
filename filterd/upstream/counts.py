"""What is counted for each server. Plain numbers that only grow, read by `Resolver.stats`."""

from bisect import bisect_left
from enum import StrEnum

from filterd.upstream.base import Fault

RTT_BOUNDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0)  # seconds


class Drop(StrEnum):
    """Why a message that arrived was thrown away. The values are metric labels."""

    MALFORMED = "malformed"  # too short to be DNS, or no response
    WRONG_ID = "wrong_id"  # nobody waits for this id: spoofed, unsolicited or far too late
    WRONG_QUESTION = "wrong_question"
    WRONG_CASE = "wrong_case"  # right but for the 0x20 spelling
    OVERSIZED = "oversized"  # larger than we said we take


class Counts:
    """The counters of one server."""

    __slots__ = (
        "answers",
        "case_lost",
        "connects",
        "drops",
        "failures",
        "queries",
        "resumed",
        "retries",
        "rtt_buckets",
        "rtt_sum",
        "to_tcp",
    )

    def __init__(self) -> None:
        self.queries = 0
        self.answers = 0
        self.retries = 0
        self.to_tcp = 0
        self.connects = 0
        self.resumed = 0
        self.case_lost = False  # asked without random letter case, because it loses it
        self.failures = dict.fromkeys(Fault, 0)
        self.drops = dict.fromkeys(Drop, 0)
        self.rtt_buckets = [0] * (len(RTT_BOUNDS) + 1)
        self.rtt_sum = 0.0

    def answered(self, rtt: float) -> None:
        """Count an answer that took `rtt` seconds."""
        self.answers += 1
        self.rtt_sum += rtt
        self.rtt_buckets[bisect_left(RTT_BOUNDS, rtt)] += 1

    def report(self) -> dict[str, object]:
        """Return all of it; `rtt.buckets` are cumulative, as Prometheus wants them."""
        total = 0
        buckets: list[tuple[str, int]] = []
        for bound, n in zip((*map(str, RTT_BOUNDS), "+Inf"), self.rtt_buckets, strict=True):
            total += n
            buckets.append((bound, total))
        return {
            "queries": self.queries,
            "answers": self.answers,
            "retries": self.retries,
            "to_tcp": self.to_tcp,
            "connects": self.connects,
            "resumed": self.resumed,
            "case_lost": self.case_lost,
            "failures": {fault.value: n for fault, n in self.failures.items()},
            "dropped": {drop.value: n for drop, n in self.drops.items()},
            "rtt": {"buckets": buckets, "sum": self.rtt_sum, "count": total},
        }
