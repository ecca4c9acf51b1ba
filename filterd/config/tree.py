"""YAML text as plain values, with the line of every key.

Stricter than YAML 1.1, because its guesses harm: `off` and `no` are text, not false; `11:30` is
text, not 690, and so is `1e3`; a date is text until a field wants one. Lists come out as tuples.
Refused, with the line: a key given twice, aliases (a few lines of them can grow without bound),
tags, a second document, nesting deeper than any configuration. The tree is built from the parser's
events, so nothing of all that is ever constructed.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path as File
from typing import Any

import yaml

from filterd.config.problem import Path, Problem
from filterd.model.errors import ConfigError

_MAX_DEPTH = 24
_MAX_TEXT = 8 * 2**20
_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_INTEGER = re.compile(r"[-+]?[0-9]{1,18}")
_FLOAT = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+\.[0-9]*)")
_NOTHING = frozenset({"", "~", "null", "Null", "NULL"})
_TRUTH = {"true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False}
_NOT_VALUES = (yaml.DocumentEndEvent, yaml.StreamEndEvent)


class _RefusedError(Exception):
    """Reading cannot go on."""

    def __init__(self, text: str, event: Any = None, path: Path = ()) -> None:
        super().__init__(text)
        self.problem = Problem(path, text, None if event is None else _line(event))


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


def read_bytes(path: File) -> bytes:
    """Return what is in a configuration file. ConfigError: it cannot be read, and why."""
    try:
        return path.read_bytes()
    except OSError as error:
        raise ConfigError((f"{path}: cannot be read: {error.strerror}",)) from error


def read_tree(text: str | bytes) -> Tree:
    """Read one YAML document; what is wrong with it is in `problems`."""
    tree = Tree()
    try:
        decoded = _decoded(text)
        tree.value = _document(tree, yaml.parse(decoded, Loader=_LOADER))
    except UnicodeDecodeError as error:
        tree.problems.append(Problem((), f"not UTF-8 text: byte {error.start} is invalid"))
    except _RefusedError as refused:
        tree.problems.append(refused.problem)
    except yaml.YAMLError as error:
        tree.problems.append(_syntax(error, decoded))
    return tree


def _decoded(text: str | bytes) -> str:
    if len(text) > _MAX_TEXT:
        raise _RefusedError(f"more than {_MAX_TEXT} bytes is no configuration")
    return text.decode("utf-8-sig") if isinstance(text, bytes) else text


def _document(tree: Tree, events: Iterator[Any]) -> Any:
    value: Any = None
    documents = 0
    for event in events:
        if isinstance(event, yaml.DocumentStartEvent):
            documents += 1
            if documents > 1:
                raise _RefusedError("a second document; allowed: one", event)
        elif not isinstance(event, (yaml.StreamStartEvent, *_NOT_VALUES)):
            value = _value(tree, event, events, ())
    return value


def _value(tree: Tree, event: Any, events: Iterator[Any], path: Path) -> Any:
    if isinstance(event, yaml.AliasEvent):
        raise _RefusedError("aliases (*name) are not read; write the value again", event, path)
    if event.tag is not None:
        raise _RefusedError(f"the tag {str(event.tag)[:40]!r} is not read", event, path)
    if len(path) > _MAX_DEPTH:
        raise _RefusedError(f"nested deeper than {_MAX_DEPTH} levels", event)
    if isinstance(event, yaml.MappingStartEvent):
        return _mapping(tree, events, path)
    if isinstance(event, yaml.SequenceStartEvent):
        return _sequence(tree, events, path)
    return event.value if event.style else _scalar(event.value)


def _mapping(tree: Tree, events: Iterator[Any], path: Path) -> dict[str, Any]:
    values: dict[str, Any] = {}
    for event in events:
        if isinstance(event, yaml.MappingEndEvent):
            break
        if not isinstance(event, yaml.ScalarEvent):
            raise _RefusedError(
                "a key must be text; put quotes around what begins with [ or {", event, path
            )
        key, line = str(event.value), _line(event)
        place = (*path, key)
        first = tree.lines.get(place)
        if first is not None:
            tree.problems.append(Problem(place, f"given twice, first in line {first}", line))
            _value(Tree(), next(events), events, place)
            continue
        tree.lines[place] = line
        values[key] = _value(tree, next(events), events, place)
    return values


def _sequence(tree: Tree, events: Iterator[Any], path: Path) -> tuple[Any, ...]:
    items: list[Any] = []
    for event in events:
        if isinstance(event, yaml.SequenceEndEvent):
            break
        place = (*path, len(items))
        tree.lines[place] = _line(event)
        items.append(_value(tree, event, events, place))
    return tuple(items)


def _scalar(text: str) -> Any:
    """Return what a scalar without quotes is."""
    if text in _NOTHING:
        return None
    if text in _TRUTH:
        return _TRUTH[text]
    if _INTEGER.fullmatch(text):
        return int(text)
    return float(text) if _FLOAT.fullmatch(text) else text


def _line(event: Any) -> int:
    return int(event.start_mark.line) + 1


def _syntax(error: yaml.YAMLError, text: str) -> Problem:
    mark = getattr(error, "problem_mark", None)
    what = getattr(error, "problem", None) or str(error).splitlines()[0]
    if mark is None:
        return Problem((), f"not YAML: {what}")
    lines = text.splitlines()
    line = lines[mark.line] if mark.line < len(lines) else ""
    return Problem((), f"not YAML: {what}{_hint(line, mark.column, what)}", mark.line + 1)


def _hint(line: str, column: int, what: str) -> str:
    """Return what is most often the matter where the parser stops: it speaks of its own state."""
    if "\t" in line[: len(line) - len(line.lstrip())]:
        return "; indent with spaces, not with a tab"
    if (
        line[column : column + 1] in {"%", "@", "`", "*", "&", "!"}
        or "::" in line
        or "alphabetic" in what
    ):
        return "; put quotes around names and addresses that begin with a sign or hold ::"
    if "end of stream" in what or "quoted scalar" in what:
        return "; a quote or bracket is opened and not closed, perhaps further up"
    if "expected key" in what:
        return "; this line is not indented like those beside it"
    if "expected ':'" in what or "mapping values" in what:
        return (
            "; here or on the line above, a key lacks its colon and the space after it, "
            "or the line is indented too far"
        )
    if "',' or" in what:
        return "; put a comma between the items, and a bracket at their end"
    return ""
