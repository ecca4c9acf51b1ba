"""`records`: names that filterd answers itself, before any rule and any upstream."""

import ipaddress
from collections.abc import Callable
from typing import Annotated, Any, Literal

from pydantic import GetJsonSchemaHandler, model_validator
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema

from filterd.config.section import Section
from filterd.config.text import Text, written
from filterd.config.types import Ttl, read_name

RecordType = Literal["A", "AAAA", "CNAME", "TXT", "PTR", "MX", "SRV", "CAA"]
_FORM = '"NAME [TTL] TYPE VALUE", such as "printer.school.example A 192.0.2.9"'


def read_owner(value: Any) -> str:
    """Return the name of a record; `*.` in front makes it a wildcard (RFC 4592)."""
    text = written(value)
    return f"*.{read_name(text[2:])}" if text.startswith("*.") else read_name(text)


Owner = Annotated[
    str,
    Text(read_owner, str, "a domain name, or *. and a domain name", ("printer.school.example",)),
]


class RecordConfig(Section):
    """One local record, written as a mapping or as one line "NAME [TTL] TYPE VALUE"."""

    name: Owner
    """The name; a first label `*` answers for every name below that has no record of its own."""
    type: RecordType
    """The record type."""
    value: str
    """The data as a zone file writes it."""
    ttl: Ttl = 300
    """How long clients may keep it."""

    @classmethod
    def __get_pydantic_json_schema__(
        cls, core_schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        """Say that a line of text will do."""
        return {"anyOf": [{"type": "string", "description": _FORM}, handler(core_schema)]}

    @model_validator(mode="before")
    @classmethod
    def _from_line(cls, value: Any) -> Any:
        if not isinstance(value, str):
            return value
        parts = value.split(None, 2)
        if len(parts) == 3 and parts[1][:1].isdigit():
            kind, _, data = parts[2].partition(" ")
            parts = [parts[0], kind, data.strip(), parts[1]]
        if len(parts) < 3 or not parts[2]:
            raise ValueError(f"{value[:80]!r} is no record; allowed: {_FORM}")
        record: dict[str, Any] = {"name": parts[0], "type": parts[1].upper(), "value": parts[2]}
        if len(parts) == 4:
            record["ttl"] = int(parts[3]) if parts[3].isdigit() else parts[3]
        return record

    @model_validator(mode="after")
    def _value_fits(self) -> "RecordConfig":
        check = _CHECKS.get(self.type)
        if check:
            try:
                check(self.value)
            except ValueError as error:
                raise ValueError(
                    f"{self.value[:60]!r} does not fit type {self.type}: {error}"
                ) from error
        return self


def _numbers_then_name(count: int) -> Callable[[str], None]:
    def check(text: str) -> None:
        parts = text.split()
        if len(parts) != count + 1 or not all(p.isdigit() and int(p) < 65536 for p in parts[:-1]):
            raise ValueError(f"expected {count} number{'s' if count > 1 else ''} and a name")
        if parts[-1] != ".":
            read_name(parts[-1])

    return check


_CHECKS: dict[str, Callable[[str], object]] = {
    "A": ipaddress.IPv4Address,
    "AAAA": ipaddress.IPv6Address,
    "CNAME": read_name,
    "PTR": read_name,
    "MX": _numbers_then_name(1),
    "SRV": _numbers_then_name(3),
}
