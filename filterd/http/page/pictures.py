"""The pictures, drawn with lines in the colour of the page. They say nothing that words do not.

For the youngest a turtle: friendly, and dear to every child in Vietnam. (Not an owl, which brings
bad luck.)
"""

from collections.abc import Mapping
from functools import cache

from filterd.http.page.facts import Kind, Reading
from filterd.http.page.markup import Markup, element

_LINES: Mapping[Kind, tuple[str, ...]] = {
    # a paper with a seal
    Kind.ORDER: ("M6 2.5h9l4 4V14", "M6 2.5v19h6", "M14.5 2.5V7H19", "M9 11h6", "M9 14.5h3"),
    # a school with a flag
    Kind.SCHOOL: ("M3 21h18", "M5 21v-9l7-4 7 4v9", "M10 21v-5h4v5", "M12 8V2.5h4.5v3H12"),
    # two people, one taller
    Kind.AGE: ("M3.5 21v-8a4 4 0 0 1 8 0v8", "M14.5 21v-4a3 3 0 0 1 6 0v4"),
    # a triangle with a mark
    Kind.WARN: ("M12 3 2 20.5h20z", "M12 9.5V15", "M12 17.7v.1"),
    # a plug pulled out
    Kind.ERROR: ("M9 2.5v4", "M15 2.5v4", "M6.5 6.5h11v4a5.5 5.5 0 0 1-11 0z", "M12 16v5.5"),
}
_CIRCLES: Mapping[Kind, tuple[tuple[str, str, str], ...]] = {
    Kind.ORDER: (("16.5", "17.5", "3.5"),),
    Kind.AGE: (("7.5", "5.5", "2.5"), ("17.5", "11", "2")),
}
_TURTLE = (
    "M20 66c0-24 18-38 38-38s38 14 38 38z",
    "M42 32l-4 34M74 32l4 34M24 52h68",
    "M96 62c2-13 8-19 15-17 9 2 10 15 2 19-5 3-11 2-17 2",
    "M112 57q-4 4-8 2",
    "M28 66c-2 8 0 13 7 13s8-6 8-13M73 66c0 7 1 13 8 13s9-6 7-13",
    "M20 64q-8 1-12 7",
)


@cache
def picture(kind: Kind, reading: Reading) -> Markup:
    """Return the picture of a page, hidden from screen readers."""
    if reading is Reading.PRIMARY:
        lines = [element("path", d=each) for each in _TURTLE]
        eye = element("circle", cx="108", cy="52", r="1.5")
        return _svg("0 14 124 80", *lines, eye, width="3.2")
    lines = [element("path", d=each) for each in _LINES[kind]]
    rounds = [element("circle", cx=x, cy=y, r=r) for x, y, r in _CIRCLES.get(kind, ())]
    return _svg("0 0 24 24", *lines, *rounds, width="1.75")


def _svg(box: str, *children: Markup, width: str) -> Markup:
    # The attribute says the width of lines in units of the box; the sheet says the rest.
    drawn = element("g", *children, stroke_width=width)
    return element("svg", drawn, viewBox=box, aria_hidden="true", focusable="false")
