"""Who stands where and from when: the rank tables of one index layer, for every group and moment.

Time enters a policy in two ways, timetables and overrides that end. Both are worked out ahead, so
that the core needs no calendar: it looks up the segment and reads a rank. A layer's tables depend
on its own classes only, so those of the lists stay as they are when a teacher allows a name.
"""

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from filterd.model.group import Group, ScheduledBlock, School
from filterd.policy.classes import RuleClass
from filterd.policy.precedence import (
    NOT_APPLICABLE,
    SCHEDULED,
    Policy,
    policy_of,
    scheduled,
    standing,
)
from filterd.policy.schedule import Timeline

Phase = tuple[ScheduledBlock, ...]  # the blocks in force that name something


@dataclass(frozen=True, slots=True)
class Turn:
    """From `start` (unix seconds, 0: always before) on `phase` holds; `closed`: all is blocked."""

    start: int
    phase: int
    closed: bool


@dataclass(frozen=True, slots=True)
class Member:
    """A group as the tables see it. Groups of one `kind` differ in name, answer and own names."""

    policy: Policy
    kind: int
    turns: tuple[Turn, ...]


@dataclass(slots=True)
class Frame:
    """What no rule changes: each group's policy, and its timetable as turns. `phases` are numbered
    by their place.
    """

    members: tuple[Member, ...]
    phases: tuple[Phase, ...]


def frame_of(
    school: School, ages: Mapping[str, int], timelines: Mapping[str, Timeline], now: int
) -> Frame:
    """Return the frame of a school. KeyError for a schedule that has no timeline."""
    kinds: dict[Group, int] = {}
    phases: dict[Phase, int] = {(): 0}
    turns: dict[tuple[ScheduledBlock, ...], tuple[Turn, ...]] = {}
    members = []
    for group in school.groups:
        blocks = group.blocks if group.filtered else ()
        if blocks not in turns:
            turns[blocks] = _turns(blocks, timelines, now, phases)
        kind = kinds.setdefault(_shared(group), len(kinds))
        members.append(Member(policy_of(group, ages), kind, turns[blocks]))
    return Frame(tuple(members), tuple(phases))


@dataclass(slots=True)
class LayerRanks:
    """The rank tables of one layer, as the text of their JSON, each kept once and named by its
    place in `rows`.
    """

    frame: Frame
    classes: Sequence[RuleClass]
    rows: list[str] = field(default_factory=list)
    _numbers: dict[str, int] = field(default_factory=dict)
    _known: dict[tuple[int, int, int], int] = field(default_factory=dict)
    _places: dict[tuple[int, tuple[bool, ...]], int] = field(default_factory=dict)
    _policies: list["_Policy"] = field(default_factory=list)
    _of: list[int] = field(default_factory=list)  # member -> place in _policies
    _scheduled: dict[ScheduledBlock, tuple[int, ...]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        limited = {rule.groups for rule in self.classes if rule.groups is not None}
        for member in self.frame.members:
            name = member.policy.group.name
            key = (member.kind, tuple(name in groups for groups in limited))
            place = self._places.setdefault(key, len(self._policies))
            if place == len(self._policies):
                self._policies.append(_policy(self.classes, member.policy))
            self._of.append(place)

    def policy(self, member: int) -> int:
        """Return a number that is equal for groups whose classes here stand alike."""
        return self._of[member]

    def ends(self, member: int) -> tuple[int, ...]:
        """Return when rules end that speak to the group, in order, in unix seconds."""
        return self._policies[self._of[member]].ends

    def every_end(self) -> set[int]:
        """Return when rules end, whichever group they speak to."""
        return {end for policy in self._policies for end in policy.ends}

    def number(self, member: int, phase: int, at: int) -> int:
        """Return the place in `rows` of the group's table at `at`, while `phase` is in force."""
        place = self._of[member]
        policy = self._policies[place]
        ended = bisect_right(policy.ends, at)
        key = (place, phase, ended)
        number = self._known.get(key)
        if number is None:
            text = self._text(policy, phase, ended)
            number = self._known[key] = self._numbers.setdefault(text, len(self.rows))
            if number == len(self.rows):
                self.rows.append(text)
        return number

    def _text(self, policy: "_Policy", phase: int, ended: int) -> str:
        row = list(policy.ranks)
        for block in self.frame.phases[phase]:
            for i in self._named_by(block):
                row[i] = min(row[i], SCHEDULED)
        for i in policy.ending[:ended]:
            row[i] = NOT_APPLICABLE
        return ",".join(map(str, row))

    def _named_by(self, block: ScheduledBlock) -> tuple[int, ...]:
        named = self._scheduled.get(block)
        if named is None:
            classes = enumerate(self.classes)
            named = tuple(i for i, rule in classes if scheduled(rule, block))
            self._scheduled[block] = named
        return named


@dataclass(frozen=True, slots=True)
class _Policy:
    """How the classes of a layer stand for groups that are alike: ranks while no schedule is in
    force, and which classes end when.
    """

    ranks: tuple[int, ...]
    ends: tuple[int, ...]  # unix seconds, in order
    ending: tuple[int, ...]  # the class that ends then


def _policy(classes: Sequence[RuleClass], policy: Policy) -> _Policy:
    name = policy.group.name
    ending = sorted(
        (rule.expires, i)
        for i, rule in enumerate(classes)
        if rule.expires is not None and (rule.groups is None or name in rule.groups)
    )
    return _Policy(
        tuple(standing(rule, policy).rank for rule in classes),
        tuple(expires for expires, _ in ending),
        tuple(i for _, i in ending),
    )


def _turns(
    blocks: Phase, timelines: Mapping[str, Timeline], now: int, phases: dict[Phase, int]
) -> tuple[Turn, ...]:
    moments = {now}
    for block in blocks:
        moments.update(timelines[block.schedule].changes)
    found: list[Turn] = []
    for moment in sorted(moments):
        active = tuple(b for b in blocks if timelines[b.schedule].at(moment) != b.outside)
        closed = any(block.everything for block in active)
        named = tuple(block for block in active if not block.everything)
        phase = phases.setdefault(named, len(phases))
        if not found or (found[-1].phase, found[-1].closed) != (phase, closed):
            found.append(Turn(moment if found else 0, phase, closed))
    return tuple(found)


def _shared(group: Group) -> Group:
    """Return what two groups must have in common to stand alike; their names may differ."""
    return replace(group, name="", answer=_NO_GROUP.answer, blocks=(), allow=(), block=())


_NO_GROUP = Group("", 0)
