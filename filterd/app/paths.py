"""Where a node keeps things, and where it looks for its configuration."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from filterd.app.http_headers import plan_headers
from filterd.config.load import default_config, load
from filterd.config.schema import Config, state_directory
from filterd.formats.registry import ALIASES, FORMATS
from filterd.lists.gate import AUTO
from filterd.lists.requests import KINDS
from filterd.model.group import RuleBook
from filterd.policy.rulebook import default_directory, load_rulebook

SYSTEM_CONFIG = Path("/etc/filterd/config.yaml")
SYSTEM_STATE = Path("/var/lib/filterd")
CONTROL = "control.sock"


@dataclass(frozen=True, slots=True)
class Paths:
    """Files of one node."""

    state: Path
    log: Path
    control: Path
    overrides: Path
    rules: Path
    day_key: Path

    @classmethod
    def of(cls, config: Config, environ: Mapping[str, str]) -> "Paths":
        """Return the configured places, or the usual ones in the state directory."""
        state = state_directory(config, environ)
        return cls(
            state=state,
            log=config.log.path or state / "log.sqlite",
            control=config.control.socket or state / CONTROL,
            overrides=config.overrides or state / "overrides.jsonl",
            rules=state / "local-rules.jsonl",
            day_key=state / "day.key",
        )


def config_path(given: str | None, environ: Mapping[str, str]) -> Path | None:
    """Return the configuration file that is meant; None: the built-in defaults."""
    if given is not None:
        return Path(given)
    if environ.get("FILTERD_CONFIG"):
        return Path(environ["FILTERD_CONFIG"])
    return SYSTEM_CONFIG if SYSTEM_CONFIG.is_file() else None


def read_config(path: Path | None) -> tuple[Config, RuleBook]:
    """Return configuration and rule book, checked against each other.

    Raises:
        ConfigError: with every problem.
        RulesError: the rule book itself cannot be read.
    """
    book = load_rulebook(default_directory())
    if path is None:
        return default_config(), book
    formats = {AUTO, *KINDS, *ALIASES, *(each.name for each in FORMATS)}
    config = load(path, book=book, formats=formats)
    plan_headers(config, book)
    return config, book
