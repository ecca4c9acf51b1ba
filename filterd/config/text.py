"""`Text`: how a value is written in the configuration, for reading, showing and documenting it.

A field typed `Annotated[T, Text(...)]` is read by `parse`, shown by `show` (so that a dumped
configuration loads again), and says in every error and in the reference what is allowed.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, PydanticCustomError, core_schema


@dataclass(frozen=True, slots=True)
class Text:
    """The written form of a value.

    `parse` raises ValueError with what is wrong; `allowed` ends the sentence "allowed: ...".
    """

    parse: Callable[[Any], Any]
    show: Callable[[Any], Any]
    allowed: str
    examples: tuple[Any, ...] = ()
    json_types: tuple[str, ...] = ("string",)

    def __get_pydantic_core_schema__(
        self, source: Any, handler: GetCoreSchemaHandler
    ) -> CoreSchema:
        """Read by `parse`, write by `show`."""
        return core_schema.no_info_plain_validator_function(
            self.read, serialization=core_schema.plain_serializer_function_ser_schema(self.show)
        )

    def __get_pydantic_json_schema__(
        self, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        """Describe the written form for editors."""
        types: Any = self.json_types[0] if len(self.json_types) == 1 else list(self.json_types)
        return {"type": types, "description": self.allowed, "examples": list(self.examples)}

    def read(self, value: Any) -> Any:
        """Return the value behind the written `value`; a pydantic error says what is allowed."""
        try:
            return self.parse(value)
        except ValueError as error:
            raise PydanticCustomError(
                "text", "{what}; allowed: {allowed}", {"what": str(error), "allowed": self.allowed}
            ) from error


def written(value: Any) -> str:
    """Return `value` as text, or raise ValueError naming what it is instead."""
    if isinstance(value, str):
        return value.strip()
    raise ValueError(f"expected text, not {shape(value)}")


def shape(value: Any) -> str:
    """Name what a YAML value is, in a user's words."""
    if isinstance(value, bool):
        return f"the truth value {str(value).lower()}"
    if isinstance(value, (int, float)):
        return f"the number {value}"
    if isinstance(value, dict):
        return "a mapping"
    if isinstance(value, (list, tuple)):
        return "a list"
    return "nothing" if value is None else f"{str(value)[:60]!r}"
