"""The keys of the configuration as values: what each means, may be, and is when left out."""

import types
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from filterd.config.meanings import meanings_of
from filterd.config.text import Text

MODEL, MODELS, MODEL_LIST, PLAIN = "model", "models", "model-list", "plain"


@dataclass(frozen=True, slots=True)
class Key:
    """One key of one section. `kind` says what stands under it: a section (`model`), sections by
    name (`models`), a list of them (`model-list`), or plain values.
    """

    name: str
    meaning: str
    allowed: str
    required: bool
    default: Any
    kind: str
    model: type[BaseModel] | None


def keys_of(model: type[BaseModel]) -> Iterator[Key]:
    """Yield the keys of a section in the order they are written."""
    meanings = meanings_of(model)
    for name, info in model.model_fields.items():
        kind, inner = _kind(info.annotation)
        yield Key(
            name=info.alias or name,
            meaning=meanings.get(name, ""),
            allowed=_allowed(info.annotation, info.metadata),
            required=info.is_required(),
            default=_default(info),
            kind=kind,
            model=inner,
        )


def _default(info: FieldInfo) -> Any:
    value = info.get_default(call_default_factory=True)
    return None if value is PydanticUndefined else value


def _kind(annotation: Any) -> tuple[str, type[BaseModel] | None]:
    choice, _ = _bare(annotation)
    if isinstance(choice, type) and issubclass(choice, BaseModel):
        return MODEL, choice
    origin, arguments = get_origin(choice), get_args(choice)
    if origin in (dict, tuple):
        inner, _ = _bare(arguments[1] if origin is dict else arguments[0])
        if isinstance(inner, type) and issubclass(inner, BaseModel):
            return (MODELS if origin is dict else MODEL_LIST), inner
    return PLAIN, None


def _bare(annotation: Any) -> tuple[Any, list[Any]]:
    """Return the type without Annotated and None, and the metadata met on the way."""
    metadata: list[Any] = []
    while True:
        if hasattr(annotation, "__metadata__"):
            metadata += annotation.__metadata__
            annotation = annotation.__origin__
            continue
        if get_origin(annotation) in (Union, types.UnionType):
            choices = [each for each in get_args(annotation) if each is not type(None)]
            if len(choices) == 1:
                annotation = choices[0]
                continue
        return annotation, metadata


def _allowed(annotation: Any, outer: list[Any]) -> str:
    choice, inner = _bare(annotation)
    metadata = [*outer, *inner]
    for each in metadata:
        if isinstance(each, Text):
            return each.allowed
    origin, arguments = get_origin(choice), get_args(choice)
    if origin is Literal:
        return ", ".join(str(each) for each in arguments)
    if origin is tuple:
        return f"a list, each {_allowed(arguments[0], [])}"
    if origin is dict:
        return f"a mapping: {_allowed(arguments[0], [])}: {_allowed(arguments[1], [])}"
    if isinstance(choice, type) and issubclass(choice, BaseModel):
        return "a section"
    words = {bool: "true or false", int: "a whole number", float: "a number", str: "text"}
    return words.get(choice, "text") + _range(metadata)


def _range(metadata: list[Any]) -> str:
    least = next((each.ge for each in metadata if hasattr(each, "ge")), None)
    most = next((each.le for each in metadata if hasattr(each, "le")), None)
    return (f" from {least}" if least is not None else "") + (
        f" to {most}" if most is not None else ""
    )
