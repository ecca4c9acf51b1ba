"""Files of one JSON object a line: what was said by command, when, and by whom.

People mend them by hand, so reading is forgiving as a whole and strict in each line: a line that
does not read is reported and left out, the others hold. Writing replaces the file in one step.
"""

import fcntl
import json
import os
import tempfile
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, tzinfo
from pathlib import Path
from typing import Generic, TypeVar

from filterd.core import public_suffix
from filterd.formats.names import normalise
from filterd.model.errors import InvalidName, RulesError

MAX_BYTES = 4 << 20
MAX_TEXT = 200  # characters of a reason or a name of a person
T = TypeVar("T")
Entry = Mapping[str, object]


@dataclass(frozen=True, slots=True)
class Problem:
    """A line (from 1; 0: the whole file) that was left out, and what to do about it."""

    line: int
    message: str


@dataclass(frozen=True, slots=True)
class Entries(Generic[T]):
    """What a file holds."""

    items: tuple[T, ...] = ()
    problems: tuple[Problem, ...] = ()


def parse_lines(text: str, read: Callable[[str], T], most: int) -> Entries[T]:
    """Read at most `most` lines with `read`, which raises ValueError for one that is wrong."""
    items: list[T] = []
    problems: list[Problem] = []
    for number, line in enumerate(text.split("\n"), 1):
        if not line.strip():
            continue
        if len(items) == most:
            problems.append(Problem(number, f"more than {most} lines: remove some"))
            break
        try:
            items.append(read(line))
        except (ValueError, RecursionError) as error:
            problems.append(Problem(number, str(error)))
    return Entries(tuple(items), tuple(problems))


def read_file(path: Path, parse: Callable[[str], Entries[T]]) -> Entries[T]:
    """Read the file at `path`; a missing one holds nothing. OSError passes through."""
    try:
        with path.open("rb") as file:
            data = file.read(MAX_BYTES + 1)
    except FileNotFoundError:
        return Entries()
    if len(data) > MAX_BYTES:
        return Entries(problems=(Problem(0, f"larger than {MAX_BYTES} bytes: remove lines"),))
    try:
        return parse(data.decode())
    except UnicodeDecodeError as error:
        return Entries(problems=(Problem(0, f"not UTF-8 at byte {error.start}"),))


def write_file(path: Path, text: str) -> None:
    """Replace the file at `path` in one step, so that a crash leaves the old or the new one.

    Raises:
        OSError: the directory cannot be written; the old file stands.
        RulesError: it would be larger than what is read again.
    """
    if len(text) > MAX_BYTES or len(text.encode()) > MAX_BYTES:
        raise RulesError(f"{path} would be larger than {MAX_BYTES} bytes: remove some lines first")
    handle, temporary = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    try:
        _own_like(path, handle)
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
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


@contextmanager
def changing(path: Path) -> Iterator[None]:
    """Let one process at a time read the file at `path`, change it and write it."""
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        fcntl.flock(folder, fcntl.LOCK_EX)
        yield
    finally:
        os.close(folder)


def entry_of(line: str, example: str) -> Entry:
    """Return the object of a line. ValueError where it is none."""
    try:
        entry = json.loads(line)
    except json.JSONDecodeError as error:
        raise ValueError(f"not JSON: {error.msg} at column {error.colno}") from error
    if not isinstance(entry, dict):
        raise ValueError(f"not an object with {example}")  # noqa: TRY004
    return entry


def only(entry: Entry, fields: Collection[str]) -> None:
    """Refuse fields that mean nothing. ValueError with the first."""
    unknown = sorted(set(entry) - set(fields))
    if unknown:
        raise ValueError(f"unknown field {unknown[0][:40]!r}; known are {sorted(fields)}")


def site_in(entry: Entry, *, wide: bool = False) -> str:
    """Return the normalised `name`. ValueError for what is no name of a site; with `wide` a whole
    public suffix will do.
    """
    name = text_in(entry, "name")
    try:
        name = normalise(name)
    except InvalidName as error:
        raise ValueError(f"name: {error}") from error
    if not name:
        raise ValueError("name: the root is no site; name the site")
    if not wide and public_suffix(name):
        raise ValueError(f"name: {name} is no site but all names under it; name the site")
    return name


def group_in(entry: Entry, groups: Collection[str] | None) -> str | None:
    """Return the `group`, None for everyone. ValueError for one that is not among `groups`."""
    if entry.get("group") is None:
        return None
    group = text_in(entry, "group")
    if groups is not None and group not in groups:
        raise ValueError(f"group: no group is called {group!r}; known are {sorted(groups)}")
    return group


def moment_in(entry: Entry, field: str, zone: tzinfo) -> datetime:
    """Return a time; one without offset is on the clocks of `zone`. ValueError for no time."""
    text = text_in(entry, field)
    try:
        moment = datetime.fromisoformat(text)
        moment = moment if moment.tzinfo is not None else moment.replace(tzinfo=zone)
        moment.timestamp()
    except (ValueError, OverflowError) as error:
        raise ValueError(
            f"{field}: not a time like 2026-09-07T11:30:00+07:00: {text[:40]!r}"
        ) from error
    return moment


def text_in(entry: Entry, field: str) -> str:
    """Return a field's text. ValueError for none, or for what is no line of print."""
    value = entry.get(field)
    if not isinstance(value, str) or not value.strip():
        raise ValueError(f"{field}: must be text that says something")
    if len(value) > MAX_TEXT:
        raise ValueError(f"{field}: longer than {MAX_TEXT} characters")
    if not value.isprintable():  # it ends up in logs and on terminals
        raise ValueError(f"{field}: must be one line of printable text")
    return value


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
