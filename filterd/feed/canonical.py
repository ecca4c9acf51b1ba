"""Bytes to sign: JSON with one spelling.

Keys sorted, no space, UTF-8, no floats, no duplicate keys: two programs that mean the same write
the same bytes. What is signed begins with a line that says what it is, so that a signature for
one kind of thing never fits another.
"""

import json
import re
from collections.abc import Mapping
from typing import Any

from filterd.feed.refusal import Fault, Refused

Json = Any
_PLAIN = frozenset({str, int, bool, type(None)})  # nothing in them to look at
_HALF = re.compile(rb"\\u[dD][89a-fA-F]")  # perhaps half of a character, which UTF-8 cannot say


def canonical(value: Json) -> bytes:
    """Return the one spelling of `value`. ValueError: a float, half of a character, nested without
    end, or what JSON does not know.
    """
    try:
        _check(value)
        text = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    except RecursionError as error:
        raise ValueError("nested too deep") from error
    return text.encode()


def to_sign(kind: str, value: Json) -> bytes:
    """Return the bytes that a signature over `value` as `kind` is made of."""
    return f"filterd {kind} v1\n".encode() + canonical(value)


def read_object(data: bytes, most: int) -> dict[str, Json]:
    """Read one JSON object of at most `most` bytes in its one spelling.

    Raises:
        Refused: TOO_LARGE or MALFORMED.
    """
    if len(data) > most:
        raise Refused(Fault.TOO_LARGE, f"longer than {most} bytes")
    try:
        value = json.loads(
            data.decode(),  # strictly: of bytes `json` takes other encodings, and halves
            object_pairs_hook=_unique,
            parse_float=_no_float,
            parse_constant=_no_float,
        )
        if _HALF.search(data):
            json.dumps(value, ensure_ascii=False).encode()
    except (ValueError, RecursionError) as error:
        raise Refused(Fault.MALFORMED, f"not JSON as it is signed: {error}") from error
    if not isinstance(value, dict):
        raise Refused(Fault.MALFORMED, "not a JSON object")
    return value


def fields(value: Json, known: Mapping[str, type | tuple[type, ...]], what: str) -> dict[str, Json]:
    """Return `value` if it is an object with exactly the `known` fields, each of its type.

    Raises:
        Refused: MALFORMED, naming the field.
    """
    if not isinstance(value, dict):
        raise Refused(Fault.MALFORMED, f"{what}: not an object")
    for name in sorted(value.keys() ^ known.keys()):
        which = "unknown" if name in value else "missing"
        raise Refused(Fault.MALFORMED, f"{what}: {which} field {name[:40]!r}")
    for name, kind in known.items():
        kinds = kind if isinstance(kind, tuple) else (kind,)
        # bool is an int to Python, not to whoever reads the order.
        if type(value[name]) not in kinds:
            raise Refused(Fault.MALFORMED, f"{what}: {name} is no {_word(kinds)}")
    return value


def _word(kinds: tuple[type, ...]) -> str:
    return " or ".join(kind.__name__ for kind in kinds)


def _unique(pairs: list[tuple[str, Json]]) -> dict[str, Json]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a key twice")
    return found


def _no_float(text: str) -> Json:
    raise ValueError(f"a fraction: {text[:20]}")


def _check(value: Json) -> None:
    if isinstance(value, float):
        raise ValueError("fractions have more than one spelling")  # noqa: TRY004 - as json says it
    inner = value.values() if isinstance(value, dict) else value
    if isinstance(value, dict | list | tuple):
        for each in inner:
            if type(each) not in _PLAIN:
                _check(each)
