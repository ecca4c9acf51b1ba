"""The reader of formats whose lines stand alone: one function per line, no state."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from filterd.formats.base import Item, Options
from filterd.formats.refusals import Code, Refused, refusal
from filterd.model.rule import Cancel, Refusal, Rule

LONGEST = 4096  # bytes; a line this long or longer is refused, the core cuts leftovers there
_SHOWN = 200  # characters of an over-long line that its refusal quotes
_BOM = "\ufeff"

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
            items = self.parse(tidy(line, text).strip(), self.options)
        except Refused as refused:
            return (explain(line, text, refused),)
        return tuple(
            explain(line, text, item) if isinstance(item, Refused) else place(item, line, text)
            for item in items
        )

    def finish(self) -> Sequence[Item]:
        """Nothing stays open between lines."""
        return ()


def tidy(line: int, text: str) -> str:
    """Return `text` without a byte order mark; raises Refused for a line of `LONGEST` or more."""
    if len(text) >= LONGEST // 4 and len(text.encode("utf-8", "replace")) >= LONGEST:
        raise Refused(Code.TOO_LONG, f"a line may have {LONGEST - 1} bytes at most")
    return text.removeprefix(_BOM) if line == 1 else text


def explain(line: int, text: str, refused: Refused) -> Refusal:
    """Return the refusal; where the text was not UTF-8 that is the reason, whatever came of it."""
    if refused.code is Code.TOO_LONG:
        text = text[:_SHOWN]
    elif "\ufffd" in text:
        refused = Refused(Code.BAD_ENCODING, "not UTF-8")
    elif "\0" in text:
        refused = Refused(Code.BAD_ENCODING, "a NUL character; the file may be UTF-16 or binary")
    return refusal(line, text, refused)


def place(item: Rule | Cancel, line: int, text: str) -> Rule | Cancel:
    """Return `item` with the line it stands on."""
    if isinstance(item, Cancel):
        return Cancel(replace(item.rule, line=line, text=text))
    return replace(item, line=line, text=text)


def share(sample: Sequence[str], fits: Callable[[str], bool]) -> float:
    """Return which part of `sample` fits; 0.0 for no lines."""
    return sum(1 for text in sample if fits(text)) / len(sample) if sample else 0.0
