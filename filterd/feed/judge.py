"""Which orders of the ledger are enforced here, and why the others are not. Pure.

The ledger is the same everywhere and says what was logged; this is where each node decides for
itself, by the registry, what of it was warranted. Nobody above can decide it otherwise.
"""

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, replace

from filterd.feed.ledger import Digest, Entry, Ledger, Name
from filterd.feed.refusal import Fault, Refused
from filterd.feed.warrant import Breadth, check_act
from filterd.model.order import HOUR, Authority, Confirmation, Registry, Revocation, SignedAct


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
    what this returned, or nothing when registry or breadth changed.
    """
    before = known or {}
    found: dict[Digest, Judged] = {}
    for key, entry in ledger.entries.items():
        seen = before.get(key)
        unchanged = seen is not None and seen.entry == entry and seen.fault not in _RELATIVE
        found[key] = seen if unchanged and seen is not None else _entry(entry, registry, breadth)
    _refuse_duplicates(found)
    for authority in registry.authorities:
        _hold_to_rate(authority, found)
    return found


_RELATIVE = frozenset({Fault.DUPLICATE, Fault.TOO_MANY})  # depend on other entries


def _entry(entry: Entry, registry: Registry, breadth: Breadth) -> Judged:
    try:
        check_act(entry.signed, registry, breadth, entry.at)
    except Refused as refused:
        return Judged(entry, refused.fault, str(refused))
    return Judged(entry, ended=any(_stands(each, entry, registry, breadth) for each in entry.marks))


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


def _refuse_duplicates(found: dict[Digest, Judged]) -> None:
    """An id is used once by its authority: what was logged first is what it means."""
    first: dict[Name, Digest] = {}
    for key, judged in found.items():
        if judged.fault is None and first.setdefault(judged.entry.name, key) != key:
            why = f"{judged.entry.order.id} is the id of another order of {judged.entry.name[0]}"
            found[key] = replace(judged, fault=Fault.DUPLICATE, why=why)


def _hold_to_rate(authority: Authority, found: dict[Digest, Judged]) -> None:
    """Refuse what goes beyond an authority's patterns an hour, latest first."""
    most = authority.mandate.per_hour
    window: deque[tuple[int, int]] = deque()  # logged at, patterns
    total = 0
    for key, judged in found.items():
        if judged.fault is not None or judged.entry.name[0] != authority.id:
            continue
        at, count = judged.entry.at, len(judged.entry.order.patterns)
        while window and window[0][0] <= at - HOUR:
            total -= window.popleft()[1]
        if total + count > most:
            why = f"{authority.id} has ordered more than {most} patterns within an hour"
            found[key] = replace(judged, fault=Fault.TOO_MANY, why=why)
            continue
        window.append((at, count))
        total += count
