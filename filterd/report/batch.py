"""What leaves the site: batches of counts. Nothing in here could name a client.

The fields are the whole of it, and each is a number or a word of a closed set: a rule is an order
of an authority, a category of the rule book, or "own" for whatever the school itself said; a
bracket is one of six ages; clients are a band. Names are in `Candidate` only, which is off unless
asked for.

Some rule words count no decisions, once a day: sites (`SITES`), and signs of going round the filter
(`SIGNS`), which are in batches of their own. Whoever adds decisions up leaves them out (`APART`).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from filterd.model.signal import Signal

Json = Any
SPANS = (300, 3600, 86_400)  # seconds of a bucket, finest first; coarser when the spool fills up
MOST_ROWS = 5000
MOST_CANDIDATES = 500


class Bracket(StrEnum):
    """Ages of the youngest member of a group, in years."""

    PRESCHOOL = "0-5"
    PRIMARY = "6-10"
    GRADES_6_7 = "11-12"
    GRADES_8_9 = "13-14"
    UPPER = "15-17"
    ADULT = "18+"
    ALL = "all"  # of what is too grave to be told by age


class Deed(StrEnum):
    """What was done."""

    BLOCK = "block"
    REWRITE = "rewrite"
    ALLOW = "allow"  # a rule let it pass that another would have blocked
    PASS = "pass"  # noqa: S105 - all the rest, without a rule


class Band(StrEnum):
    """How many clients, no finer."""

    FEW = "1-4"
    SOME = "5-19"
    MANY = "20+"


class Lane(StrEnum):
    """What is sent first, first. Receipts go before all of them."""

    COUNTS = "counts"
    SIGNALS = "signals"  # only to hubs that say they take it
    CANDIDATES = "candidates"


# Of how many sites (registrable domains) of .vn pages were seen on a day, with an age label and
# without one. All other fields of such a row are `SITES_FORM`: there is nothing for them to tell.
SITES_LABELLED, SITES_UNLABELLED = "sites:vn-labelled", "sites:vn-unlabelled"
SITES = frozenset({SITES_LABELLED, SITES_UNLABELLED})
SITES_FORM = (SPANS[-1], Bracket.ALL, Deed.PASS, Band.FEW)  # span, bracket, deed, clients
# How often on a day something was tried in groups of a bracket. It is not known how many clients
# did, so the fields but the bracket are `SIGNS_FORM`.
SIGNS: Mapping[str, Signal] = {f"bypass:{each.value}": each for each in Signal}
SIGNS_FORM = (SPANS[-1], Deed.PASS, Band.FEW)  # span, deed, clients
APART = SITES | SIGNS.keys()


@dataclass(frozen=True, slots=True)
class Tallied:
    """`count` decisions in the `span` seconds from unix time `bucket`.

    `rule`: "order:AUTHORITY/ID", "category:ID" of the rule book, "own", or "" without a rule; or
    one of `SITES` or `SIGNS`, then `count` is of sites or attempts, and no decisions.
    """

    bucket: int
    span: int
    rule: str
    bracket: Bracket
    deed: Deed
    count: int
    clients: Band


@dataclass(frozen=True, slots=True)
class Candidate:
    """A registrable domain that no rule knows, seen on `day` (unix seconds of its UTC midnight)."""

    day: int
    domain: str
    count: int
    clients: Band


@dataclass(frozen=True, slots=True)
class Batch:
    """What is sent at once. (`node`, `epoch`, `sequence`) is its id: `epoch` is when the spool was
    begun (unix seconds), `sequence` counts from 0. `before` is the digest of the batch before it,
    32 zero bytes for the first. `dropped` counts rows that were lost on this side since then.
    """

    node: str
    epoch: int
    sequence: int
    before: bytes
    made_at: int  # unix seconds, by the node's clock
    lane: Lane
    rows: tuple[Tallied, ...] = ()
    candidates: tuple[Candidate, ...] = ()
    dropped: int = 0


FIELDS: Mapping[str, type | tuple[type, ...]] = {
    "node": str,
    "epoch": int,
    "sequence": int,
    "before": str,
    "made_at": int,
    "lane": str,
    "rows": list,
    "candidates": list,
    "dropped": int,
}


def batch_json(batch: Batch) -> dict[str, Json]:
    """Return a batch as it is signed and sent."""
    return {
        "node": batch.node,
        "epoch": batch.epoch,
        "sequence": batch.sequence,
        "before": batch.before.hex(),
        "made_at": batch.made_at,
        "lane": batch.lane.value,
        "rows": [
            [r.bucket, r.span, r.rule, r.bracket.value, r.deed.value, r.count, r.clients.value]
            for r in batch.rows
        ],
        "candidates": [[c.day, c.domain, c.count, c.clients.value] for c in batch.candidates],
        "dropped": batch.dropped,
    }


def read_batch(plain: Mapping[str, Json]) -> Batch:
    """Read what `batch_json` writes; `plain` has the `FIELDS`, each of its type.

    Raises:
        ValueError: something in it is not what a batch may say.
    """
    rows, candidates = plain["rows"], plain["candidates"]
    if len(rows) > MOST_ROWS or len(candidates) > MOST_CANDIDATES:
        raise ValueError(f"more than {MOST_ROWS} rows or {MOST_CANDIDATES} candidates")
    lane, tallied = Lane(plain["lane"]), tuple(map(_row, rows))
    if any((each.rule in SIGNS) != (lane is Lane.SIGNALS) for each in tallied):
        raise ValueError("signs of going round are in batches of their own")
    before = bytes.fromhex(plain["before"])
    if len(before) != 32:
        raise ValueError("before is no digest")
    return Batch(
        node=plain["node"],
        epoch=_natural(plain["epoch"]),
        sequence=_natural(plain["sequence"]),
        before=before,
        made_at=_natural(plain["made_at"]),
        lane=lane,
        rows=tallied,
        candidates=tuple(map(_candidate, candidates)),
        dropped=_natural(plain["dropped"]),
    )


def _row(value: Json) -> Tallied:
    bucket, span, rule, bracket, deed, count, clients = _typed(
        value, (int, int, str, str, str, int, str)
    )
    if span not in SPANS or bucket % span:
        raise ValueError(f"not a bucket: {bucket} of {span} s")
    if not (_is_rule(rule) and len(rule) <= 400):
        raise ValueError(f"not a rule: {rule[:40]!r}")
    words = Bracket(bracket), Deed(deed), Band(clients)
    if rule in SITES and (span, *words) != SITES_FORM:
        raise ValueError(f"not as sites are counted: {str(value)[:60]}")
    bracket, deed, clients = words
    if rule in SIGNS and (span, deed, clients) != SIGNS_FORM:
        raise ValueError(f"not as signs are counted: {str(value)[:60]}")
    return Tallied(_natural(bucket), span, rule, bracket, deed, _natural(count), clients)


def _candidate(value: Json) -> Candidate:
    day, domain, count, clients = _typed(value, (int, str, int, str))
    if day % 86_400 or not 0 < len(domain) <= 253:
        raise ValueError("not a candidate")
    return Candidate(_natural(day), domain, _natural(count), Band(clients))


def _is_rule(text: str) -> bool:
    kind, _, what = text.partition(":")
    if kind == "order":
        return what.isprintable() and "/" in what
    if kind == "category":
        return what.replace("-", "").isalnum()
    return text in {"", "own"} or text in APART


def _typed(value: Json, kinds: Sequence[type]) -> list[Any]:
    if isinstance(value, list) and [type(each) for each in value] == list(kinds):
        return value
    raise ValueError(f"a row that does not read: {str(value)[:60]}")


def _natural(number: int) -> int:
    if 0 <= number < 2**53:
        return number
    raise ValueError(f"not a number that can be: {number}")
