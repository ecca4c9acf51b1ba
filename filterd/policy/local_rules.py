"""The file of local rules: what an operator blocked or allowed by command, an object a line.

    {"name": "example.com", "action": "block", "at": "2026-09-07T11:30:00+07:00", "by": "..."}

`reason` and `group` are optional (without `group`: everyone). A rule holds until it is removed.
"""

import json
from collections.abc import Collection, Iterable
from datetime import tzinfo
from pathlib import Path

from filterd.model.group import LocalRule
from filterd.policy.entries import (
    Entries,
    Entry,
    entry_of,
    group_in,
    moment_in,
    only,
    parse_lines,
    read_file,
    site_in,
    text_in,
    write_file,
)

MAX_RULES = 10_000
LocalRules = Entries[LocalRule]
_FIELDS = frozenset({"name", "action", "at", "by", "reason", "group"})
_BLOCK = {"block": True, "allow": False}


def parse(text: str, zone: tzinfo, groups: Collection[str] | None = None) -> LocalRules:
    """Read the file's text; a time without offset is on the clocks of `zone`.

    With `groups`, a rule for a group that is not among them is a problem too.
    """

    def read_line(line: str) -> LocalRule:
        return rule_of(entry_of(line, "name, action, at and by"), zone, groups)

    return parse_lines(text, read_line, MAX_RULES)


def rule_of(entry: Entry, zone: tzinfo, groups: Collection[str] | None) -> LocalRule:
    """Return the rule that the object of a line means. ValueError for what makes no sense."""
    only(entry, _FIELDS)
    action = text_in(entry, "action")
    if action not in _BLOCK:
        raise ValueError(f"action: block or allow, not {action[:40]!r}")
    block = _BLOCK[action]
    return LocalRule(
        site_in(entry, wide=block),  # blocking all of a top-level domain is a wish like others
        block,
        moment_in(entry, "at", zone),
        text_in(entry, "by"),
        text_in(entry, "reason") if entry.get("reason") else "",
        group_in(entry, groups),
    )


def dump(rules: Iterable[LocalRule]) -> str:
    """Return the text of a file with these rules."""
    return "".join(_line(rule) for rule in rules)


def read(path: Path, zone: tzinfo, groups: Collection[str] | None = None) -> LocalRules:
    """Read the file at `path`; a missing one holds no rules. OSError passes through."""
    return read_file(path, lambda text: parse(text, zone, groups))


def write(path: Path, rules: Iterable[LocalRule]) -> None:
    """Replace the file at `path` in one step. OSError: the old file stands."""
    write_file(path, dump(rules))


def _line(rule: LocalRule) -> str:
    entry = {
        "name": rule.name,
        "action": "block" if rule.block else "allow",
        "at": rule.at.isoformat(),
        "by": rule.by,
    }
    if rule.reason:
        entry["reason"] = rule.reason
    if rule.group is not None:
        entry["group"] = rule.group
    return json.dumps(entry, ensure_ascii=False) + "\n"
