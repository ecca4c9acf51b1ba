"""The guard on the blast radius: an order that would hit much of what is asked for here is held
back until its authority confirms it. Pure.

Each order that is new is tried on the last days' traffic. Small ones add up over a day, so that a
large one does not pass in pieces. What is held back stays in the ledger and in the receipt, and is
enforced as soon as the authority's officers have signed that they mean it. What hits nothing, and
what blocks nothing, is never held back.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from filterd.feed.canonical import canonical, fields, read_object
from filterd.feed.judge import Judgement
from filterd.feed.ledger import Digest, Entry
from filterd.feed.refusal import Fault, Refused
from filterd.feed.traffic import Hits
from filterd.model.order import DAY, Effect, Order

Json = Any
LEAST_SAMPLED = 1_000  # queries; fewer say nothing
LEAST_HITS = 3
MOST = 8 * 2**20  # bytes of what is kept
Count = Callable[[Order], Hits]


@dataclass(frozen=True, slots=True)
class Withheld:
    """Why an order is held back: what it hits, and all that were new within a day."""

    hits: int
    together: int
    sampled: int

    @property
    def why(self) -> str:
        """The same in words."""
        own, whole = (f"{100 * n / self.sampled:.1f} %" for n in (self.hits, self.together))
        rest = "" if self.hits == self.together else f", {whole} with others of the same day"
        return f"it would block {own} of what was asked for here in the last days{rest}"


@dataclass(frozen=True, slots=True)
class Weighed:
    """What was tried up to log `size`. `refused` were not warranted then, and so were not tried;
    `passed` are (logged at, hits, sampled) of a day.
    """

    size: int = 0
    refused: frozenset[Digest] = frozenset()
    passed: tuple[tuple[int, int, int], ...] = ()
    withheld: Mapping[Digest, Withheld] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Scales:
    """How orders are tried. `most` is the share of the queries that may be hit by what is new
    within a day, 0: any; `count` tries an order on the traffic; `is_confirmed` says of an entry
    whether its own authority has confirmed it.
    """

    most: float
    count: Count
    is_confirmed: Callable[[Entry], bool]


def weigh(judged: Judgement, before: Weighed, size: int, scales: Scales) -> Weighed:
    """Return `before`, what this returned the last time, with all entries of the log up to `size`
    segments tried. `judged` are all entries of the ledger as they were logged.
    """
    most = scales.most
    new = {
        key: each
        for key, each in judged.items()
        if each.entry.segment >= before.size or key in before.refused
    }
    withheld = {key: why for key, why in before.withheld.items() if most > 0}
    passed = list(before.passed)
    for key, each in new.items():
        entry = each.entry
        if not each.enforced or entry.order.effect is not Effect.BLOCK or most <= 0:
            continue
        found = scales.count(entry.order)
        if found.hits == 0:
            continue
        passed = [row for row in passed if row[0] > entry.at - DAY]
        share = found.hits / found.sampled + sum(hits / of for _, hits, of in passed)
        known = found.sampled >= LEAST_SAMPLED and found.hits >= LEAST_HITS
        if known and share > most:
            withheld[key] = Withheld(found.hits, round(share * found.sampled), found.sampled)
        else:
            passed.append((entry.at, found.hits, found.sampled))
    stays = {
        key: why
        for key, why in withheld.items()
        if key in judged and judged[key].enforced and not scales.is_confirmed(judged[key].entry)
    }
    refused = frozenset(key for key, each in new.items() if each.fault is not None)
    return Weighed(size, refused, tuple(passed), stays)


def write_weighed(weighed: Weighed) -> bytes:
    """Return the file of what was tried."""
    return canonical(
        {
            "size": weighed.size,
            "refused": sorted(key.hex() for key in weighed.refused),
            "passed": [list(row) for row in weighed.passed],
            "withheld": {
                key.hex(): [each.hits, each.together, each.sampled]
                for key, each in weighed.withheld.items()
            },
        }
    )


def read_weighed(data: bytes) -> Weighed:
    """Read what `write_weighed` writes.

    Raises:
        Refused: MALFORMED, TOO_LARGE. Then everything is tried again, which does no harm: what is
            in force is not asked for any more.
    """
    known = {"size": int, "refused": list, "passed": list, "withheld": dict}
    parts = fields(read_object(data, MOST), known, "guard")
    try:
        return Weighed(
            parts["size"],
            frozenset(map(bytes.fromhex, parts["refused"])),
            tuple(map(_three, parts["passed"])),
            {bytes.fromhex(key): Withheld(*_three(row)) for key, row in parts["withheld"].items()},
        )
    except (TypeError, ValueError) as error:
        raise Refused(Fault.MALFORMED, f"guard: does not read: {error}") from error


def _three(row: Json) -> tuple[int, int, int]:
    one, two, three = row
    if not all(type(each) is int and each >= 0 for each in row) or three == 0:
        raise ValueError("not three counts")
    return one, two, three
