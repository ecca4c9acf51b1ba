"""A YAML file that is one section by itself: all of it, or every problem at once."""

from typing import TypeVar

from pydantic import ValidationError

from filterd.config.explain import explain
from filterd.config.problem import Problem
from filterd.config.section import Section
from filterd.config.tree import read_tree
from filterd.model.errors import ConfigError

One = TypeVar("One", bound=Section)


def read_whole(model: type[One], text: str | bytes) -> One:
    """Return the section written in `text`.

    Raises:
        ConfigError: it is not usable; `problems` holds every fault, in the order of the file.
    """
    tree = read_tree(text)
    problems = list(tree.problems)
    value = {} if tree.value is None else tree.value
    if not isinstance(value, dict):
        problems.append(Problem((), "the document must be a mapping of keys"))
        value = {}
    read: One | None = None
    try:
        read = model.model_validate(value)
    except ValidationError as error:
        problems += (explain(model, value, each) for each in error.errors(include_url=False))
    if problems or read is None:
        told = [
            Problem(each.path, each.text, each.line or tree.line(each.path)) for each in problems
        ]
        raise ConfigError(
            tuple(str(each) for each in sorted(told, key=lambda each: each.line or 0))
        )
    return read
