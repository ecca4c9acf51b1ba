"""The page part of age.xml: `<meta name="age-de-meta-label" content="age=16 v=1.0 ...">`.

The same line may be a header field. `age-meta-label` is the name outside Germany. Of its parts
(`key=value`) only `age` says anything about the page.
"""

import re

from filterd.http.labels.base import Statement
from filterd.model.group import ADULT

NAMES = frozenset({"age-meta-label", "age-de-meta-label"})
_AGE = re.compile(r"(?:^|[\s;,])age ?= ?([0-9]{1,2})(?=$|[\s;,])", re.IGNORECASE)


def read(text: str) -> int | None:
    """Return the highest `age=` of the line, 0 to 18."""
    ages = [int(age) for age in _AGE.findall(text)]
    return max((age for age in ages if age <= ADULT), default=None)


AGE_META = Statement("age-meta", NAMES, NAMES, read)
