"""Read a configuration: all of it, or nothing and every problem at once.

Structure first (types, unknown keys), then what one part says of another. A value that is wrong
in itself is left out for the second look, so that both kinds of problem are told in one go.
"""

from collections.abc import Collection, Iterator
from pathlib import Path as File
from typing import Any

from pydantic import ValidationError

from filterd.config.checks import cross_problems
from filterd.config.defaults import DEMO
from filterd.config.explain import UNKNOWN_KEY, explain
from filterd.config.problem import Path, Problem
from filterd.config.references import Known, reference_problems
from filterd.config.schema import Config
from filterd.config.tree import Tree, read_tree
from filterd.model.errors import ConfigError
from filterd.model.group import RuleBook


def load(
    path: File, *, book: RuleBook | None = None, formats: Collection[str] | None = None
) -> Config:
    """Return the configuration in the file `path`; paths of lists and of `ca_file` are relative to it.

    With a rule book, the names of ages, categories and services are checked too; with `formats`,
    those of list formats.

    Raises:
        ConfigError: the file cannot be read or is not usable; `problems` holds every fault.
    """
    try:
        text = path.read_bytes()
    except OSError as error:
        raise ConfigError((f"{path}: cannot be read: {error.strerror}",)) from error
    return loads(text, base=path.parent, book=book, formats=formats)


def loads(
    text: str | bytes,
    *,
    base: File | None = None,
    book: RuleBook | None = None,
    formats: Collection[str] | None = None,
) -> Config:
    """Return the configuration written in `text`; see `load`."""
    tree = read_tree(text)
    problems = list(tree.problems)
    value = {} if tree.value is None else tree.value
    if not isinstance(value, dict):
        problems.append(Problem((), "the document must be a mapping of keys"))
        value = {}
    known = Known.of(value, book, formats)
    config, wrong = _validated(value)
    blamed: set[Path] = set()
    while config is None:
        problems += (each for each in wrong if not _follows(each, blamed))
        blamed.update(each.path for each in wrong if not each.text.startswith(UNKNOWN_KEY))
        for path in {each.path for each in wrong}:
            value = _without(value, path)
        config, wrong = _validated(value)
    problems += cross_problems(config)
    problems += reference_problems(config, known)
    if problems:
        raise ConfigError(tuple(_told(problems, tree)))
    return _with_base(config, base) if base is not None else config


def default_config() -> Config:
    """Return what `filterd serve` runs without a file: loopback only, a group for each age."""
    return Config.model_validate(DEMO)


def _validated(value: dict[str, Any]) -> tuple[Config | None, list[Problem]]:
    try:
        return Config.model_validate(value), []
    except ValidationError as error:
        return None, [explain(Config, value, fault) for fault in error.errors(include_url=False)]


def _follows(problem: Problem, blamed: set[Path]) -> bool:
    """Whether a problem is there only because a wrong value at or below its path was left out."""
    return any(path[: len(problem.path)] == problem.path for path in blamed)


def _without(value: Any, path: Path) -> Any:
    """Return `value` less what stands at `path`, or at the longest part of it that is there."""
    if not path:
        return {}
    head, rest = path[0], path[1:]
    if isinstance(value, dict) and head in value:
        if rest and _there(value[head], rest[0]):
            return {**value, head: _without(value[head], rest)}
        return {key: item for key, item in value.items() if key != head}
    if isinstance(value, tuple) and isinstance(head, int) and head < len(value):
        if rest and _there(value[head], rest[0]):
            return (*value[:head], _without(value[head], rest), *value[head + 1 :])
        return (*value[:head], None, *value[head + 1 :]) if value[head] is not None else ()
    return {}


def _there(value: Any, key: str | int) -> bool:
    if isinstance(value, dict):
        return key in value
    return isinstance(value, tuple) and isinstance(key, int) and key < len(value)


def _told(problems: list[Problem], tree: Tree) -> Iterator[str]:
    """Each problem once, with its line, in the order of the file."""
    placed = [Problem(each.path, each.text, each.line or tree.line(each.path)) for each in problems]
    seen = dict.fromkeys(sorted(placed, key=lambda each: each.line or 0))
    return (str(each) for each in seen)


def _with_base(config: Config, base: File) -> Config:
    lists = {
        name: each if each.path is None else each.model_copy(update={"path": base / each.path})
        for name, each in config.lists.items()
    }
    upstream = config.upstream
    if upstream.ca_file is not None:
        upstream = upstream.model_copy(update={"ca_file": base / upstream.ca_file})
    return config.model_copy(update={"lists": lists, "upstream": upstream})
