"""What is said by command, and the commands that change it. Pure: values in, values out.

The daemon and a command line without a daemon obey the same commands with the same words.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta, tzinfo

from filterd.model.errors import RulesError
from filterd.model.group import LocalRule, Override
from filterd.policy import local_rules, overrides
from filterd.policy.entries import site_in

Told = dict[str, str | None]
COMMANDS = ("override-add", "override-remove", "rule-add", "rule-remove")


@dataclass(frozen=True, slots=True)
class Said:
    """All that is said by command and holds."""

    overrides: tuple[Override, ...] = ()
    rules: tuple[LocalRule, ...] = ()


NOTHING = Said()


@dataclass(frozen=True, slots=True)
class Here:
    """Where and when a command is given: the school's clocks, its groups, and the time."""

    zone: tzinfo
    groups: Collection[str]
    now: datetime  # with an offset


def obey(
    command: str, arguments: Mapping[str, object], said: Said, here: Here
) -> tuple[Said, Told]:
    """Return what is said after one of `COMMANDS`, and the words of the answer.

    Arguments are those of the file's lines; in place of `expires` and `at`, "override-add" takes
    `seconds`. Overrides that have ended are dropped on the way.

    Raises:
        RulesError: an argument that makes no sense here; nothing is changed.
    """
    held = replace(said, overrides=overrides.in_force(said.overrides, here.now))
    match command:
        case "override-add":
            return _open(arguments, held, here)
        case "override-remove":
            name = _name(arguments)
            opened = tuple(o for o in held.overrides if o.name != name)
            if len(opened) == len(held.overrides):
                raise RulesError(f"{name} is not open; see `filterd override list`")
            return replace(held, overrides=opened), {"name": name}
        case "rule-add":
            return _rule(arguments, held, here)
        case "rule-remove":
            name = _name(arguments)
            left = tuple(r for r in held.rules if r.name != name)
            if len(left) == len(held.rules):
                raise RulesError(f"there is no local rule for {name}; see `filterd rule list`")
            return replace(held, rules=left), {"name": name}
        case other:
            raise RulesError(f"no such command: {other[:40]!r}")


def _open(arguments: Mapping[str, object], held: Said, here: Here) -> tuple[Said, Told]:
    seconds = arguments.get("seconds")
    if not isinstance(seconds, int | float) or not 0 < seconds <= overrides.LONGEST.total_seconds():
        raise RulesError("an override lasts 7d at most; for longer, use `filterd rule allow`")
    ends = (here.now.astimezone(here.zone) + timedelta(seconds=seconds)).replace(microsecond=0)
    entry = {**arguments, "expires": ends.isoformat()}
    del entry["seconds"]
    try:
        new = overrides.override_of(entry, here.zone, here.groups)
    except ValueError as error:
        raise RulesError(str(error)) from error
    kept = [o for o in held.overrides if (o.name, o.group) != (new.name, new.group)]
    if len(kept) >= overrides.MAX_OVERRIDES:
        raise RulesError(f"there are {overrides.MAX_OVERRIDES} overrides already; remove some")
    told: Told = {"name": new.name, "group": new.group, "expires": ends.isoformat()}
    return replace(held, overrides=(*kept, new)), told


def _rule(arguments: Mapping[str, object], held: Said, here: Here) -> tuple[Said, Told]:
    at = here.now.astimezone(here.zone).replace(microsecond=0)
    try:
        entry = {**arguments, "at": at.isoformat()}
        new = local_rules.rule_of(entry, here.zone, here.groups)
    except ValueError as error:
        raise RulesError(str(error)) from error
    kept = [r for r in held.rules if (r.name, r.group) != (new.name, new.group)]
    if len(kept) >= local_rules.MAX_RULES:
        raise RulesError(f"there are {local_rules.MAX_RULES} local rules already; make a list")
    return replace(held, rules=(*kept, new)), {"name": new.name, "group": new.group}


def _name(arguments: Mapping[str, object]) -> str:
    try:
        return site_in(arguments, wide=True)
    except ValueError as error:
        raise RulesError(str(error)) from error
