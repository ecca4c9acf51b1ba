"""What a dashboard is, before it is Grafana's JSON: texts in two languages, queries, a place.

A query may use Grafana's `$__range` and `$__rate_interval` and the dashboard's own variables. No
query groups by anything that could be a client; filterd has no such label.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

LANGUAGES = ("vi", "en")
COLUMNS = 24  # of Grafana's grid


class Kind(StrEnum):
    """The panels that are used, by Grafana's names."""

    STAT = "stat"
    LINES = "timeseries"
    BARS = "bargauge"
    TABLE = "table"


class Color(StrEnum):
    """Grafana's palette, so that both themes have them."""

    GOOD = "green"
    LOOK = "orange"
    BAD = "red"
    PLAIN = "blue"
    QUIET = "#8e8e8e"


@dataclass(frozen=True, slots=True)
class Text:
    """The same in Vietnamese and English."""

    vi: str
    en: str

    def of(self, language: str) -> str:
        """Return it in a language."""
        return self.vi if language == "vi" else self.en


@dataclass(frozen=True, slots=True)
class Query:
    """A query. `name`: what its series are called, `{{label}}` or words; in a table, the column.
    `unit` is of a table's column; `steps` colours it. `buckets`: of a histogram, each with what is
    in it alone.
    """

    expr: str
    name: Text | str = ""
    unit: str = ""
    steps: "Steps" = ()
    buckets: bool = False


# (from which value on, which colour); the first has none and holds below the others.
Steps = tuple[tuple[float | None, Color], ...]
Words = Mapping[str, Text]  # a series' name -> what people read
Colors = Mapping[str, Color]  # a series' name -> its colour


@dataclass(frozen=True, slots=True)
class Panel:
    """A panel. `words` are put in place of series' names, or, in a stat, of numbers."""

    kind: Kind
    title: Text
    about: Text
    queries: tuple[Query, ...]
    unit: str = "short"
    width: int = 8
    height: int = 8
    steps: Steps = ()
    decimals: int | None = None
    words: Words = field(default_factory=dict)
    colors: Colors = field(default_factory=dict)
    stacked: bool = False
    most: float | None = None  # upper end of the axis
    nothing: Text | None = None  # what it says where there is nothing
    by: str = ""  # of a table: the label that rows are joined by
    by_name: Text | None = None


@dataclass(frozen=True, slots=True)
class Row:
    """A row of panels under a heading; None: no heading."""

    title: Text | None
    panels: tuple[Panel, ...]


@dataclass(frozen=True, slots=True)
class Variable:
    """What may be chosen at the top. `query`: Prometheus' label_values."""

    name: str
    title: Text
    query: str
    several: bool = False


@dataclass(frozen=True, slots=True)
class Board:
    """A dashboard. `span`: the range it opens with, as Grafana writes it."""

    uid: str
    title: Text
    about: Text
    rows: tuple[Row, ...]
    variables: tuple[Variable, ...] = ()
    span: str = "now-6h"


def stat(  # noqa: PLR0913 -- a panel reads best as one call
    title: Text,
    about: Text,
    expr: str,
    *,
    unit: str = "short",
    steps: Steps = ((None, Color.PLAIN),),
    decimals: int | None = None,
    words: Words | None = None,
    nothing: Text | None = None,
    width: int = 4,
) -> Panel:
    """Return a tile with one number."""
    return Panel(
        Kind.STAT,
        title,
        about,
        (Query(expr),),
        unit=unit,
        width=width,
        height=4,
        steps=steps,
        decimals=decimals,
        words=words or {},
        nothing=nothing,
    )
