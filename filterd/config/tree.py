"""YAML text as plain values, with the line of every key.

Stricter than YAML 1.1, because its guesses harm: `off` and `no` are text, not false; `11:30` is
text, not 690, and so is `1e3`; a date is text until a field wants one. Lists come out as tuples.
Refused, with the line: a key given twice, aliases (a few lines of them can grow without bound),
other tags, nesting deeper than any configuration.
"""

import re
from dataclasses import dataclass, field
from typing import Any

import yaml

from filterd.config.problem import Path, Problem

_MAX_DEPTH = 24
_MAX_TEXT = 8 * 2**20
_Loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class _CoreLoader(_Loader):  # type: ignore[misc]
    """A safe loader that knows null, true, false and numbers as YAML 1.2 does."""

    yaml_implicit_resolvers: dict[str, list[tuple[str, re.Pattern[str]]]] = {}  # noqa: RUF012


for _tag, _pattern, _first in (
    ("null", r"~|null|Null|NULL|", ["~", "n", "N", ""]),
    ("bool", r"true|True|TRUE|false|False|FALSE", list("tTfF")),
    ("int", r"[-+]?[0-9]+", list("-+0123456789")),
    ("float", r"[-+]?(\.[0-9]+|[0-9]+\.[0-9]*)", list("-+.0123456789")),
):
    _CoreLoader.add_implicit_resolver(
        f"tag:yaml.org,2002:{_tag}", re.compile(f"^(?:{_pattern})$"), _first
    )


@dataclass(slots=True)
class Tree:
    """A document: its `value`, and for each path the line, from 1, where its key stands."""

    value: Any = None
    lines: dict[Path, int] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)

    def line(self, path: Path) -> int | None:
        """Return the line of `path`, or of what holds it."""
        for end in range(len(path), 0, -1):
            if path[:end] in self.lines:
                return self.lines[path[:end]]
        return None


def read_tree(text: str | bytes) -> Tree:
    """Read one YAML document; what is wrong with it is in `problems`."""
    tree = Tree()
    if len(text) > _MAX_TEXT:
        tree.problems.append(Problem((), f"more than {_MAX_TEXT} bytes is no configuration"))
        return tree
    try:
        plain = text.decode("utf-8-sig") if isinstance(text, bytes) else text
        refusal = _shape_refused(plain)
        if refusal:
            tree.problems.append(refusal)
            return tree
        node = yaml.compose(plain, Loader=_CoreLoader)
    except UnicodeDecodeError as error:
        tree.problems.append(Problem((), f"not UTF-8 text: byte {error.start} is invalid"))
    except yaml.YAMLError as error:
        tree.problems.append(_syntax(error))
    else:
        tree.value = _value(tree, node, ()) if node is not None else None
    return tree


def _shape_refused(text: str) -> Problem | None:
    """Look at the events alone, so that no deep or self-referring document is ever built."""
    depth = 0
    for event in yaml.parse(text, Loader=_Loader):
        line: int = event.start_mark.line + 1 if event.start_mark else 1
        if isinstance(event, yaml.AliasEvent):
            return Problem((), "aliases (*name) are not read; write the value again", line)
        if isinstance(event, (yaml.MappingStartEvent, yaml.SequenceStartEvent)):
            depth += 1
            if depth > _MAX_DEPTH:
                return Problem((), f"nested deeper than {_MAX_DEPTH} levels", line)
        elif isinstance(event, (yaml.MappingEndEvent, yaml.SequenceEndEvent)):
            depth -= 1
    return None


def _syntax(error: yaml.YAMLError) -> Problem:
    mark = getattr(error, "problem_mark", None)
    what = getattr(error, "problem", None) or str(error).splitlines()[0]
    return Problem((), f"not YAML: {what}", mark.line + 1 if mark else None)


def _value(tree: Tree, node: Any, path: Path) -> Any:
    if isinstance(node, yaml.MappingNode):
        return _mapping(tree, node, path)
    if isinstance(node, yaml.SequenceNode):
        items = []
        for index, item in enumerate(node.value):
            tree.lines[(*path, index)] = item.start_mark.line + 1
            items.append(_value(tree, item, (*path, index)))
        return tuple(items)
    return _scalar(tree, node, path)


def _mapping(tree: Tree, node: Any, path: Path) -> dict[str, Any]:
    values: dict[str, Any] = {}
    for key_node, value_node in node.value:
        line = key_node.start_mark.line + 1
        if not isinstance(key_node, yaml.ScalarNode):
            tree.problems.append(Problem(path, "a key must be text", line))
            continue
        key = str(key_node.value)
        if key in values:
            first = tree.lines[(*path, key)]
            tree.problems.append(Problem((*path, key), f"given twice, first in line {first}", line))
            continue
        tree.lines[(*path, key)] = line
        values[key] = _value(tree, value_node, (*path, key))
    return values


def _scalar(tree: Tree, node: Any, path: Path) -> Any:
    kind = str(node.tag).rpartition(":")[2]
    text = str(node.value)
    if kind == "str":
        return text
    if kind == "null":
        return None
    if kind == "bool":
        return text.lower() == "true"
    if kind in {"int", "float"}:
        try:
            return int(text) if kind == "int" else float(text)
        except ValueError:
            tree.problems.append(
                Problem(path, f"{text[:40]!r} is no number", node.start_mark.line + 1)
            )
            return 0
    tree.problems.append(
        Problem(path, f"the tag {str(node.tag)[:40]!r} is not read", node.start_mark.line + 1)
    )
    return text
