"""The reader of formats whose lines stand alone: one function per line, no state."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from filterd.formats.base import Item, Options
from filterd.formats.refusals import Refused, refusal
from filterd.model.rule import Cancel, Rule

ParseLine = Callable[[str, Options], Sequence[Rule | Cancel | Refused]]


@dataclass(frozen=True, slots=True)
class LineReader:
    """Calls `parse` with each line, stripped.

    `parse` raises Refused for a line it cannot take, and returns one for a part of a line.
    """

    parse: ParseLine
    options: Options

    def read(self, line: int, text: str) -> Sequence[Item]:
        """Return what the line means, each item with its place."""
        try:
            items = self.parse(text.strip(), self.options)
        except Refused as refused:
            return (refusal(line, text, refused),)
        return tuple(
            refusal(line, text, item) if isinstance(item, Refused) else place(item, line, text)
            for item in items
        )

    def finish(self) -> Sequence[Item]:
        """Nothing stays open between lines."""
        return ()


def place(item: Rule | Cancel, line: int, text: str) -> Rule | Cancel:
    """Return `item` with the line it stands on."""
    if isinstance(item, Cancel):
        return Cancel(replace(item.rule, line=line, text=text))
    return replace(item, line=line, text=text)


def share(sample: Sequence[str], fits: Callable[[str], bool]) -> float:
    """Return which part of `sample` fits; 0.0 for no lines."""
    return sum(1 for text in sample if fits(text)) / len(sample) if sample else 0.0
