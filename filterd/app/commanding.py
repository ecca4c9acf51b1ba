"""A command given by a person: to the daemon if one runs, else into the files it will read."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from filterd.app.owner import become_owner
from filterd.app.paths import Paths, config_path, read_config
from filterd.app.spoken import Spoken
from filterd.config.schema import Config
from filterd.control.client import NobodyError, RefusedError, call
from filterd.model.errors import RulesError
from filterd.policy import local_rules, overrides
from filterd.policy.said import Here, Said, obey


@dataclass(frozen=True, slots=True)
class Obeyed:
    """What came of it. `generation` None: no daemon runs, it holds from the next start on."""

    told: Mapping[str, str | None]
    generation: int | None

    @property
    def when(self) -> str:
        """The end of a sentence about it, for a person."""
        if self.generation is None:
            return " once `filterd serve` runs; it does not now"
        return f", in force: generation {self.generation}"


@dataclass(frozen=True, slots=True)
class Post:
    """From where commands are given: a configuration and its files."""

    config: Config
    paths: Paths
    zone: ZoneInfo

    @classmethod
    def of(cls, given: str | None) -> "Post":
        """Return the post of a configuration file (None: the usual one); root goes on as whom the
        files belong to. ConfigError.
        """
        config, _ = read_config(config_path(given, os.environ))
        paths = Paths.of(config, os.environ)
        become_owner(paths)
        return cls(config, paths, ZoneInfo(config.timezone))

    def said(self) -> Said:
        """Return what is said by command now: asked of a daemon, whose files may be its alone.

        Raises:
            RulesError: a file needs mending first.
            ControlError: a daemon runs, but does not answer.
            OSError: without a daemon, a file cannot be read.
        """
        try:
            told = call(self.paths.control, "said")
        except RefusedError as error:
            raise RulesError(str(error)) from error
        except NobodyError:
            return self._files.read_to_change(self.config)
        return Said(
            overrides.parse(told["overrides"], self.zone).items,
            local_rules.parse(told["rules"], self.zone).items,
        )

    def command(self, command: str, arguments: Mapping[str, object]) -> Obeyed:
        """Have a command of `policy/said.py` obeyed.

        Raises:
            RulesError: it makes no sense; nothing has changed.
            ControlError: a daemon runs, but does not answer.
            OSError: without a daemon, the files cannot be written.
        """
        try:
            done = dict(call(self.paths.control, command, arguments))
            return Obeyed(done, done.pop("generation"))
        except RefusedError as error:
            raise RulesError(str(error)) from error
        except NobodyError:
            here = Here(self.zone, self.config.groups, datetime.now(UTC))
            with self._files.changing():
                before = self._files.read_to_change(self.config)
                after, told = obey(command, arguments, before, here)
                self._files.write(before, after)
            return Obeyed(told, None)

    @property
    def _files(self) -> Spoken:
        return Spoken(self.paths.overrides, self.paths.rules)
