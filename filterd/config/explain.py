"""Pydantic's faults in the words of a configuration: what is wrong, and what is allowed."""

import types
from collections.abc import Mapping
from typing import Any, Union, get_args, get_origin

from pydantic import BaseModel

from filterd.config.problem import Path, Problem, unknown
from filterd.config.text import shape

_ALLOWED = {
    "bool_type": "true or false",
    "int_type": "a whole number",
    "float_type": "a number",
    "string_type": "text",
    "tuple_type": "a list",
    "dict_type": "a mapping",
    "model_type": "a mapping",
}
UNKNOWN_KEY = "unknown key"
_BOUNDS = {"ge": "at least", "gt": "more than", "le": "at most", "lt": "less than"}


def explain(model: type[BaseModel], value: Any, fault: Mapping[str, Any]) -> Problem:
    """Return pydantic's `fault` of `value` as a problem with the path in the document."""
    loc: Path = tuple(fault["loc"])
    kind, context = fault["type"], fault.get("ctx", {})
    if kind == "extra_forbidden":
        return Problem(loc, unknown("key", str(loc[-1]), keys_at(model, loc[:-1])))
    path = _in_document(value, loc)
    if kind == "missing":
        return Problem(loc, "must be given")
    if kind in _ALLOWED:
        if fault.get("input") is None:
            return Problem(path, f"is empty; fill it or leave it out; allowed: {_ALLOWED[kind]}")
        hint = _one_item(kind, fault["input"])
        return Problem(path, f"{_given(fault)} does not fit; allowed: {_ALLOWED[kind]}{hint}")
    if kind == "literal_error":
        return Problem(path, f"{_given(fault)} does not fit; allowed: {context['expected']}")
    for bound, words in _BOUNDS.items():
        if bound in context:
            return Problem(
                path, f"{_given(fault)} is out of range; allowed: {words} {context[bound]}"
            )
    if kind == "too_short":
        return Problem(path, "is empty; allowed: at least one entry")
    return Problem(path, str(fault["msg"]).removeprefix("Value error, "))


def keys_at(model: type[BaseModel], path: Path) -> tuple[str, ...]:
    """Return the keys that the mapping at `path` may have; none where any key goes."""
    at: Any = model
    for part in path:
        at = _inner(at, part)
    found = _model_of(at)
    return () if found is None else tuple(f.alias or name for name, f in found.model_fields.items())


def _one_item(kind: str, given: Any) -> str:
    """Say how a list of one is written, where its one item was given."""
    return f" such as [{given[:60]}]" if kind == "tuple_type" and isinstance(given, str) else ""


def _given(fault: Mapping[str, Any]) -> str:
    return shape(fault.get("input"))


def _in_document(value: Any, loc: Path) -> Path:
    """Drop the parts of `loc` that name pydantic's own steps (such as `[key]`)."""
    path: list[str | int] = []
    for part in loc:
        if isinstance(part, int):
            inside = isinstance(value, tuple) and part < len(value)
        else:
            inside = isinstance(value, dict) and part in value
        if not inside:
            break
        value = value[part]
        path.append(part)
    return tuple(path)


def _inner(annotation: Any, part: str | int) -> Any:
    """Return the type found under `part` of a value of type `annotation`."""
    model = _model_of(annotation)
    if model is not None:
        for name, info in model.model_fields.items():
            if part in (info.alias, name):
                return info.annotation
        return None
    for choice in _choices(annotation):
        origin, arguments = get_origin(choice), get_args(choice)
        if origin is dict:
            return arguments[1]
        if origin is tuple:
            return arguments[0]
    return None


def _model_of(annotation: Any) -> type[BaseModel] | None:
    for choice in _choices(annotation):
        if isinstance(choice, type) and issubclass(choice, BaseModel):
            return choice
    return None


def _choices(annotation: Any) -> tuple[Any, ...]:
    """Unpack Annotated and unions."""
    if hasattr(annotation, "__metadata__"):
        return _choices(annotation.__origin__)
    if get_origin(annotation) in (Union, types.UnionType):
        return tuple(inner for each in get_args(annotation) for inner in _choices(each))
    return (annotation,)
