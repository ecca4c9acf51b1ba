"""Every metric filterd has, in one table. A new one is a row here; `document.py` writes the page.

Names follow Prometheus: base units, `_total` on counters, no unit that is not SI. Every label has
a bound: either its `values` are listed, or it is named by the configuration and at most `most`
values are ever shown; anything beyond becomes "other". No label is a client or a queried name.

`source` says who is asked; `path` is where the number stands in what `Engine.stats()` returns
(nested JSON, the label values are the keys below it) or the field of the source's value.
"""

from dataclasses import dataclass
from enum import StrEnum

from filterd.model.verdict import Kind, Step

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
    HITS = "hits"
    UPSTREAM = "upstream"
    LISTS = "lists"
    REPORT = "report"
    NODE = "node"
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


STEPS = {str(step.value): step.name.lower().replace("_", "-") for step in Step}
RCODES = {
    "0": "NOERROR",
    "1": "FORMERR",
    "2": "SERVFAIL",
    "3": "NXDOMAIN",
    "4": "NOTIMP",
    "5": "REFUSED",
    "16": "BADVERS",
}
REFUSALS = (
    "unsupported-modifier",
    "unsupported-trigger",
    "unsupported-rule",
    "bad-name",
    "bad-regex",
    "bad-network",
    "bad-record",
    "too-wide",
    "too-long",
    "local-name",
    "syntax",
)
FAILURES = ("timeout", "refused", "servfail", "network", "tls", "http", "garbage", "overload")

DOOR = Label("door", ("udp", "tcp", "dot", "doh"), means="where the query came in")
QTYPE = Label(
    "type",
    ("A", "AAAA", "HTTPS", "PTR", "TXT", "MX", "NS", "SOA", "SRV", "ANY"),
    means="the type asked for",
)
VERDICT = Label("verdict", tuple(kind.value for kind in Kind), means="the outcome")
STEP = Label("step", tuple(STEPS.values()), means="the step of the precedence list that decided")
RCODE = Label("rcode", tuple(RCODES.values()), means="the response code")
EFFECT = Label("effect", ("dropped", "formerr"), means="what became of the packet")
CODE = Label("code", REFUSALS, means="why, see `filterd lists check`")
REASON = Label("reason", FAILURES, means="what went wrong")
PLACE = Label("place", ("ring", "store"), means="the core's ring or the report's buffer")
LIST = Label("list", most=200, means="a configured list")
CATEGORY = Label("category", most=100, means="a category of the rule book")
GROUP = Label("group", most=200, means="a configured group")
SERVER = Label("server", most=64, means="a configured upstream server")
SOURCE = Label("source", tuple(source.value for source in Source), means="a part of filterd")
VERSION = Label("version", most=1, means="of filterd")

_C, _G, _H = Type.COUNTER, Type.GAUGE, Type.HISTOGRAM
_E, _U, _L, _R, _N = Source.ENGINE, Source.UPSTREAM, Source.LISTS, Source.REPORT, Source.NODE


def _row(  # noqa: PLR0913 -- a row of the table below reads best as one call
    name: str,
    kind: Type,
    text: str,
    source: Source,
    path: str,
    *labels: Label,
    unit: str = "",
) -> Metric:
    return Metric(PREFIX + name, kind, text, source, tuple(path.split(".")), labels, unit)


METRICS: tuple[Metric, ...] = (
    _row("queries_total", _C, "Queries received.", _E, "queries", DOOR),
    _row("queries_by_type_total", _C, "Queries received, by type.", _E, "types", QTYPE),
    _row("verdicts_total", _C, "Questions decided.", _E, "verdicts", VERDICT, STEP),
    _row("replies_total", _C, "Replies sent.", _E, "rcodes", RCODE),
    _row("list_hits_total", _C, "Decisions by a rule of the list.", Source.HITS, "list", LIST),
    _row(
        "category_hits_total",
        _C,
        "Decisions by a rule of the category.",
        Source.HITS,
        "category",
        CATEGORY,
    ),
    _row(
        "malformed_packets_total",
        _C,
        "Packets that are no lawful query.",
        _E,
        "malformed",
        EFFECT,
    ),
    _row("cache_hits_total", _C, "Questions answered from the cache.", _E, "cache.hits"),
    _row("cache_misses_total", _C, "Questions the cache could not answer.", _E, "cache.misses"),
    _row("cache_stale_answers_total", _C, "Answers beyond their TTL.", _E, "cache.stale"),
    _row("cache_prefetches_total", _C, "Answers renewed ahead.", _E, "cache.prefetches"),
    _row("cache_evictions_total", _C, "Entries removed to make room.", _E, "cache.evictions"),
    _row("cache_size_bytes", _G, "Memory of the cache.", _E, "cache.bytes", unit="bytes"),
    _row("cache_entries", _G, "Entries in the cache.", _E, "cache.entries"),
    _row("misses_in_flight", _G, "Questions waiting for upstream.", _E, "misses.in_flight"),
    _row("misses_joined_total", _C, "Queries that joined a waiting one.", _E, "misses.joined"),
    _row("overload_total", _C, "Queries turned away, too many waiting.", _E, "misses.overload"),
    _row("answers_unusable_total", _C, "Upstream answers discarded.", _E, "answers_unusable"),
    _row("ech_stripped_total", _C, "HTTPS records sent without ECH.", _E, "ech_stripped"),
    _row("rule_generation", _G, "The generation of rules in force.", _E, "generation"),
    _row("upstream_queries_total", _C, "Queries sent upstream.", _U, "queries", SERVER),
    _row(
        "upstream_failures_total",
        _C,
        "Queries upstream that failed.",
        _U,
        "failures",
        SERVER,
        REASON,
    ),
    _row(
        "upstream_spoofed_total",
        _C,
        "Packets from upstream that fit no question and were dropped.",
        _U,
        "spoofed",
        SERVER,
    ),
    _row(
        "upstream_latency_seconds",
        _H,
        "Time until upstream answered.",
        _U,
        "latency",
        SERVER,
        unit="seconds",
    ),
    _row("rules", _G, "Rules in force.", _L, "rules", LIST),
    _row("rules_refused", _G, "Lines not taken as rules.", _L, "refused", LIST, CODE),
    _row(
        "list_age_seconds",
        _G,
        "Time since the list in force was fetched.",
        _L,
        "fetched_at",
        LIST,
        unit="seconds",
    ),
    _row("list_problem", _G, "1 while the last update was held or failed.", _L, "problem", LIST),
    _row(
        "rule_age_seconds",
        _G,
        "Time since the rules in force were activated.",
        _N,
        "rules_since",
        unit="seconds",
    ),
    _row("filter_active", _G, "1 while the group is filtered.", _N, "filtering", GROUP),
    _row("ready", _G, "1 while /readyz says yes.", _N, "ready"),
    _row("start_time_seconds", _G, "Unix time of the start.", _N, "started", unit="seconds"),
    _row("build_info", _G, "Always 1.", _N, "version", VERSION),
    _row("events_dropped_total", _C, "Events lost, buffer full.", _R, "dropped", PLACE),
    _row("events_written_total", _C, "Rows written to the report.", _R, "written"),
    _row("events_waiting", _G, "Rows waiting to be written.", _R, "waiting"),
    _row("report_problem", _G, "1 while the report cannot be written.", _R, "problem"),
    _row(
        "source_up",
        _G,
        "0 while a part of filterd gave no numbers.",
        Source.SCRAPE,
        "up",
        SOURCE,
    ),
)
