"""Domain names in the one spelling that rules, queries and logs share.

Lower case, A-labels, no trailing dot. International names are mapped on the floor above
(`formats/names.py`), because that needs a library and this floor has none.
"""

import re

from filterd.model.errors import InvalidName

MAX_NAME = 253  # RFC 1035 section 2.3.4: 255 octets on the wire
MAX_LABEL = 63
_LABELS = re.compile(r"(?:[a-z0-9_-]{1,63}\.)*[a-z0-9_-]{1,63}")
_NUMERIC_END = re.compile(r"(?:^|\.)[0-9]+$")


def ascii_name(text: str) -> str:
    """Return `text` as a normalised name; "" is the root.

    Raises:
        InvalidName: empty labels, over-long names or labels, characters outside a-z 0-9 - _,
            or a last label of digits only (that is an address, RFC 3696 section 2).
    """
    name = text.lower()
    name = name.removesuffix(".")
    if not name:
        return name
    if len(name) > MAX_NAME:
        raise InvalidName(f"name longer than {MAX_NAME} characters")
    if not _LABELS.fullmatch(name):
        hint = "; write the name alone, without http:// and /…" if "/" in text else ""
        raise InvalidName(f"not a domain name: {text[:80]!r}{hint}")
    if _NUMERIC_END.search(name):
        raise InvalidName(f"ends in a number, so it is an address: {text[:80]!r}")
    return name


def parents(name: str) -> tuple[str, ...]:
    """Return `name` and every name above it, longest first, without the root."""
    labels = name.split(".")
    return tuple(".".join(labels[i:]) for i in range(len(labels))) if name else ()
