"""Tables for people: aligned by what a terminal shows, in colours only where one wants them."""

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass

from filterd.cli.base import paint, printable

WIDEST = 44  # columns of a cell
_MOST = 2 * WIDEST  # characters of it: some have no width
_GAP = "  "


@dataclass(frozen=True, slots=True)
class Cell:
    """A text with a style of `paint`, or none."""

    text: str
    style: str = ""


def table(titles: Sequence[str], rows: Sequence[Sequence[str | Cell]]) -> list[str]:
    """Return the lines of a table. A title with `>` in front is of a column of numbers, which are
    held to the right. Columns that are empty in every row are left out.
    """
    cells = [[_cell(each) for each in row] for row in rows]
    kept = [at for at in range(len(titles)) if any(row[at].text for row in cells)]
    right = {at for at in kept if titles[at].startswith(">")}
    heads = [Cell(title.removeprefix(">"), "dim") for title in titles]
    wide = {at: max(_width(row[at].text) for row in [heads, *cells]) for at in kept}
    return [
        _GAP.join(_padded(row[at], wide[at], right=at in right) for at in kept).rstrip()
        for row in [heads, *cells]
    ]


def length(milliseconds: float | None) -> str:
    """Return a length of time in the unit that fits; "" for None."""
    if milliseconds is None:
        return ""
    seconds = milliseconds / 1000
    for most, unit, size in (
        (1, "ms", 0.001),
        (120, "s", 1),
        (7200, "min", 60),
        (172_800, "h", 3600),
    ):
        if abs(seconds) < most:
            value = seconds / size
            return f"{value:.0f} {unit}" if unit == "ms" else f"{value:.1f} {unit}"
    return f"{seconds / 86_400:.1f} d"


def percent(share: float | None) -> str:
    """Return a share of 1; never "100.0 %" while something is missing. "" for None."""
    if share is None:
        return ""
    return "100 %" if share == 1 else f"{int(share * 1000) / 10:.1f} %"


def _cell(value: str | Cell) -> Cell:
    cell = value if isinstance(value, Cell) else Cell(value)
    return Cell(_cut(unicodedata.normalize("NFC", printable(cell.text))), cell.style)


def _cut(text: str) -> str:
    """Return `text`, with an end of "…" if it is wider than `WIDEST` or has heaps of marks."""
    if _width(text) <= WIDEST and len(text) <= _MOST:
        return text
    kept = text[: _MOST - 1]
    while _width(kept) >= WIDEST:
        kept = kept[:-1]
    return f"{kept}…"


def _width(text: str) -> int:
    """Return how many columns a terminal needs for `text`."""
    return sum(_columns(each) for each in text)


def _columns(character: str) -> int:
    if unicodedata.combining(character):
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1


def _padded(cell: Cell, width: int, *, right: bool) -> str:
    space = " " * (width - _width(cell.text))
    shown = paint(cell.text, cell.style) if cell.style else cell.text
    return f"{space}{shown}" if right else f"{shown}{space}"
