"""The walk through the precedence list for one question: which step decided, and why not the rest.

Data only. The core says what matched and what it decided; this adds what each match means and
why it counts or does not. `explain_text.py` puts it into words.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from zoneinfo import ZoneInfo

from filterd.model.group import Group, RuleBook, School
from filterd.model.verdict import Step
from filterd.policy.ages import category_ages, effective_min_age
from filterd.policy.classes import ClassTable, RuleClass
from filterd.policy.precedence import NOT_APPLICABLE, Policy, Why, home, policy_of, standing
from filterd.policy.schedule import holds

# What `Snapshot.matches` returns: rank, global class id, kind, pattern, layer, line.
MatchRow = tuple[int, int, str, str, int, int]


class Outcome(StrEnum):
    """What became of a step."""

    DECIDES = "decides"
    OUTRANKED = "outranked"  # it applies, but an earlier step (or a better rule) decided
    PASSED_OVER = "passed-over"  # rules match, none of them applies
    SILENT = "silent"  # nothing here speaks about the name


@dataclass(frozen=True, slots=True)
class Asked:
    """The question: `at` in unix seconds, `group` by name."""

    name: str
    qtype: int
    group: str
    at: float


@dataclass(frozen=True, slots=True)
class Decided:
    """What the core decided: `kind` as in model.verdict, class -1 where no rule did."""

    kind: str
    step: int
    class_id: int = -1
    pattern: str = ""


@dataclass(frozen=True, slots=True)
class Found:
    """A rule that matches the name. `file` is the list's path or URL, `line` 0 where unknown."""

    rule: RuleClass
    why: Why
    applies: bool
    kind: str
    pattern: str
    file: str
    line: int
    min_age: int | None
    decides: bool


@dataclass(frozen=True, slots=True)
class StepLine:
    """One step of the nine."""

    step: Step
    outcome: Outcome
    found: tuple[Found, ...] = ()


@dataclass(frozen=True, slots=True)
class ScheduleState:
    """A block of the group's timetable, and whether it is in force at the moment asked about."""

    schedule: str
    outside: bool
    everything: bool
    in_force: bool


@dataclass(frozen=True, slots=True)
class Explanation:
    """The whole walk. `lines` are the nine steps in order."""

    asked: Asked
    decided: Decided
    age: int
    filtered: bool
    allow_only: bool
    schedules: tuple[ScheduleState, ...]
    lines: tuple[StepLine, ...]

    @property
    def deciding(self) -> Found | None:
        """The rule that decided, if one did."""
        rules = (found for line in self.lines for found in line.found if found.decides)
        return next(rules, None)


@dataclass(frozen=True, slots=True)
class Rules:
    """What a snapshot was made from; `layers` in the snapshot's order."""

    school: School
    rulebook: RuleBook
    layers: Sequence[ClassTable]


def walk(asked: Asked, decided: Decided, matches: Sequence[MatchRow], rules: Rules) -> Explanation:
    """Return the walk for `asked`. KeyError for a group that the school does not have."""
    groups = {group.name: group for group in rules.school.groups}
    group = groups[asked.group]
    policy = policy_of(group, category_ages(rules.rulebook, rules.school))
    classes = [rule for table in rules.layers for rule in table.classes]
    files = {spec.name: spec.path or spec.url or "" for spec in rules.school.lists}
    by_step: dict[Step, list[Found]] = {step: [] for step in Step}
    for row in matches:
        rank, class_id, _, pattern, _, _ = row
        rule = classes[class_id]
        step = home(rule) if rank == NOT_APPLICABLE else Step(rank >> 8)
        decides = (class_id, pattern, step) == (decided.class_id, decided.pattern, decided.step)
        found = _found(row, rule, policy, asked.at, files.get(rule.list, ""), decides=decides)
        by_step[step].append(found)
    return Explanation(
        asked=asked,
        decided=decided,
        age=group.age,
        filtered=group.filtered,
        allow_only=group.allow_only,
        schedules=_schedules(rules.school, group, asked.at),
        lines=tuple(_line(step, tuple(found), decided) for step, found in by_step.items()),
    )


def _found(  # noqa: PLR0913  one match, field by field
    row: MatchRow, rule: RuleClass, policy: Policy, at: float, file: str, *, decides: bool
) -> Found:
    rank, _, kind, pattern, _, line = row
    applies = rank != NOT_APPLICABLE
    why = _why(rank, rule, policy, at)
    min_age = effective_min_age(rule, policy.ages, policy.own_ages)
    return Found(rule, why, applies, kind, pattern, file, line, min_age, decides)


def _why(rank: int, rule: RuleClass, policy: Policy, at: float) -> Why:
    place = standing(rule, policy)
    if rank != NOT_APPLICABLE:
        return Why.SCHEDULE if rank >> 8 == Step.SCHEDULE else place.why
    if not place.applies:
        return place.why
    if rule.expires is not None and rule.expires <= at:
        return Why.EXPIRED
    return Why.CONDITION


def _line(step: Step, found: tuple[Found, ...], decided: Decided) -> StepLine:
    if step == decided.step:
        return StepLine(step, Outcome.DECIDES, found)
    if any(one.applies for one in found):
        return StepLine(step, Outcome.OUTRANKED, found)
    return StepLine(step, Outcome.PASSED_OVER if found else Outcome.SILENT, found)


def _schedules(school: School, group: Group, at: float) -> tuple[ScheduleState, ...]:
    if not group.filtered:
        return ()
    zone = ZoneInfo(school.timezone)
    named = {schedule.name: schedule for schedule in school.schedules}
    return tuple(
        ScheduleState(
            block.schedule,
            block.outside,
            block.everything,
            holds(named[block.schedule], at, zone) != block.outside,
        )
        for block in group.blocks
    )
