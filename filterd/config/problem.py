"""One thing wrong with a configuration: where, what, and what is allowed or known instead."""

import difflib
from collections.abc import Iterable
from dataclasses import dataclass

Path = tuple[str | int, ...]
_MOST_SHOWN = 12


@dataclass(frozen=True, slots=True)
class Problem:
    """`path` leads to the value; `line` is counted from 1, None where only the path is known."""

    path: Path
    text: str
    line: int | None = None

    def __str__(self) -> str:
        place = dotted(self.path)
        if self.line is not None:
            place = f"{place} (line {self.line})" if place else f"line {self.line}"
        return f"{place}: {self.text}" if place else self.text


def dotted(path: Path) -> str:
    """Write a path as "groups.grade-3.lists[1]"."""
    text = ""
    for part in path:
        if isinstance(part, int):
            text += f"[{part}]"
        else:
            text += f".{part}" if text else part
    return text


def unknown(kind: str, name: str, known: Iterable[str]) -> str:
    """Say that `name` is not there, what is nearest to it, and what there is."""
    names = sorted(known)
    near = difflib.get_close_matches(name, names, n=1)
    hint = f"; did you mean {near[0]!r}?" if near else ""
    return f"unknown {kind} {name[:60]!r}{hint}; allowed: {listed(names)}"


def listed(names: list[str]) -> str:
    """Join names, cut where they are many."""
    if not names:
        return "none is configured"
    more = len(names) - _MOST_SHOWN
    return ", ".join(names[:_MOST_SHOWN]) + (f" and {more} more" if more > 0 else "")
