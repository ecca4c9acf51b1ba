"""The overrides file: a teacher's temporary permissions, one JSON object per line.

    {"name": "example.com", "expires": "2026-09-07T11:30:00+07:00", "reason": "...", "by": "..."}

`group` is optional (without it: everyone). A line that does not read is reported and left out,
the others hold: one typing error must not take away a whole school's permissions.
"""

import json
import os
import tempfile
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime, tzinfo
from pathlib import Path

from filterd.core import public_suffix
from filterd.formats.names import normalise
from filterd.model.errors import InvalidName
from filterd.model.group import Override

MAX_OVERRIDES = 10_000
MAX_BYTES = 4 << 20
MAX_TEXT = 200  # characters of a reason or a name of a person
_FIELDS = frozenset({"name", "expires", "reason", "by", "group"})


@dataclass(frozen=True, slots=True)
class Problem:
    """A line (from 1; 0: the whole file) that was left out, and what to do about it."""

    line: int
    message: str


@dataclass(frozen=True, slots=True)
class Overrides:
    """What an overrides file holds."""

    items: tuple[Override, ...] = ()
    problems: tuple[Problem, ...] = ()


def parse(text: str, zone: tzinfo, groups: Collection[str] | None = None) -> Overrides:
    """Read the file's text; a time without offset is on the clocks of `zone`.

    With `groups`, an override for a group that is not among them is a problem too.
    """
    items: list[Override] = []
    problems: list[Problem] = []
    for number, line in enumerate(text.split("\n"), 1):
        if not line.strip():
            continue
        if len(items) == MAX_OVERRIDES:
            problems.append(Problem(number, f"more than {MAX_OVERRIDES} overrides: remove some"))
            break
        try:
            items.append(_override(line, zone, groups))
        except (ValueError, RecursionError) as error:
            problems.append(Problem(number, str(error)))
    return Overrides(tuple(items), tuple(problems))


def dump(overrides: Iterable[Override]) -> str:
    """Return the text of a file with these overrides."""
    return "".join(_line(override) for override in overrides)


def in_force(overrides: Iterable[Override], now: datetime) -> tuple[Override, ...]:
    """Return those that have not ended at `now` (with an offset, as `parse` gives them)."""
    return tuple(override for override in overrides if override.expires > now)


def read(path: Path, zone: tzinfo, groups: Collection[str] | None = None) -> Overrides:
    """Read the file at `path`; a missing one holds no overrides. OSError passes through."""
    try:
        with path.open("rb") as file:
            data = file.read(MAX_BYTES + 1)
    except FileNotFoundError:
        return Overrides()
    if len(data) > MAX_BYTES:
        message = f"larger than {MAX_BYTES} bytes: remove overrides that have ended"
        return Overrides(problems=(Problem(0, message),))
    try:
        return parse(data.decode(), zone, groups)
    except UnicodeDecodeError as error:
        return Overrides(problems=(Problem(0, f"not UTF-8 at byte {error.start}"),))


def write(path: Path, overrides: Iterable[Override]) -> None:
    """Replace the file at `path` in one step, so that a crash leaves the old or the new one.

    Raises:
        OSError: the directory cannot be written; the old file stands.
    """
    handle, temporary = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    try:
        _own_like(path, handle)
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(dump(overrides))
            file.flush()
            os.fsync(file.fileno())
        Path(temporary).replace(path)
    except OSError:
        Path(temporary).unlink(missing_ok=True)
        raise
    directory = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(directory)
    finally:
        os.close(directory)


def _own_like(path: Path, handle: int) -> None:
    """Give the new file the owner and mode of the old one, or those of the directory: what an
    administrator writes must stay readable for the daemon's own account.
    """
    try:
        old = path.stat()
        mode = old.st_mode & 0o777
    except FileNotFoundError:
        old = path.parent.stat()
        mode = 0o640
    os.fchmod(handle, mode)
    if os.geteuid() == 0:
        os.fchown(handle, old.st_uid, old.st_gid)


def _override(line: str, zone: tzinfo, groups: Collection[str] | None) -> Override:
    try:
        entry = json.loads(line)
    except json.JSONDecodeError as error:
        raise ValueError(f"not JSON: {error.msg} at column {error.colno}") from error
    if not isinstance(entry, dict):
        raise ValueError("not an object with name, expires, reason and by")  # noqa: TRY004
    unknown = sorted(set(entry) - _FIELDS)
    if unknown:
        raise ValueError(f"unknown field {unknown[0][:40]!r}; known are {sorted(_FIELDS)}")
    name = _text(entry, "name")
    try:
        name = normalise(name)
    except InvalidName as error:
        raise ValueError(f"name: {error}") from error
    if not name:
        raise ValueError("name: the root cannot be overridden")
    if public_suffix(name):
        raise ValueError(f"name: {name} is no site but all names under it; name the site")
    group = _text(entry, "group") if entry.get("group") is not None else None
    if group is not None and groups is not None and group not in groups:
        raise ValueError(f"group: no group is called {group!r}; known are {sorted(groups)}")
    return Override(name, _moment(entry, zone), _text(entry, "reason"), _text(entry, "by"), group)


def _moment(entry: dict[str, object], zone: tzinfo) -> datetime:
    text = _text(entry, "expires")
    try:
        moment = datetime.fromisoformat(text)
        moment = moment if moment.tzinfo is not None else moment.replace(tzinfo=zone)
        moment.timestamp()
    except (ValueError, OverflowError) as error:
        raise ValueError(
            f"expires: not a time like 2026-09-07T11:30:00+07:00: {text[:40]!r}"
        ) from error
    return moment


def _text(entry: dict[str, object], field: str) -> str:
    value = entry.get(field)
    if not isinstance(value, str) or not value.strip():
        raise ValueError(f"{field}: must be text that says something")
    if len(value) > MAX_TEXT:
        raise ValueError(f"{field}: longer than {MAX_TEXT} characters")
    if not value.isprintable():  # it ends up in logs and on terminals
        raise ValueError(f"{field}: must be one line of printable text")
    return value


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
