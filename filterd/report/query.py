"""Reading the report store for `filterd log`: newest rows first, and what counts most.

Reads while the daemon writes (WAL), with its own read-only connection. Every filter is a bound
parameter. Aggregates and single events come out as the same plain `LogRow`.
"""

import heapq
import sqlite3
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from filterd.report.base import SinkError
from filterd.report.privacy import SLOT

MOST = 100_000


@dataclass(frozen=True, slots=True)
class Filter:
    """What to read. None asks for nothing; `since` and `until` are Unix times, until exclusive;
    `name` is part of a queried name or, for aggregates, of a rule.
    """

    since: float | None = None
    until: float | None = None
    group: str | None = None
    kind: str | None = None
    category: str | None = None
    name: str | None = None
    limit: int = 100


@dataclass(frozen=True, slots=True)
class LogRow:
    """One line of the log. `level` says which fields can be there: an aggregate has `n` events in
    the five minutes from `at` and neither client, qname, qtype, door nor rcode.
    """

    at: float
    level: str
    n: int
    group: str
    kind: str
    step: int
    list: str | None
    category: str | None
    rule: str | None
    client: str | None
    qname: str | None
    qtype: int | None
    door: str | None
    rcode: int | None


@dataclass(frozen=True, slots=True)
class Summary:
    """Totals, each as (word, events), most first; names are rules or queried names."""

    # in the order of _WORDS
    kinds: tuple[tuple[str, int], ...]
    groups: tuple[tuple[str, int], ...]
    names: tuple[tuple[str, int], ...]
    lists: tuple[tuple[str, int], ...]
    categories: tuple[tuple[str, int], ...]


_ROWS = """
    SELECT slot AS at, 'aggregates' AS level, n, grp, kind, step, nullif(list, '') AS list,
        nullif(category, '') AS category, nullif(rule, '') AS rule, NULL AS client,
        NULL AS qname, NULL AS qtype, NULL AS door, NULL AS rcode
    FROM tally
    WHERE (:since IS NULL OR slot + :slot > :since) AND (:until IS NULL OR slot < :until)
        AND (:grp IS NULL OR grp = :grp) AND (:kind IS NULL OR kind = :kind)
        AND (:category IS NULL OR category = :category)
        AND (:name IS NULL OR instr(lower(rule), :name) > 0)
    UNION ALL
    SELECT at, level, 1, grp, kind, step, list, category, rule, client, qname, qtype, door, rcode
    FROM entry
    WHERE (:since IS NULL OR at >= :since) AND (:until IS NULL OR at < :until)
        AND (:grp IS NULL OR grp = :grp) AND (:kind IS NULL OR kind = :kind)
        AND (:category IS NULL OR category = :category)
        AND (:name IS NULL OR instr(lower(qname), :name) > 0)
"""
_NEWEST = f"{_ROWS} ORDER BY at DESC LIMIT :limit"
_WORDS = f"SELECT kind, grp, coalesce(qname, rule), list, category, n FROM ({_ROWS}) LIMIT :limit"  # noqa: S608 -- constants


def read(path: Path, wanted: Filter) -> list[LogRow]:
    """Return at most `wanted.limit` rows, newest first.

    Raises:
        SinkError: there is no store, or it cannot be read; says what to do.
    """
    with _reading(path) as database:
        return [LogRow(*row) for row in database.execute(_NEWEST, _parameters(wanted))]


def summarise(path: Path, wanted: Filter) -> Summary:
    """Return the `wanted.limit` most frequent of each kind of thing. Raises SinkError."""
    everything = _parameters(wanted) | {"limit": -1}
    combined: Counter[tuple[str | None, ...]] = Counter()
    with _reading(path) as database:
        # One pass: five times GROUP BY would sort a year's rows five times.
        for *words, n in database.execute(_WORDS, everything):
            combined[tuple(words)] += n
    columns: tuple[Counter[str], ...] = tuple(Counter() for _ in range(5))
    for words, n in combined.items():
        for counter, word in zip(columns, words, strict=True):
            if word is not None:
                counter[word] += n
    most = max(1, min(wanted.limit, MOST))
    return Summary(*(_top(counter, most) for counter in columns))


def _top(counter: Counter[str], most: int) -> tuple[tuple[str, int], ...]:
    return tuple(heapq.nsmallest(most, counter.items(), key=lambda item: (-item[1], item[0])))


def _parameters(wanted: Filter) -> dict[str, object]:
    return {
        "since": wanted.since,
        "until": wanted.until,
        "grp": wanted.group,
        "kind": wanted.kind,
        "category": wanted.category,
        "name": wanted.name.lower() if wanted.name else None,
        "limit": max(1, min(wanted.limit, MOST)),
        "slot": SLOT,
    }


@contextmanager
def _reading(path: Path) -> Iterator[sqlite3.Connection]:
    if not path.exists():
        raise SinkError(
            f"no report store at {path}: nothing was recorded yet, or the privacy level is none"
        )
    try:
        database = sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True, timeout=5)
        try:
            yield database
        finally:
            database.close()
    except sqlite3.Error as error:
        raise SinkError(f"report store {path} cannot be read: {error}") from error
