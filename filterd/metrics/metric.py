"""What a metric is: its name, type and labels, and where its number stands."""

from dataclasses import dataclass
from enum import StrEnum

PREFIX = "filterd_"
OTHER = "other"


class Type(StrEnum):
    """The Prometheus type."""

    COUNTER = "counter"
    GAUGE = "gauge"
    HISTOGRAM = "histogram"


class Source(StrEnum):
    """Who is asked at a scrape."""

    ENGINE = "engine"
    DOORS = "doors"
    HITS = "hits"
    UPSTREAM = "upstream"
    LISTS = "lists"
    REPORT = "report"
    GROUPS = "groups"
    NODE = "node"
    FEED = "feed"
    HUB = "hub"
    HTTP = "http"
    WHO = "who"
    BYPASS = "bypass"
    GATEWAY = "gateway"
    SCRAPE = "scrape"


@dataclass(frozen=True, slots=True)
class Label:
    """A label: `values` it can have, or () and the `most` it can have from configuration."""

    name: str
    values: tuple[str, ...] = ()
    most: int = 0
    means: str = ""


@dataclass(frozen=True, slots=True)
class Metric:
    """A metric; `name` as it appears on the page, with prefix and suffix."""

    name: str
    type: Type
    help: str
    source: Source
    path: tuple[str, ...]
    labels: tuple[Label, ...] = ()
    unit: str = ""


def row(  # noqa: PLR0913 -- a row of the table below reads best as one call
    name: str,
    kind: Type,
    text: str,
    source: Source,
    path: str,
    *labels: Label,
    unit: str = "",
) -> Metric:
    """Return a row of a table; `path` with dots."""
    return Metric(PREFIX + name, kind, text, source, tuple(path.split(".")), labels, unit)
