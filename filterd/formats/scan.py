"""The one loop over a list's lines, and the report of a check.

Lines end at a line feed; a carriage return before it is dropped. A line that is over-long or not
UTF-8 is refused by its reader, the rest of the list goes on. UTF-16 is refused whole.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from filterd.formats.base import Format, Item, Options
from filterd.formats.refusals import Code, Refused, refusal
from filterd.model.rule import Cancel, Refusal

_BOM = b"\xef\xbb\xbf"
_UTF16 = (b"\xff\xfe", b"\xfe\xff")

Scanned = tuple[int, str, Sequence[Item]]


@dataclass(frozen=True, slots=True)
class Report:
    """What a list contains."""

    accepted: int  # lines taken as rules
    rules: int  # rules in them; a hosts line may have several
    comments: int  # lines without a rule: comments, blank lines, headers, SOA
    refused: tuple[Refusal, ...]

    @property
    def codes(self) -> dict[str, int]:
        """How often each refusal code occurred, most frequent first."""
        return dict(Counter(each.code for each in self.refused).most_common())


def scan(data: bytes, each: Format, options: Options) -> Iterator[Scanned]:
    """Yield (line number from 1, text, items) for every line, and once more for what `finish` says.

    The items carry their own line: those of a format with state may belong to an earlier one.
    """
    if data.startswith(_UTF16):
        refused = Refused(Code.BAD_ENCODING, "the file is UTF-16; save it as UTF-8")
        yield 1, "", (refusal(1, "", refused),)
        return
    reader = each.reader(options)
    number = 0
    for number, raw in lines(data):
        if raw.lstrip().startswith(each.comments):
            yield number, "", ()
            continue
        text = raw.decode("utf-8", "replace")
        yield number, text, reader.read(number, text)
    rest = reader.finish()
    if rest:
        yield number, "", rest


def lines(data: bytes) -> Iterator[tuple[int, bytes]]:
    """Yield (number from 1, line without its end); nothing for what follows the last line feed."""
    start = len(_BOM) if data.startswith(_BOM) else 0
    number = 0
    while start < len(data):
        end = data.find(b"\n", start)
        end = len(data) if end < 0 else end
        number += 1
        yield number, data[start:end].rstrip(b"\r")
        start = end + 1


def check(data: bytes, each: Format, options: Options) -> Report:
    """Read the whole list and report on it; keeps every refusal."""
    accepted: set[int] = set()
    refused: list[Refusal] = []
    total = rules = 0
    for number, _, items in scan(data, each, options):
        total = number
        for item in items:
            if isinstance(item, Refusal):
                refused.append(item)
            else:
                rules += 1
                accepted.add(item.rule.line if isinstance(item, Cancel) else item.line)
    silent = total - len(accepted.union(item.line for item in refused))
    return Report(len(accepted), rules, silent, tuple(refused))
