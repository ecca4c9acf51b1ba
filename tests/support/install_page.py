"""docs/install.md as somebody follows it: its commands, by where they are typed."""

import re
from dataclasses import dataclass

from tests.support.data import ROOT

TEXT = (ROOT / "docs/install.md").read_text(encoding="utf-8")
_FENCE = re.compile(r"^```(\w+)(?: ([\w-]+))?\n(.*?)^```$", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True)
class Step:
    """`where`: the place that the document says; `command`: one line of it."""

    where: str
    command: str


def steps() -> tuple[Step, ...]:
    """Return every command of the document, in its order."""
    found = []
    for kind, where, body in _FENCE.findall(TEXT):
        if kind == "sh":
            assert where, f"where is this typed? {body}"
            found += [Step(where, line) for line in body.splitlines() if line]
    return tuple(found)


def answers() -> str:
    """Return the answers that the document shows."""
    [body] = [
        body for kind, where, body in _FENCE.findall(TEXT) if (kind, where) == ("yaml", "answers")
    ]
    return body
