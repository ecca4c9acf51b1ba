"""The picture of a run: what a query costs each server, a panel for each kind of query.

    python -m bench.picture [RESULTS.json TARGET.svg]

Bars begin at zero, so their lengths may be compared. A server that is many times dearer than the
rest would press the others together; its bar is cut, visibly, and its value stands beside it.
"""

import statistics
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from bench.figures import LAST, PICTURE, Part, Results
from bench.svg import ACCENT, ACCENT_SOFT, FAINT, GROUND, INK, OTHER, RULE, SOFT, Drawing, ticks

WIDTH, MARGIN, GAP = 1120.0, 28.0, 26.0
HEAD, PANEL_HEAD, PANEL_FOOT, ROW, BAR = 92.0, 44.0, 34.0, 21.0, 13.0
COLUMNS, LABELS, VALUES = 3, 112.0, 96.0
# Load and mix, value, title, what it is about, and the bar: times F1, or µs.
PANELS = (
    ("full/a", "cpu_us", "Blocked", "all over a million rules", (1.2, 0)),
    ("full/b", "cpu_us", "Cached", "10,000 names", (1.2, 0)),
    ("full/c", "cpu_us", "Mixed", "85 % cached, 12 % blocked, 3 % forwarded", (1.6, 0)),
    ("full/m", "cpu_us", "Forwarded", "every name is new", (0, 10)),
    ("fixed/c", "cpu_us", "Mixed at 20,000 queries/s", "waking up is part of it", (1.3, 0)),
    ("fixed/c", "p99_us", "Slowest hundredth of those", "µs until the answer", (0, 0)),
)
CUT = 2.6  # times the middle value, beyond which a bar is cut
Cell = Mapping[str, Any]


def draw(results: Results, target: Path) -> None:
    """Draw the rounds of these results, if there are any."""
    part = results.parts.get("rounds")
    if part is None:
        return
    cells: Mapping[str, Cell] = part.raw["rounds"]
    servers = list(dict.fromkeys(key.partition("/")[0] for key in cells))
    height = PANEL_HEAD + ROW * len(servers) + PANEL_FOOT
    lines = -(-len(PANELS) // COLUMNS)
    total = HEAD + lines * (height + GAP) + 26
    sheet = Drawing(WIDTH, total, "CPU a DNS query, filterd and others")
    _head(sheet, part)
    width = (WIDTH - 2 * MARGIN - (COLUMNS - 1) * GAP) / COLUMNS
    for number, (load, what, title, about, bar) in enumerate(PANELS):
        x = MARGIN + number % COLUMNS * (width + GAP)
        y = HEAD + number // COLUMNS * (height + GAP)
        own = {name: cells[f"{name}/{load}"] for name in servers if f"{name}/{load}" in cells}
        _panel(sheet, (x, y, width), (title, about), own, what, bar)
    foot = "F1 is a bare UDP echo with recvmmsg and sendmmsg: what the kernel alone costs. "
    foot += "Every other answer was checked. Medians; shorter is better. "
    foot += "The black mark is what filterd is held to."
    sheet.text(MARGIN, total - 20, foot, size=11.5, color=SOFT)
    sheet.write(target)


def _head(sheet: Drawing, part: Part) -> None:
    sheet.text(MARGIN, 42, "What a DNS query costs", size=23, bold=True)
    about = "µs of CPU a query: one server on one core, a million rules, loopback"
    sheet.text(MARGIN, 66, about, size=13.5, color=SOFT)
    sheet.text(WIDTH - MARGIN, 42, part.when, size=12.5, color=SOFT, anchor="end")
    sheet.text(WIDTH - MARGIN, 60, part.machine, size=11, color=FAINT, anchor="end")


def _panel(
    sheet: Drawing,
    place: tuple[float, float, float],
    words: tuple[str, str],
    cells: Mapping[str, Cell],
    what: str,
    bar: tuple[float, float],
) -> None:
    x, y, width = place
    title, about = words
    sheet.text(x, y + 14, title, size=14.5, bold=True)
    sheet.text(x, y + 31, about, size=11.5, color=SOFT)
    order = sorted(cells, key=lambda name: (name != "F1", cells[name][what]))
    values = [cells[name][what] for name in order]
    most = min(max(values), CUT * statistics.median(values)) * 1.04
    left, right = x + LABELS, x + width - VALUES
    scale = (right - left) / most
    top, bottom = y + PANEL_HEAD, y + PANEL_HEAD + ROW * len(order)
    for tick in ticks(most):
        at = left + tick * scale
        sheet.line([(at, top), (at, bottom + 3)], RULE)
        sheet.text(at, bottom + 17, f"{tick:,g}", size=10.5, color=FAINT, anchor="middle")
    for number, name in enumerate(order):
        _bar(sheet, (x, top + number * ROW, left, right, scale), name, cells[name], what)
    floor = cells.get("F1")
    if floor is not None:
        at = left + floor[what] * scale
        sheet.line([(at, top - 2), (at, bottom + 3)], GROUND, width=1.3, dash="2 3")
        goal = left + (bar[0] * floor[what] + bar[1]) * scale
        if any(bar) and "filterd" in order and goal < right:
            middle = top + ROW * (order.index("filterd") + 0.5)
            sheet.line([(goal, middle - 9), (goal, middle + 9)], INK, width=2)


def _bar(
    sheet: Drawing,
    place: tuple[float, float, float, float, float],
    name: str,
    cell: Cell,
    what: str,
) -> None:
    x, y, left, right, scale = place
    mine = name.startswith("filterd")
    color = GROUND if name == "F1" else ACCENT if name == "filterd" else OTHER
    color = ACCENT_SOFT if mine and name != "filterd" else color
    middle = y + ROW / 2
    ink = INK if mine or name == "F1" else SOFT
    sheet.text(x, middle + 4, name, size=11.5, color=ink, bold=mine)
    value = cell[what]
    end = min(left + value * scale, right)
    sheet.box(left, middle - BAR / 2, end - left, BAR, color, radius=1.5)
    if left + value * scale > right:  # cut: two white strokes across the bar's end
        for at in (end - 13, end - 8):
            points = [(at - 2.5, middle + BAR / 2 + 1.5), (at + 2.5, middle - BAR / 2 - 1.5)]
            sheet.line(points, "#ffffff", width=2.2)
    said = f"{value:.2f}" if value < 10 else f"{value:,.1f}" if value < 100 else f"{value:,.0f}"
    same = cell["rate"] in {0, 20_000}
    if what == "cpu_us" and name != "F1" and same:
        said += f" · {cell['ratio']:.1f}×"
    if not same:
        said += f" at {cell['rate'] // 1000}k/s"
    sheet.text(end + 6, middle + 4, said, size=11, color=ink, bold=name == "filterd")


if __name__ == "__main__":
    source, target = map(Path, sys.argv[1:3]) if len(sys.argv) > 2 else (LAST, PICTURE)
    draw(Results.read(source), target)
