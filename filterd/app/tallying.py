"""From the core's numbers to tallies that may leave the school: orders, categories, ages.

Nothing that a school wrote gets through: names of groups, lists and devices, patterns and notes end
here, in a word of a closed set. An order's name is its authority's, from a signed order.
"""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from filterd.feed.canary import AUTHORITY as CANARY
from filterd.model.verdict import Kind
from filterd.policy.classes import Origin, RuleClass
from filterd.report.batch import Bracket, Deed
from filterd.report.privacy import SLOT
from filterd.report.tally import Tally, bracket_of, merge

OWN = "own"  # whatever the school itself said
NONE = ""  # no rule, or one that is filterd's own
_FILTERDS = frozenset({Origin.SAFE_SEARCH, Origin.CANARY, Origin.BYPASS, Origin.REBIND})
_Key = tuple[int, str, int, str, int]  # slot, kind, class, group, generation
ClassOf = Callable[[int, int], RuleClass | None]  # (generation, class)


@dataclass(frozen=True, slots=True)
class Meanings:
    """What the core's numbers and words mean. `ages`: group -> age in years; `categories`: those of
    the rule book, `grave` those that are not told by age.
    """

    class_of: ClassOf
    ages: Mapping[str, int]
    categories: Collection[str]
    grave: Collection[str]


def tallies_of(rows: Iterable[Sequence[Any]], meanings: Meanings) -> list[Tally]:
    """Return rows of `Engine.counts` as tallies, merged; canaries, which the node asks for itself,
    are left out.
    """
    # There may be a hundred thousand rows, one for each pattern, of a few classes.
    sums: dict[_Key, tuple[int, int]] = {}
    for slot, kind, _step, class_id, group, _pattern, count, generation, clients in rows:
        key = (slot, kind, class_id, group, generation)
        before, bits = sums.get(key, (0, 0))
        sums[key] = (before + count, bits | clients)
    tallies = (_tally(key, *each, meanings) for key, each in sums.items())
    return merge(each for each in tallies if each is not None)


def counted(events: Iterable[Sequence[Any]], bit: Callable[[str, int], int]) -> list[Sequence[Any]]:
    """Return rows of `Engine.events` as rows of counts, for levels that keep single queries.
    `bit` returns the bit of a client in a slot.
    """
    rows: list[Sequence[Any]] = []
    for at, client, _name, _qtype, kind, step, number, group, *_rest, made in events:
        slot = int(at // SLOT) * SLOT
        rows.append((slot, kind, step, number, group, "", 1, made, bit(client, slot)))
    return rows


def _tally(key: _Key, count: int, clients: int, meanings: Meanings) -> Tally | None:
    slot, kind, class_id, group, generation = key
    deed = Deed(Kind(kind).value)
    rule = meanings.class_of(generation, class_id) if class_id >= 0 else None
    if rule is not None and rule.origin is Origin.MUST_NOT_BLOCK:
        deed = Deed.PASS  # which of those few names it was is nobody's business
    if rule is not None and rule.origin is Origin.ORDER and rule.list.startswith(f"{CANARY}/"):
        return None
    age = meanings.ages.get(group)
    grave = rule is not None and rule.category in meanings.grave
    bracket = Bracket.ALL if grave or age is None else bracket_of(age)
    return Tally(slot, SLOT, _word(rule, deed, meanings), bracket, deed, count, clients)


def _word(rule: RuleClass | None, deed: Deed, meanings: Meanings) -> str:
    if deed is Deed.PASS:
        return NONE
    if rule is None:
        return OWN  # a schedule, or a group that is allowed little
    if rule.origin is Origin.ORDER:
        return f"order:{rule.list}"
    if rule.category in meanings.categories:
        return f"category:{rule.category}"
    return NONE if rule.origin in _FILTERDS else OWN
