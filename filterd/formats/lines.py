"""Readers of formats whose lines stand alone: one function per line, hardly any state."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

from filterd.formats.base import Item, Options
from filterd.formats.refusals import Code, Refused, refusal
from filterd.model.rule import Cancel, Pattern, Refusal, Rewrite, Rule

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
            items = self.parse(tidy(text).strip(), self.options)
        except Refused as refused:
            return (explain(line, text, refused),)
        return tuple(
            explain(line, text, item) if isinstance(item, Refused) else place(item, line, text)
            for item in items
        )

    def finish(self) -> Sequence[Item]:
        """Nothing stays open between lines."""
        return ()


@dataclass(slots=True)
class JoiningReader:
    """Joins the plain address rewrites of one name into one rule with all the addresses.

    Lists write an IPv4 and an IPv6 address of a name on two lines. Two rules would compete, and
    the loser's address type would get no data; so such rules come out together at the end, each
    at the place of its first line.
    """

    lines: LineReader
    held: dict[Pattern, Rule] = field(default_factory=dict)

    def read(self, line: int, text: str) -> Sequence[Item]:
        """Return what the line means, address rewrites left out."""
        return tuple(item for item in self.lines.read(line, text) if not self._hold(item))

    def finish(self) -> Sequence[Item]:
        """Return the address rewrites."""
        return tuple(self.held.values())

    def _hold(self, item: Item) -> bool:
        if not isinstance(item, Rule) or item.rewrite is None or "$" in item.text:
            return False
        before = self.held.get(item.pattern)
        if before is None or before.rewrite is None:
            self.held[item.pattern] = item
            return True
        new = tuple(each for each in item.rewrite.records if each not in before.rewrite.records)
        records = before.rewrite.records + new
        self.held[item.pattern] = replace(before, rewrite=Rewrite(records=records))
        return True


def tidy(text: str) -> str:
    """Return `text` without a byte order mark, which joined files have in the middle too.

    Raises:
        Refused: a line of `LONGEST` bytes or more.
    """
    if len(text) >= LONGEST // 4 and len(text.encode("utf-8", "replace")) >= LONGEST:
        raise Refused(Code.TOO_LONG, f"a line may have {LONGEST - 1} bytes at most")
    return text.removeprefix(_BOM)


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
        return Cancel(place_rule(item.rule, line, text))
    return place_rule(item, line, text)


def place_rule(rule: Rule, line: int, text: str) -> Rule:
    """Return `rule` with the line it stands on; `dataclasses.replace` takes three times as long."""
    return Rule(rule.pattern, rule.action, rule.important, rule.condition, rule.rewrite, line, text)


def share(sample: Sequence[str], fits: Callable[[str], bool]) -> float:
    """Return which part of `sample` fits; 0.0 for no lines."""
    return sum(1 for text in sample if fits(text)) / len(sample) if sample else 0.0
