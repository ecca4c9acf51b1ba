"""What is asked for here, so that an order can be tried on it: sampled names as keyed hashes.

A day is a table of 40-bit hashes under a random key of this node with how often each was asked for
and let pass, for the name itself and for each name above it. No name and no client is in it, and it
never leaves the node. It is bounded: what is asked for least is forgotten first, so a count is
never too high but for two names with one hash, which 10,000 patterns meet once in 3,000 days.

A file is checksummed; a damaged one is a day that was not seen.
"""

import hashlib
import struct
from array import array
from bisect import bisect_left
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from filterd.model.name import parents
from filterd.model.order import DAY, Match, Order, Pattern

DAYS = 7
KEY = 16  # octets
FOLDER, KEY_FILE = "traffic", "key"  # beside what else a node knows of its feed
MOST_NAMES = 32_768  # of a day: 256 KiB
_KEPT = MOST_NAMES * 3 // 4
_HASH = 5  # octets
_COUNT_BITS = 24
_MOST_COUNT = (1 << _COUNT_BITS) - 1
_HEAD = struct.Struct("<8sIQI")  # magic, day, sampled, names
_MAGIC = b"filterdT"
_CHECK = 16  # octets of a hash over all before
Sample = tuple[str, int, bool]  # name in lower case, who asked as the core says it, blocked?


@dataclass(frozen=True, slots=True)
class Hits:
    """`hits` of `sampled` queries are for what an order would block."""

    hits: int
    sampled: int


@dataclass(slots=True)
class Day:
    """One day, `number` days after 1970 in UTC."""

    number: int
    sampled: int = 0
    counts: dict[int, int] = field(default_factory=dict)

    def add(self, keys: Iterable[int]) -> None:
        """Count one query."""
        counts = self.counts
        for key in keys:
            counts[key] = min(counts.get(key, 0) + 1, _MOST_COUNT)
        if len(counts) > MOST_NAMES:
            self.counts = dict(sorted(counts.items(), key=lambda item: -item[1])[:_KEPT])

    def rows(self) -> "array[int]":
        """Return hash and count as one number each, sorted."""
        return array("Q", sorted(key << _COUNT_BITS | n for key, n in self.counts.items()))

    def packed(self) -> bytes:
        """Return the file of the day."""
        head = _HEAD.pack(_MAGIC, self.number, self.sampled, len(self.counts))
        body = head + self.rows().tobytes()
        return body + hashlib.blake2b(body, digest_size=_CHECK).digest()


def read_day(data: bytes) -> Day:
    """Read what `Day.packed` writes. ValueError: it is damaged."""
    body, check = data[:-_CHECK], data[-_CHECK:]
    if hashlib.blake2b(body, digest_size=_CHECK).digest() != check or len(body) < _HEAD.size:
        raise ValueError("damaged")
    magic, number, sampled, names = _HEAD.unpack_from(body)
    if magic != _MAGIC or names > MOST_NAMES or len(body) != _HEAD.size + 8 * names:
        raise ValueError("not a day of traffic")
    rows = array("Q", body[_HEAD.size :])
    return Day(number, sampled, {row >> _COUNT_BITS: row & _MOST_COUNT for row in rows})


class Traffic:
    """The last days' traffic under `key`. Not for two threads at once."""

    def __init__(self, key: bytes, days: Iterable[Day] = ()) -> None:
        self._key = key
        self._days = {day.number: day for day in days}
        self._past: tuple[int, tuple[array[int], ...]] = (-1, ())  # as of a day: those before it

    def count(self, samples: Iterable[Sample], now: float) -> None:
        """Count sampled queries that were answered about `now` (unix seconds)."""
        day = self._today(now)
        for name, _, blocked in samples:
            day.sampled += 1
            if not blocked:
                day.add(self._keys(name))

    def hits(self, order: Order, now: float) -> Hits:
        """Return what `order` would have blocked beyond what is blocked already."""
        today = self._today(now)
        past = self._before(today.number)
        found = sum(
            today.counts.get(key, 0) + sum(_count(rows, key) for rows in past)
            for key in map(self._pattern, _apart(order.patterns))
        )
        return Hits(found, self.sampled)

    @property
    def numbers(self) -> frozenset[int]:
        """The days that are known."""
        return frozenset(self._days)

    @property
    def sampled(self) -> int:
        """Sampled queries of these days."""
        return sum(day.sampled for day in self._days.values())

    def today(self, now: float) -> Day:
        """Return the day of `now`, to be written."""
        return self._today(now)

    def _today(self, now: float) -> Day:
        number = int(now // DAY)
        day = self._days.get(number)
        if day is None:
            recent = range(number - DAYS + 1, number)
            self._days = {at: each for at, each in self._days.items() if at in recent}
            day = self._days[number] = Day(number)
        return day

    def _before(self, number: int) -> "tuple[array[int], ...]":
        if self._past[0] != number:
            rows = (day.rows() for at, day in self._days.items() if at != number)
            self._past = (number, tuple(rows))
        return self._past[1]

    def _keys(self, name: str) -> Iterator[int]:
        yield self._hash("=" + name)
        yield from map(self._hash, parents(name))

    def _pattern(self, pattern: Pattern) -> int:
        return self._hash(pattern.text if pattern.match is Match.SUBTREE else "=" + pattern.text)

    def _hash(self, name: str) -> int:
        made = hashlib.blake2b(name.encode(), digest_size=_HASH, key=self._key)
        return int.from_bytes(made.digest(), "big")


def _apart(patterns: tuple[Pattern, ...]) -> Iterator[Pattern]:
    """Yield patterns that DNS looks at, without those that another one covers already."""
    trees = {each.text for each in patterns if each.match is Match.SUBTREE}
    for each in patterns:
        own = each.match is Match.SUBTREE
        over = (name for name in parents(each.host) if not (own and name == each.text))
        if each.match is not Match.URL and trees.isdisjoint(over):
            yield each


def _count(rows: "array[int]", key: int) -> int:
    at = bisect_left(rows, key << _COUNT_BITS)
    return rows[at] & _MOST_COUNT if at < len(rows) and rows[at] >> _COUNT_BITS == key else 0
