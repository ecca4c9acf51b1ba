"""Just enough SVG to draw figures with: escaped text, boxes, lines, curves; no library."""

import math
from collections.abc import Iterable, Sequence
from pathlib import Path
from xml.sax.saxutils import escape, quoteattr

FONT = "system-ui, -apple-system, 'Segoe UI', Roboto, 'DejaVu Sans', sans-serif"
INK, SOFT, FAINT, RULE = "#1d2733", "#5b6875", "#8d98a4", "#e4e8ec"
ACCENT, ACCENT_SOFT, OTHER, GROUND = "#0b7a75", "#7cc0bb", "#c3cad2", "#d1495b"


class Drawing:
    """A white sheet of so many units; y grows downwards."""

    def __init__(self, width: float, height: float, title: str) -> None:
        self._width, self._height = width, height
        self._items = [f"<title>{escape(title)}</title>"]
        self.box(0, 0, width, height, "#ffffff", radius=10)

    def box(
        self, x: float, y: float, width: float, height: float, fill: str, *, radius: float = 0
    ) -> None:
        """Draw a filled box."""
        self._items.append(
            f'<rect x="{x:.1f}" y="{y:.1f}" width="{max(width, 0):.1f}" height="{height:.1f}" '
            f'fill="{fill}" rx="{radius:g}"/>'
        )

    def line(
        self,
        points: Iterable[tuple[float, float]],
        color: str,
        *,
        width: float = 1.0,
        dash: str = "",
    ) -> None:
        """Draw a line through points."""
        path = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
        dashed = f' stroke-dasharray="{dash}"' if dash else ""
        self._items.append(
            f'<polyline points="{path}" fill="none" stroke="{color}" stroke-width="{width:g}" '
            f'stroke-linejoin="round" stroke-linecap="round"{dashed}/>'
        )

    def area(self, points: Sequence[tuple[float, float]], color: str, opacity: float) -> None:
        """Fill what lies within points."""
        path = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
        self._items.append(f'<polygon points="{path}" fill="{color}" fill-opacity="{opacity:g}"/>')

    def text(
        self,
        x: float,
        y: float,
        words: str,
        *,
        size: float = 12,
        color: str = INK,
        anchor: str = "start",
        bold: bool = False,
    ) -> None:
        """Write words; `y` is where they stand."""
        weight = ' font-weight="600"' if bold else ""
        self._items.append(
            f'<text x="{x:.1f}" y="{y:.1f}" font-size="{size:g}" fill="{color}" '
            f'text-anchor="{anchor}"{weight}>{escape(words)}</text>'
        )

    def write(self, path: Path) -> None:
        """Write the file."""
        head = (
            f'<svg xmlns="http://www.w3.org/2000/svg" width="{self._width:g}" '
            f'height="{self._height:g}" viewBox="0 0 {self._width:g} {self._height:g}" '
            f"font-family={quoteattr(FONT)}>"
        )
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("\n".join((head, *self._items, "</svg>")) + "\n", encoding="utf-8")


def ticks(most: float, about: int = 4) -> list[float]:
    """Return round values from 0 to at most `most`, about so many."""
    step = most / about
    power = 10.0 ** math.floor(math.log10(step))
    nice = min((power * f for f in (1, 2, 2.5, 5, 10)), key=lambda each: abs(each - step))
    return [n * nice for n in range(int(most / nice) + 1)]
