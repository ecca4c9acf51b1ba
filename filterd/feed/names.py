"""Lists of names as they are signed: normalised, and not without end."""

from typing import Any

from filterd.feed.refusal import Fault, Refused
from filterd.model.errors import InvalidName
from filterd.model.name import ascii_name

Json = Any
MOST_NAMES = 10_000
MOST = 512 * 1024  # bytes


def read_names(value: list[Json], what: str) -> tuple[str, ...]:
    """Return `value` if each of it is a name in the one spelling.

    Raises:
        Refused: MALFORMED.
    """
    if len(value) > MOST_NAMES:
        raise Refused(Fault.MALFORMED, f"{what}: more than {MOST_NAMES} names")
    for name in value:
        if not isinstance(name, str) or not name or _spelled(name) != name:
            raise Refused(Fault.MALFORMED, f"{what}: no name: {str(name)[:80]!r}")
    return tuple(value)


def _spelled(name: str) -> str:
    try:
        return ascii_name(name)
    except InvalidName:
        return ""
