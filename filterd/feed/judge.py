"""Which orders of the ledger are enforced here, and why the others are not. Pure.

The ledger is the same everywhere and says what was logged; this is where each node decides for
itself, by the registry, what of it was warranted. Nobody above can decide it otherwise.
"""

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from filterd.feed.ledger import Digest, Entry, Ledger, Name
from filterd.feed.refusal import Fault, Refused
from filterd.feed.warrant import Breadth, check_act
from filterd.model.order import HOUR, Confirmation, Registry, Revocation, SignedAct


@dataclass(frozen=True, slots=True)
class Judged:
    """What one entry came to. `fault` None: warranted. `ended`: revoked by its own authority."""

    entry: Entry
    fault: Fault | None = None
    why: str = ""
    ended: bool = False

    @property
    def enforced(self) -> bool:
        """Whether its patterns are in force once its time has come."""
        return self.fault is None and not self.ended


Judgement = Mapping[Digest, Judged]


def judge(
    ledger: Ledger, registry: Registry, breadth: Breadth, known: Judgement | None = None
) -> dict[Digest, Judged]:
    """Judge every entry. What is in `known` and has not changed is not looked at again: hand in
    what this returned, or `held_of` it when registry or breadth changed.

    An entry that is held was judged when its patterns were read (`weigh.py`) and is in `known`.
    """
    before = known or {}
    here = {each.id for each in registry.authorities}
    found = dict[Digest, Judged]()
    for key, entry in ledger.entries.items():
        seen = before.get(key)
        # This is so for nearly all of them, at each segment.
        is_known = seen is not None and seen.entry is entry and seen.fault is None
        if seen is not None and is_known and entry.order.authority in here:
            found[key] = seen
        else:
            found[key] = _judged(entry, seen, registry, breadth)
    settle(found, registry)
    return found


def held_of(known: Judgement) -> dict[Digest, Judged]:
    """Return what is known of entries that cannot be judged without reading a disk."""
    return {key: each for key, each in known.items() if each.entry.held}


def settle(found: dict[Digest, Judged], registry: Registry) -> None:
    """Refuse what depends on the entries before."""
    row = Row(registry)
    for key, judged in found.items():
        found[key] = row.next(judged)


class Row:
    """Entries as they were logged. An id is used once by its authority, and what was logged first
    is what it means; what goes beyond an authority's patterns an hour is refused, latest first.
    """

    def __init__(self, registry: Registry) -> None:
        self._most = {each.id: each.mandate.per_hour for each in registry.authorities}
        self._first: dict[Name, Digest] = {}
        self._hours: dict[str, _Hour] = {}

    def next(self, judged: Judged) -> Judged:
        """Return what the next entry comes to after those before."""
        entry = judged.entry
        if judged.fault is not None:
            return judged
        who, name = entry.name
        if self._first.setdefault(entry.name, entry.digest) != entry.digest:
            why = f"{name} is the id of another order of {who}"
            return replace(judged, fault=Fault.DUPLICATE, why=why)
        most = self._most.get(who)
        hour = self._hours.setdefault(who, _Hour())
        if most is not None and not hour.takes(entry.at, entry.count, most):
            why = f"{who} has ordered more than {most} patterns within an hour"
            return replace(judged, fault=Fault.TOO_MANY, why=why)
        return judged


@dataclass(slots=True)
class _Hour:
    logged: deque[tuple[int, int]] = field(default_factory=deque)  # at, patterns
    total: int = 0

    def takes(self, at: int, count: int, most: int) -> bool:
        while self.logged and self.logged[0][0] <= at - HOUR:
            self.total -= self.logged.popleft()[1]
        if self.total + count > most:
            return False
        self.logged.append((at, count))
        self.total += count
        return True


_RELATIVE = frozenset({Fault.DUPLICATE, Fault.TOO_MANY})  # depend on other entries


def _judged(entry: Entry, seen: Judged | None, registry: Registry, breadth: Breadth) -> Judged:
    if not entry.held:
        unchanged = seen is not None and seen.fault not in _RELATIVE and _same(seen.entry, entry)
        return seen if seen is not None and unchanged else _entry(entry, registry, breadth)
    if seen is None:
        raise ValueError(f"{entry.name} is held, and nobody has judged it")
    if registry.find(entry.order.authority) is None:
        return Judged(entry, Fault.UNKNOWN_AUTHORITY, f"no authority {entry.order.authority!r}")
    if seen.fault is not None and seen.fault not in _RELATIVE:
        return seen
    if seen.fault is None and _same(seen.entry, entry):
        return seen
    return Judged(entry, ended=is_ended(entry, registry, breadth))


def _same(one: Entry, other: Entry) -> bool:
    return one is other or (one.digest, one.marks) == (other.digest, other.marks)


def _entry(entry: Entry, registry: Registry, breadth: Breadth) -> Judged:
    try:
        check_act(entry.signed, registry, breadth, entry.at)
    except Refused as refused:
        return Judged(entry, refused.fault, str(refused))
    return Judged(entry, ended=is_ended(entry, registry, breadth))


def is_ended(entry: Entry, registry: Registry, breadth: Breadth) -> bool:
    """Say whether one of the revocations that name it is warranted."""
    return any(_stands(mark, entry, registry, breadth) for mark in entry.marks)


def is_confirmed(entry: Entry, registry: Registry, breadth: Breadth) -> bool:
    """Say whether its own authority has said that it is meant, whatever it hits."""
    said = (mark for mark in entry.marks if isinstance(mark.act, Confirmation))
    return any(_warranted(mark, entry, registry, breadth) for mark in said)


def _stands(mark: SignedAct, entry: Entry, registry: Registry, breadth: Breadth) -> bool:
    revokes = isinstance(mark.act, Revocation)
    return revokes and _warranted(mark, entry, registry, breadth)


def _warranted(mark: SignedAct, entry: Entry, registry: Registry, breadth: Breadth) -> bool:
    """Say whether a mark is warranted; anybody who can write to the log can put one there."""
    try:
        # When a mark was logged is not kept, only that it was: after its officers signed it.
        check_act(mark, registry, breadth, max(entry.at, mark.signed_at))
    except Refused:
        return False
    return True
