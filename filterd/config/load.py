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
from filterd.config.tree import Tree, read_bytes, read_tree
from filterd.config.who import with_base
from filterd.model.errors import ConfigError
from filterd.model.group import RuleBook

_GONE = object()


def load(
    path: File, *, book: RuleBook | None = None, formats: Collection[str] | None = None
) -> Config:
    """Return the configuration in the file `path`, which relative paths start from.

    With a rule book, the names of ages, categories and services are checked too; with `formats`,
    those of list formats.

    Raises:
        ConfigError: the file cannot be read or is not usable; `problems` holds every fault.
    """
    text = read_bytes(path)
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
    blamed: set[Path] = set()  # paths of values left out as wrong, and of all that holds them
    while config is None:
        problems += (each for each in wrong if each.path not in blamed)
        for each in wrong:
            if not each.text.startswith(UNKNOWN_KEY):
                blamed.update(each.path[:end] for end in range(1, len(each.path) + 1))
        kept = _pruned(value, {each.path for each in wrong})
        value = {} if kept is _GONE else kept
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


def _pruned(value: Any, paths: Collection[Path]) -> Any:
    """Return `value` less what stands at `paths`; `_GONE` where a path ends at the value itself.

    An item of a list becomes None, so that the numbers of the others stay.
    """
    below: dict[str | int, list[Path]] = {}
    for path in paths:
        if not path or not _there(value, path[0]):
            return _GONE
        below.setdefault(path[0], []).append(path[1:])
    if isinstance(value, dict):
        kept = {key: _pruned(item, below.get(key, ())) for key, item in value.items()}
        return {key: item for key, item in kept.items() if item is not _GONE}
    if isinstance(value, tuple) and below:
        if any(value[key] is None for key in below if isinstance(key, int)):
            return _GONE  # taken out before, and missed
        items = (_pruned(item, below.get(index, ())) for index, item in enumerate(value))
        return tuple(None if item is _GONE else item for item in items)
    return value


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
    files = config.cookies
    cookies = files.model_copy(
        update={
            name: base / path
            for name in ("secret_file", "older_secret_file")
            if (path := getattr(files, name)) is not None
        }
    )
    http, page = config.http, config.http.page
    if page.words is not None:
        page = page.model_copy(update={"words": base / page.words})
        http = http.model_copy(update={"page": page})
    changed = {"lists": lists, "upstream": upstream, "cookies": cookies, "http": http}
    return config.model_copy(update={**changed, "who": with_base(config.who, base)})
