"""The plot of a soak: memory, the tail, what was lost, and the rules, over one axis of time.

python -m bench.soak_picture [SOAK.json TARGET.svg]
"""

import json
import math
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.figures import Part
from bench.places import RESULTS
from bench.svg import ACCENT, ACCENT_SOFT, FAINT, GROUND, OTHER, RULE, SOFT, Drawing, ticks

WIDTH, MARGIN, LEFT, RIGHT = 1120.0, 28.0, 84.0, 150.0
HEAD, PLOT, GAP, FOOT = 96.0, 128.0, 52.0, 44.0
BUCKET = 5.0  # seconds that are drawn as one point of the load
Series = Sequence[tuple[float, float]]


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a plot with its name at the right; `fill`: also what is below it."""

    name: str
    color: str
    points: Series
    fill: bool = False


@dataclass(frozen=True, slots=True)
class Plot:
    """Lines over one axis; `powers`: by powers of ten, so that a rare peak hides nothing."""

    name: str
    unit: str
    lines: Sequence[Line]
    powers: bool = False


def draw(part: Part, target: Path) -> None:
    """Draw one soak."""
    raw = part.raw
    began = raw["looks"][0]["at"]
    seconds = raw["minutes"] * 60

    def over(rows: Sequence[Mapping[str, float]], key: str) -> Series:
        return [(row["at"] - began, row[key]) for row in rows]

    load = worst_of(raw["intervals"])
    rules = [(at - began, took) for at, took in raw["rules"]]
    plots = [
        Plot(
            "Memory",
            "MiB of the daemon",
            [
                Line("in all", ACCENT, over(raw["looks"], "pss"), fill=True),
                Line("the cache", GROUND, over(raw["looks"], "cache")),
            ],
        ),
        Plot(
            "Time until the answer",
            "µs, each point the worst second of five",
            [
                Line("p99", ACCENT, over(load, "p99_us")),
                Line("p50", ACCENT_SOFT, over(load, "p50_us")),
            ],
            powers=True,
        ),
        Plot(
            "One new rule a second",
            "ms until a question for its name is blocked",
            [Line("each rule", OTHER, rules), Line("median", ACCENT, _running(rules))],
            powers=True,
        ),
        Plot(
            "Faults",
            "queries lost or wrong, in five seconds",
            [
                Line("lost", GROUND, over(load, "lost")),
                Line("wrong", ACCENT, over(load, "wrong")),
            ],
        ),
    ]
    height = HEAD + len(plots) * (PLOT + GAP) + FOOT
    sheet = Drawing(WIDTH, height, "filterd under a steady load with a new rule every second")
    total = raw["summary"]
    title = f"{raw['minutes']:g} minutes, {raw['rate']:,} queries a second, a new rule each second"
    sheet.text(MARGIN, 42, title, size=21, bold=True)
    about = f"{total['sent']:,} queries: {total['lost']:,} lost, {total['wrong']:,} wrong; "
    about += f"{total['rules made']:,} rules made; memory {total['pss grew %']:+.1f} % "
    about += "from the second tenth to the last"
    sheet.text(MARGIN, 66, about, size=13.5, color=SOFT)
    sheet.text(
        WIDTH - MARGIN,
        height - 18,
        f"{part.when}, {part.machine}",
        size=11,
        color=FAINT,
        anchor="end",
    )
    for number, plot in enumerate(plots):
        _plot(sheet, HEAD + number * (PLOT + GAP), plot, seconds)
    sheet.text(MARGIN, height - 18, "minutes", size=11, color=FAINT)
    sheet.write(target)


def _plot(sheet: Drawing, top: float, plot: Plot, seconds: float) -> None:
    sheet.text(MARGIN, top + 10, plot.name, size=14, bold=True)
    sheet.text(MARGIN + 8.6 * len(plot.name) + 18, top + 10, plot.unit, size=11.5, color=SOFT)
    top += 22
    bottom, left, right = top + PLOT, LEFT, WIDTH - RIGHT
    values = [value for line in plot.lines for _, value in line.points]
    marks, height = _powers(values) if plot.powers else _even(values)
    across = (right - left) / seconds
    for mark in marks:
        y = bottom - height(mark)
        sheet.line([(left, y), (right, y)], RULE)
        sheet.text(
            left - 8,
            y + 4,
            f"{mark:,.0f}" if mark >= 1000 else f"{mark:g}",
            size=10.5,
            color=FAINT,
            anchor="end",
        )
    for tick in ticks(seconds / 60, 10):
        x = left + tick * 60 * across
        sheet.line([(x, bottom), (x, bottom + 4)], FAINT)
        sheet.text(x, bottom + 17, f"{tick:g}", size=10.5, color=FAINT, anchor="middle")
    taken: list[float] = []
    for line in plot.lines:
        points = [(left + at * across, bottom - height(value)) for at, value in line.points]
        points = [(min(x, right), y) for x, y in points]
        if not points:
            continue
        if line.fill:
            ground = [(points[0][0], bottom), *points, (points[-1][0], bottom)]
            sheet.area(ground, line.color, 0.12)
        sheet.line(points, line.color, width=1.0 if line.color == OTHER else 1.8)
        y = points[-1][1] + 4
        while any(abs(y - other) < 15 for other in taken):
            y -= 15
        taken.append(y)
        last = line.points[-1][1]
        words = f"{line.name} {last:,.0f}" if last >= 10 else f"{line.name} {last:.2g}"
        sheet.text(right + 10, y, words, size=12, color=line.color if line.color != OTHER else SOFT)


def _even(values: Sequence[float]) -> tuple[list[float], Callable[[float], float]]:
    """Return the marks of an axis from zero, and the height of a value on it."""
    most = max([value * 1.08 for value in values] + [1.0])
    return ticks(most, 4), lambda value: value * PLOT / most


def _powers(values: Sequence[float]) -> tuple[list[float], Callable[[float], float]]:
    """The same for an axis by powers of ten."""
    seen = [value for value in values if value > 0] or [1.0]
    low, high = math.floor(math.log10(min(seen))), math.ceil(math.log10(max(seen)) + 1e-9)
    up = PLOT / max(high - low, 1)
    marks = [10.0**power for power in range(low, high + 1)]
    return marks, lambda value: (math.log10(max(value, 10.0**low)) - low) * up


def worst_of(rows: Sequence[Mapping[str, float]]) -> list[dict[str, float]]:
    """Return one row for so many seconds: sums of faults, the worst of times."""
    found: dict[int, dict[str, float]] = {}
    for row in rows:
        slot = int(row["at"] // BUCKET)
        kept = found.setdefault(
            slot, {"at": row["at"], "lost": 0, "wrong": 0, "p99_us": 0, "p50_us": 0}
        )
        for key in ("lost", "wrong"):
            kept[key] += row[key]
        for key in ("p99_us", "p50_us"):
            kept[key] = max(kept[key], row[key])
    return list(found.values())


def _running(points: Series, width: int = 30) -> Series:
    """Return the median of so many points around each."""
    found = []
    for at in range(len(points)):
        around = sorted(value for _, value in points[max(0, at - width // 2) : at + width // 2 + 1])
        found.append((points[at][0], around[len(around) // 2]))
    return found


def read(path: Path) -> Part:
    """Read what a soak has kept."""
    kept: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return Part(**kept)


if __name__ == "__main__":
    given = [Path(word) for word in sys.argv[1:3]]
    source, target = given if len(given) == 2 else (RESULTS / "soak.json", RESULTS / "soak.svg")
    draw(read(source), target)
