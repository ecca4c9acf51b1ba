"""URLs as people write them, brought into the one spelling that rules and questions share.

What the spelling is says the core (`rust/crates/filterd-index/src/url.rs`); an international host
is mapped to A-labels here before, as names are.
"""

import re

from filterd.core import canonical_url
from filterd.formats.names import normalise
from filterd.model.errors import InvalidName

# Scheme and user, host, the rest. Without a scheme, what stands before the first slash is the host.
_PARTS = re.compile(r"(\s*(?:[A-Za-z]+:)?(?://)?(?:[^/?#@]*@)?)([^/?#:@\[\]]*)(.*)", re.DOTALL)


def read_url(text: str) -> tuple[str, str]:
    """Return host, and path with query, of the URL `text`, which may lack its scheme.

    Raises:
        InvalidName: it names no host, or one that is none, or is longer than 65,536 bytes.
    """
    plain = text
    parts = None if text.isascii() else _PARTS.fullmatch(text)
    if parts is not None and not parts[2].isascii():
        plain = f"{parts[1]}{normalise(parts[2])}{parts[3]}"
    try:
        found = canonical_url(plain)
    except UnicodeError as error:
        raise InvalidName(f"not a text: {error}") from error
    if found is None:
        raise InvalidName(f"not a URL with a host: {text[:80]!r}")
    return found
