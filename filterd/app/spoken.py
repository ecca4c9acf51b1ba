"""The two files of what is said by command: read, watched, written. What the commands mean is in
`policy/said.py`.
"""

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar
from zoneinfo import ZoneInfo

from filterd.config.schema import Config
from filterd.model.errors import RulesError
from filterd.policy import local_rules, overrides
from filterd.policy.entries import Entries, changing
from filterd.policy.said import Said

logger = logging.getLogger(__name__)
Stamp = tuple[int, int, int] | None
Stamps = tuple[Stamp, Stamp]
T = TypeVar("T")


@dataclass(slots=True)
class Spoken:
    """The files. `seen` is how they looked when what they say was last put in force."""

    overrides: Path
    rules: Path
    seen: Stamps | None = None

    def stamps(self) -> Stamps:
        """Return how the files look now."""
        return _stamp(self.overrides), _stamp(self.rules)

    def read(self, config: Config) -> Said:
        """Return what they say; what cannot be read is left out and logged."""
        zone, groups = ZoneInfo(config.timezone), frozenset(config.groups)
        return Said(
            _forgiving("overrides", lambda: overrides.read(self.overrides, zone, groups)),
            _forgiving("local rules", lambda: local_rules.read(self.rules, zone, groups)),
        )

    def read_to_change(self, config: Config) -> Said:
        """Return what they say, for who will write it again.

        Raises:
            RulesError: a line that does not read; writing the rest would take it away.
            OSError: a file that cannot be read.
        """
        zone = ZoneInfo(config.timezone)
        return Said(
            _whole(self.overrides, overrides.read(self.overrides, zone)),
            _whole(self.rules, local_rules.read(self.rules, zone)),
        )

    @contextmanager
    def changing(self) -> Iterator[None]:
        """Keep others from changing the files meanwhile. OSError."""
        for path in (self.overrides, self.rules):
            path.parent.mkdir(parents=True, exist_ok=True)
        with changing(self.rules):
            yield

    def write(self, before: Said, after: Said) -> Stamps:
        """Write what differs and return how the files look then.

        Raises:
            OSError: what has not been written stands as it was.
        """
        if after.overrides != before.overrides:
            overrides.write(self.overrides, after.overrides)
        if after.rules != before.rules:
            local_rules.write(self.rules, after.rules)
        return self.stamps()


def _forgiving(what: str, read: Callable[[], Entries[T]]) -> tuple[T, ...]:
    try:
        entries = read()
    except OSError as error:
        logger.error("%s: none is in force, the file cannot be read: %s", what, error)  # noqa: TRY400
        return ()
    for problem in entries.problems:
        logger.warning("%s: line %d left out: %s", what, problem.line, problem.message)
    return entries.items


def _whole(path: Path, entries: Entries[T]) -> tuple[T, ...]:
    if entries.problems:
        first = entries.problems[0]
        raise RulesError(f"{path} line {first.line}: {first.message}; mend or remove it first")
    return entries.items


def _stamp(path: Path) -> Stamp:
    try:
        stat = path.stat()
    except OSError:
        return None
    return stat.st_mtime_ns, stat.st_size, stat.st_ino
