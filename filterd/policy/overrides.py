"""The overrides file: a teacher's temporary permissions, one JSON object per line.

    {"name": "example.com", "expires": "2026-09-07T11:30:00+07:00", "reason": "...", "by": "..."}

`group` is optional (without it: everyone). A line that does not read is reported and left out,
the others hold: one typing error must not take away a whole school's permissions.
"""

import json
from collections.abc import Collection, Iterable
from datetime import datetime, timedelta, tzinfo
from pathlib import Path

from filterd.model.group import Override
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

MAX_OVERRIDES = 10_000
LONGEST = timedelta(days=7)  # for longer there is `allow:`
Overrides = Entries[Override]
_FIELDS = frozenset({"name", "expires", "reason", "by", "group"})


def parse(text: str, zone: tzinfo, groups: Collection[str] | None = None) -> Overrides:
    """Read the file's text; a time without offset is on the clocks of `zone`.

    With `groups`, an override for a group that is not among them is a problem too.
    """

    def read_line(line: str) -> Override:
        entry = entry_of(line, "name, expires, reason and by")
        return override_of(entry, zone, groups)

    return parse_lines(text, read_line, MAX_OVERRIDES)


def override_of(entry: Entry, zone: tzinfo, groups: Collection[str] | None) -> Override:
    """Return the override that the object of a line means. ValueError for what makes no sense."""
    only(entry, _FIELDS)
    return Override(
        site_in(entry),
        moment_in(entry, "expires", zone),
        text_in(entry, "reason"),
        text_in(entry, "by"),
        group_in(entry, groups),
    )


def dump(overrides: Iterable[Override]) -> str:
    """Return the text of a file with these overrides."""
    return "".join(_line(override) for override in overrides)


def in_force(overrides: Iterable[Override], now: datetime) -> tuple[Override, ...]:
    """Return those that have not ended at `now` (with an offset, as `parse` gives them)."""
    return tuple(override for override in overrides if override.expires > now)


def read(path: Path, zone: tzinfo, groups: Collection[str] | None = None) -> Overrides:
    """Read the file at `path`; a missing one holds no overrides. OSError passes through."""
    return read_file(path, lambda text: parse(text, zone, groups))


def write(path: Path, overrides: Iterable[Override]) -> None:
    """Replace the file at `path` in one step. OSError: the old file stands."""
    write_file(path, dump(overrides))


def _line(override: Override) -> str:
    entry = {
        "name": override.name,
        "expires": override.expires.isoformat(),
        "reason": override.reason,
        "by": override.by,
    }
    if override.group is not None:
        entry["group"] = override.group
    return json.dumps(entry, ensure_ascii=False) + "\n"
