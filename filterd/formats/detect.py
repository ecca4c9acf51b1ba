"""Which format a list is in, judged by the first lines that are not comments."""

import re

from filterd.formats.base import Format
from filterd.formats.registry import FORMATS, by_name

_LINES = 400
_BYTES = 65_536
_ENOUGH = 0.3  # of the lines; a list in the wrong format scores close to none
_WITHOUT_SUBDOMAINS = re.compile(rb"(?im)^[#!].*\bwithout subdomains\b")  # as lists declare it
_COMMENTS = ("!", "#", ";")


def detect(sample: bytes) -> tuple[Format | None, dict[str, float]]:
    """Return the likeliest format of a list that starts with `sample`, and every format's score.

    None where no format fits. Names alone cannot say whether their subdomains are meant, so a
    plain list of names counts as `domains` unless a comment says "without subdomains": lists that
    leave the subdomains out mean them.
    """
    lines = _lines(sample)
    scores = {each.name: each.likeness(lines) for each in FORMATS}
    best = max(FORMATS, key=lambda each: scores[each.name])
    if best.name == "domains" and _WITHOUT_SUBDOMAINS.search(sample[:_BYTES]):
        best = by_name("onlydomains")
    return (best if scores[best.name] >= _ENOUGH else None), scores


def _lines(sample: bytes) -> list[str]:
    text = sample[:_BYTES].decode("utf-8-sig", errors="replace")
    stripped = (line.strip() for line in text.split("\n"))
    kept = [
        line
        for line in stripped
        if line and (not line.startswith(_COMMENTS) or line.startswith(("##", "#@#")))
    ]
    return kept[:_LINES]
