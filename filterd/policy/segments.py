"""A group's policy over time: which rank table holds from when.

Time enters a policy in two ways, schedules and overrides that end. Both are worked out ahead into
segments, so that the core needs no calendar: it looks up the segment and reads a rank.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from filterd.model.group import Group, ScheduledBlock
from filterd.policy.classes import RuleClass
from filterd.policy.precedence import (
    NOT_APPLICABLE,
    SCHEDULED,
    policy_of,
    scheduled,
    standing,
)
from filterd.policy.schedule import Timeline

Ranks = tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Segment:
    """From `start` (unix seconds) on `ranks` hold; `closed`: the schedule blocks everything."""

    start: int
    ranks: int
    closed: bool


@dataclass(slots=True)
class RankTables:
    """Rank tables, each kept once. Groups with the same policy share theirs."""

    classes: Sequence[RuleClass]
    ages: Mapping[str, int]
    rows: list[Ranks] = field(default_factory=list)
    # Worked out by `segments_of`, which all groups of a plan pass `now` and timelines alike.
    segments: dict[tuple[int, tuple[ScheduledBlock, ...]], tuple[Segment, ...]] = field(
        default_factory=dict
    )
    _numbers: dict[Ranks, int] = field(default_factory=dict)
    _known: dict[tuple[object, ...], int] = field(default_factory=dict)
    _policies: dict[tuple[Group, tuple[bool, ...]], int] = field(default_factory=dict)
    _bases: list[Ranks] = field(default_factory=list)
    _groups: dict[str, "_About"] = field(default_factory=dict)
    _scheduled: dict[ScheduledBlock, tuple[int, ...]] = field(default_factory=dict)
    _limited: tuple[frozenset[str], ...] = ()
    _expiring: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        self._limited = tuple({c.groups for c in self.classes if c.groups is not None})
        self._expiring = tuple(i for i, c in enumerate(self.classes) if c.expires is not None)

    def policy(self, group: Group) -> int:
        """Return a number that is equal for groups whose classes stand alike."""
        return self._about(group).policy

    def expiries(self, group: Group) -> list[int]:
        """Return when overrides end that hold for `group`, in unix seconds."""
        return [self.classes[i].expires or 0 for i in self._about(group).expiring]

    def number(self, group: Group, active: tuple[ScheduledBlock, ...], at: int) -> int:
        """Return the table of `group` at `at` (unix seconds) with these blocks in force."""
        about = self._about(group)
        ended = tuple(i for i in about.expiring if (self.classes[i].expires or 0) <= at)
        key = (about.policy, active, ended)
        number = self._known.get(key)
        if number is None:
            row = self._row(group, active, ended)
            number = self._numbers.setdefault(row, len(self.rows))
            if number == len(self.rows):
                self.rows.append(row)
            self._known[key] = number
        return number

    def _about(self, group: Group) -> "_About":
        about = self._groups.get(group.name)
        if about is None:
            member_of = tuple(group.name in names for names in self._limited)
            expiring = tuple(i for i in self._expiring if _speaks_to(self.classes[i], group))
            key = (_shared(group), member_of)
            policy = self._policies.get(key)
            if policy is None:
                policy = self._policies[key] = len(self._bases)
                own = policy_of(group, self.ages)
                self._bases.append(tuple(standing(rule, own).rank for rule in self.classes))
            about = self._groups[group.name] = _About(policy, expiring)
        return about

    def _named_by(self, block: ScheduledBlock) -> tuple[int, ...]:
        named = self._scheduled.get(block)
        if named is None:
            classes = enumerate(self.classes)
            named = tuple(i for i, rule in classes if scheduled(rule, block))
            self._scheduled[block] = named
        return named

    def _row(
        self, group: Group, active: tuple[ScheduledBlock, ...], ended: tuple[int, ...]
    ) -> Ranks:
        row = list(self._bases[self._about(group).policy])
        for block in active:
            for i in self._named_by(block):
                row[i] = min(row[i], SCHEDULED)
        for i in ended:
            row[i] = NOT_APPLICABLE
        return tuple(row)


@dataclass(frozen=True, slots=True)
class _About:
    """What is worked out once per group: what tells its policy from others', what ends in it."""

    policy: int  # equal for groups whose classes stand alike
    expiring: tuple[int, ...]  # class ids


def segments_of(
    group: Group, tables: RankTables, timelines: Mapping[str, Timeline], now: int
) -> tuple[Segment, ...]:
    """Return the group's segments from `now` on; the first one also covers the time before.

    Groups of one policy and one timetable share their segments, worked out for the first of them.
    """
    key = (tables.policy(group), group.blocks)
    known = tables.segments.get(key)
    if known is None:
        known = tables.segments[key] = _work_out(group, tables, timelines, now)
    return known


def _work_out(
    group: Group, tables: RankTables, timelines: Mapping[str, Timeline], now: int
) -> tuple[Segment, ...]:
    moments = {now, *(ends for ends in tables.expiries(group) if ends > now)}
    blocks = group.blocks if group.filtered else ()
    for block in blocks:
        moments.update(timelines[block.schedule].changes)
    found: list[Segment] = []
    for moment in sorted(moments):
        active = tuple(b for b in blocks if timelines[b.schedule].at(moment) != b.outside)
        closed = any(block.everything for block in active)
        named = tuple(block for block in active if not block.everything)
        number = tables.number(group, named, moment)
        if not found or (found[-1].ranks, found[-1].closed) != (number, closed):
            found.append(Segment(moment if found else 0, number, closed))
    return tuple(found)


def _speaks_to(rule: RuleClass, group: Group) -> bool:
    return rule.groups is None or group.name in rule.groups


def _shared(group: Group) -> Group:
    """Return what two groups must have in common to share tables; their names may differ."""
    return replace(group, name="", answer=_NO_GROUP.answer, blocks=(), allow=(), block=())


_NO_GROUP = Group("", 0)
