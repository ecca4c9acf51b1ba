"""What is said by command, as the last and smallest index: overrides and local rules.

It alone is built anew when a teacher allows a name or an operator blocks one; the lists' index
and that of the configuration stay as they are.
"""

from collections.abc import Iterable
from datetime import datetime
from zoneinfo import ZoneInfo

from filterd.model.group import LocalRule, Override, School
from filterd.model.rule import Action, Scope
from filterd.policy.builder import Builder
from filterd.policy.classes import ClassTable, Origin, RuleClass

Groups = frozenset[str] | None  # None: every group


def add_overlay(builder: Builder, school: School, now: float) -> ClassTable:
    """Add the school's overrides and local rules to `builder`; return their classes.

    `now` is in unix seconds: overrides that ended are left out.
    """
    table = ClassTable()
    for override in school.overrides:
        if expiry(override, school) > now:
            builder.add_name(override.name, Scope.SUBTREE, table.intern(_open(override, school)))
    for (block, groups), names in _local(school.rules).items():
        class_id = table.intern(_said(block=block, groups=groups))
        for name in names:
            builder.add_name(name, Scope.SUBTREE, class_id)
    return table


def expiry(override: Override, school: School) -> int:
    """Return when an override ends in unix seconds; a time without zone is the school's."""
    expires: datetime = override.expires
    if expires.tzinfo is None:
        expires = expires.replace(tzinfo=ZoneInfo(school.timezone))
    return int(expires.timestamp())


def _open(override: Override, school: School) -> RuleClass:
    return RuleClass(
        Origin.OVERRIDE,
        Action.ALLOW,
        groups=None if override.group is None else frozenset({override.group}),
        expires=expiry(override, school),
        note=f"{override.reason} ({override.by})",
    )


def _said(*, block: bool, groups: Groups) -> RuleClass:
    if block:
        return RuleClass(Origin.LOCAL_BLOCK, Action.BLOCK, groups=groups)
    return RuleClass(Origin.LOCAL_ALLOW, Action.ALLOW, groups=groups)


def _local(rules: Iterable[LocalRule]) -> dict[tuple[bool, Groups], list[str]]:
    """Return (block, groups) -> names: what the same groups say shares a class."""
    wanted: dict[tuple[str, bool], set[str | None]] = {}
    for rule in rules:
        wanted.setdefault((rule.name, rule.block), set()).add(rule.group)
    found: dict[tuple[bool, Groups], list[str]] = {}
    for (name, block), said in wanted.items():
        groups = None if None in said else frozenset(group for group in said if group is not None)
        found.setdefault((block, groups), []).append(name)
    return found
