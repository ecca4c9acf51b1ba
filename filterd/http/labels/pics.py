"""PICS-1.1 labels (RSACi, ICRA, SafeSurf), dead since about 2010: recognised, hardly believed.

That a page has one is all that most of them tell here: age 0, which raises nothing. Only the top
level of RSACi for nudity, sex or violence is plain enough to raise the age.
"""

import re

from filterd.http.labels.base import Statement
from filterd.model.group import ADULT

NAMES = frozenset({"pics-label"})
_LEVEL = re.compile(r"\b[nsv] ([0-9])\b")
_RATINGS = re.compile(r"\br(?:atings)? ?\(([^()]{0,200})\)", re.IGNORECASE)
_RSACI = "rsac.org"
_TOP = 4


def read(text: str) -> int | None:
    """Return 18 for RSACi n, s or v 4, 0 for any other PICS label, None for anything else."""
    low = " ".join(text.lower().split())
    if "(pics-1." not in low:
        return None
    _, rsaci, rest = low.partition(_RSACI)
    ratings = _RATINGS.search(rest) if rsaci else None
    levels = _LEVEL.findall(ratings[1]) if ratings else []
    return ADULT if any(int(level) >= _TOP for level in levels) else 0


PICS = Statement("pics", NAMES, NAMES, read)
