"""Names that the HTTP filter never decrypts, as JSON: an optional target of the feed's trust root.

Where a feed has it, it is the core of what is never decrypted, in place of the one that came with
the package; a school adds names and takes none away. Those who hold the root sign it.
"""

from dataclasses import dataclass
from typing import Any

from filterd.feed.canonical import fields
from filterd.feed.names import MOST, read_names
from filterd.feed.refusal import Fault, Refused

Json = Any
__all__ = ["MOST", "NeverList", "never_json", "read_never"]


@dataclass(frozen=True, slots=True)
class NeverList:
    """Names with all under them. `version`: that of the targets metadata that brought them first,
    so it never goes back.
    """

    version: int
    names: tuple[str, ...]


def never_json(never: NeverList) -> dict[str, Json]:
    """Return the names as they are signed."""
    return {"version": never.version, "names": sorted(set(never.names))}


def read_never(value: Json) -> NeverList:
    """Read what `never_json` writes.

    Raises:
        Refused: MALFORMED. No names at all are among that: a feed that wants no core of its own
            leaves the target out.
    """
    parts = fields(value, {"version": int, "names": list}, "never-decrypt")
    if parts["version"] < 1 or not parts["names"]:
        raise Refused(Fault.MALFORMED, "never-decrypt: no version, or no names")
    return NeverList(parts["version"], read_names(parts["names"], "never-decrypt"))
