"""Which language a page begins with, by Accept-Language (RFC 9110, 12.5.4)."""

import re
from collections.abc import Collection

FIRST = "vi"
SECOND = "en"
_LONGEST = 512  # characters looked at
_RANGE = re.compile(
    r"\s*(?P<tag>[A-Za-z]{2,3})(?:-[A-Za-z0-9-]{1,32})?\s*"
    r"(?:;\s*q\s*=\s*(?P<q>0(?:\.\d{0,3})?|1(?:\.0{0,3})?)\s*)?"
)


def preferred(accepted: str, known: Collection[str]) -> tuple[str, str]:
    """Return the language of the page and the one that stands below it.

    Vietnamese first unless another known language is asked for more; what cannot be read is
    passed over. Equal weights: the order of the header.
    """
    first, weight = FIRST, 0.0
    for each in accepted[:_LONGEST].split(","):
        found = _RANGE.fullmatch(each)
        if found is None:
            continue
        asked = float(found["q"] or 1)
        if found["tag"].lower() in known and asked > weight:
            first, weight = found["tag"].lower(), asked
    return first, SECOND if first == FIRST else FIRST
