"""Every metric filterd has, in one table. A new one is a row here; `document.py` writes the page.

Names follow Prometheus: base units, `_total` on counters, no unit that is not SI. Every label has
a bound: either its `values` are listed, or it is named by the configuration and at most `most`
values are ever shown; anything beyond becomes "other". No label is a client or a queried name.

`source` says who is asked; `path` is where the number stands in what it returns, as `walk.py`
reads it: `*` goes into every key there, and the keys become the label values.
"""

from filterd.metrics.gateway_names import GATEWAY_METRICS, GROUP
from filterd.metrics.http_names import HTTP_METRICS
from filterd.metrics.metric import OTHER, PREFIX, Label, Metric, Source, Type
from filterd.metrics.metric import row as _row
from filterd.model.verdict import Kind, Step

__all__ = ["METRICS", "OTHER", "PREFIX", "Label", "Metric", "Source", "Type"]

STEPS = {str(step.value): step.name.lower().replace("_", "-") for step in Step}
RCODES = {
    "0": "NOERROR",
    "1": "FORMERR",
    "2": "SERVFAIL",
    "3": "NXDOMAIN",
    "4": "NOTIMP",
    "5": "REFUSED",
    "16": "BADVERS",
    "23": "BADCOOKIE",
}
KEPT_OFF = ("refused", "ignored", "limited", "bad_cookies", "slipped", "dropped")
PARTS = {"ech_stripped": "ech", "hints_stripped": "hints"}
REFUSALS = (
    "bad-name",
    "local-name",
    "too-wide",
    "bad-address",
    "bad-record",
    "bad-syntax",
    "bad-encoding",
    "too-long",
    "cosmetic-rule",
    "url-rule",
    "unsupported-modifier",
    "bad-modifier",
    "unsupported-regex",
    "unsupported-pattern",
    "unsupported-trigger",
    "unsupported-action",
    "forwarding-rule",
    "not-a-rule",
)
FAILURES = (
    "timeout",
    "refused",
    "unreachable",
    "closed",
    "garbage",
    "truncated",
    "tls",
    "http",
    "bootstrap",
    "rcode",
)
PROXY_FAULTS = (
    "missing",
    "truncated",
    "oversized",
    "version",
    "command",
    "family",
    "address",
)
MISFITS = ("malformed", "wrong_id", "wrong_question", "wrong_case", "oversized")

FAULTS = (
    "malformed",
    "too-large",
    "rollback",
    "frozen",
    "mixed",
    "tampered",
    "reordered",
    "split-view",
    "unsigned",
    "expired-key",
    "misdated",
    "unknown-authority",
    "out-of-scope",
    "too-broad",
    "too-long",
    "too-many",
    "duplicate",
    "omitted",
    "uncounted",
    "unwitnessed",
    "diverged",
)


DOOR = Label("door", ("udp", "tcp", "dot", "doh"), means="where the query came in")
HEADER = Label("header", PROXY_FAULTS, means="what was wrong with a proxy's header")
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
MISFIT = Label("misfit", MISFITS, means="what did not fit")
GUARD = Label("how", KEPT_OFF, means="what the guard did")
CHECK = Label("check", ("canary", "expiry", "open"), means="what was asked at the own door")
FAULT = Label("fault", FAULTS, means="what was wrong with it")
LANE = Label("lane", ("receipts", "batches"), means="what is sent")
STATE = Label("state", ("enforced", "refused", "ended"), means="what became of the order")
THREAD = Label("thread", ("udp", "forward"), means="what the threads do")
PART = Label("part", tuple(PARTS.values()), means="what of the record")
PLACE = Label("place", ("ring", "store"), means="the core's ring or the report's buffer")
LIST = Label("list", most=200, means="a configured list")
CATEGORY = Label("category", most=100, means="a category of the rule book")
SERVER = Label("server", most=64, means="a configured upstream server")
SOURCE = Label("source", tuple(source.value for source in Source), means="a part of filterd")
VERSION = Label("version", most=1, means="of filterd")

_C, _G, _H = Type.COUNTER, Type.GAUGE, Type.HISTOGRAM
_E, _D, _X, _U = Source.ENGINE, Source.DOORS, Source.HITS, Source.UPSTREAM
_L, _R, _N, _F = Source.LISTS, Source.REPORT, Source.NODE, Source.FEED
_S = Source.HUB


METRICS: tuple[Metric, ...] = (
    _row("queries_total", _C, "Queries received.", _E, "queries.*", DOOR),
    _row("queries_by_type_total", _C, "Queries received, by type.", _E, "types.*", QTYPE),
    _row("verdicts_total", _C, "Questions decided.", _E, "verdicts.*.*", VERDICT, STEP),
    _row("replies_total", _C, "Replies sent.", _E, "rcodes.*", RCODE),
    _row("silenced_total", _C, "Blocked by giving no answer.", _E, "silenced"),
    _row("truncated_total", _C, "Replies cut to be asked again by TCP.", _E, "truncated"),
    _row("list_hits_total", _C, "Decisions by a rule of the list.", _X, "list", LIST),
    _row("category_hits_total", _C, "Decisions by a category's rule.", _X, "category", CATEGORY),
    _row(
        "group_decisions_total",
        _C,
        "Questions decided, by group; moves once in five minutes.",
        Source.GROUPS,
        "group",
        GROUP,
        VERDICT,
    ),
    _row("malformed_packets_total", _C, "Packets not lawful.", _E, "malformed.*", EFFECT),
    _row("cache_hits_total", _C, "Questions answered from the cache.", _E, "cache.hits"),
    _row("cache_misses_total", _C, "Questions the cache could not answer.", _E, "cache.misses"),
    _row(
        "cache_misses_by_door_total",
        _C,
        "Questions the cache could not answer, by door.",
        _E,
        "cache.misses_by_door.*",
        DOOR,
    ),
    _row("cache_stale_answers_total", _C, "Answers beyond their TTL.", _E, "cache.stale"),
    _row("cache_prefetches_total", _C, "Answers renewed ahead.", _E, "cache.prefetches"),
    _row("cache_evictions_total", _C, "Entries removed to make room.", _E, "cache.evictions"),
    _row("cache_rematches_total", _C, "Entries held against new rules.", _E, "cache.rematched"),
    _row("cache_size_bytes", _G, "Memory of the cache.", _E, "cache.bytes", unit="bytes"),
    _row("cache_entries", _G, "Entries in the cache.", _E, "cache.entries"),
    _row("misses_in_flight", _G, "Questions waiting for upstream.", _E, "misses.in_flight"),
    _row("queries_waiting", _G, "Queries waiting for one of them.", _E, "misses.waiting"),
    _row("misses_joined_total", _C, "Queries that joined a waiting question.", _E, "misses.joined"),
    _row("overload_total", _C, "Queries turned away, too many waiting.", _E, "misses.overload"),
    _row(
        "crowded_total",
        _C,
        "Queries turned away, their domain is full.",
        _E,
        "misses.crowded",
    ),
    _row("guarded_total", _C, "Queries, replies and connections held back.", _E, "guard.*", GUARD),
    _row("panics_total", _C, "Faults of our own that a thread survived.", _E, "panics"),
    _row("threads_wanted", _G, "Threads that should run.", _D, "wanted.*", THREAD),
    _row("threads_running", _G, "Threads that run.", _D, "running.*", THREAD),
    _row("udp_replies_unsent_total", _C, "Replies the system did not take.", _D, "unsent"),
    _row(
        "udp_queries_lost_total",
        _C,
        "Datagrams lost, a socket was full; one that systemd keeps counts on over restarts.",
        _D,
        "lost",
    ),
    _row("tcp_connections", _G, "TCP connections that are open.", _D, "connections"),
    _row("tcp_refused_total", _C, "TCP connections refused, too many open.", _D, "refused"),
    _row(
        "proxied_total",
        _C,
        "Datagrams and connections that came through a proxy.",
        _D,
        "proxied.*",
        DOOR,
    ),
    _row(
        "proxy_refused_total",
        _C,
        "Datagrams and connections of proxies that were refused.",
        _D,
        "proxy_refused.*",
        HEADER,
    ),
    _row("answers_unusable_total", _C, "Upstream answers discarded.", _E, "answers_unusable"),
    _row("resolutions_failed_total", _C, "Questions without answer.", _E, "misses.failed"),
    _row(
        "failures_remembered_total",
        _C,
        "Queries answered by a failure just seen.",
        _E,
        "misses.failures_remembered",
    ),
    _row(
        "stripped_total",
        _C,
        "HTTPS records sent without a part.",
        _E,
        "ech_stripped|hints_stripped",
        PART,
    ),
    _row("rule_generation", _G, "The generation of rules in force.", _E, "generation"),
    _row("rule_swaps_total", _C, "Changes of rules or clients.", _E, "swaps"),
    _row("upstream_queries_total", _C, "Queries sent.", _U, "servers.*.queries", SERVER),
    _row("upstream_retries_total", _C, "Queries sent again.", _U, "servers.*.retries", SERVER),
    _row("upstream_connects_total", _C, "Connections made.", _U, "servers.*.connects", SERVER),
    _row("upstream_tcp_total", _C, "UDP questions taken to TCP.", _U, "servers.*.to_tcp", SERVER),
    _row(
        "upstream_failures_total",
        _C,
        "Queries that failed.",
        _U,
        "servers.*.failures.*",
        SERVER,
        REASON,
    ),
    _row(
        "upstream_dropped_total",
        _C,
        "Messages that fit no question.",
        _U,
        "servers.*.dropped.*",
        SERVER,
        MISFIT,
    ),
    _row("upstream_up", _G, "1 while the server answers.", _U, "servers.*.up", SERVER),
    _row(
        "upstream_latency_seconds",
        _H,
        "Time until the server answered.",
        _U,
        "servers.*.rtt",
        SERVER,
        unit="seconds",
    ),
    _row("upstream_in_flight", _G, "Questions asked and open.", _U, "in_flight"),
    _row("upstream_overload_total", _C, "Questions not asked, too many open.", _U, "overload"),
    _row("rules", _G, "Rules in use.", _L, "rules", LIST),
    _row("rules_refused", _G, "Lines not taken as rules.", _L, "refused", LIST, CODE),
    _row(
        "list_age_seconds",
        _G,
        "Time since the list in use was known to be the newest.",
        _L,
        "age",
        LIST,
        unit="seconds",
    ),
    _row("list_problem", _G, "1 unless the list is ok.", _L, "problem", LIST),
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
    _row(
        "state_free_bytes",
        _G,
        "Room that filterd may use where its state is kept.",
        _N,
        "disk.free",
        unit="bytes",
    ),
    _row("state_size_bytes", _G, "Size of that disk.", _N, "disk.size", unit="bytes"),
    _row("build_info", _G, "Always 1.", _N, "version", VERSION),
    _row("events_dropped_total", _C, "Events lost, buffer full.", _R, "dropped", PLACE),
    _row("events_written_total", _C, "Rows written to the report.", _R, "written"),
    _row("events_waiting", _G, "Rows waiting to be written.", _R, "waiting"),
    _row("report_problem", _G, "1 while the report cannot be written.", _R, "problem"),
    _row(
        "feed_age_seconds",
        _G,
        "Time since the newest checkpoint of the feed was signed.",
        _F,
        "age",
        unit="seconds",
    ),
    _row("feed_segments", _G, "Segments of the feed's log that were taken.", _F, "segments"),
    _row("feed_orders", _G, "Orders that have not ended.", _F, "orders.*", STATE),
    _row("feed_held_orders", _G, "Orders held back until they are confirmed.", _F, "held"),
    _row("feed_waiting_orders", _G, "Orders that wait for their turn.", _F, "waiting"),
    _row("feed_stream", _G, "1 while the feed pushes its news.", _F, "stream"),
    _row("feed_pushed_total", _C, "News that the feed has pushed.", _F, "pushed"),
    _row("feed_failed_checks_total", _C, "Names wrongly answered here.", _F, "checks.*", CHECK),
    _row("feed_refused_total", _C, "What of the feed was refused.", _F, "refused.*", FAULT),
    _row("feed_manifests", _G, "Authorities that said what they have in force.", _F, "manifests"),
    _row("feed_manifests_doubted", _G, "Manifests that are bad or have run out.", _F, "doubted"),
    _row("feed_omitted_orders", _G, "Orders counted by authorities, not logged.", _F, "omitted"),
    _row("feed_uncounted_orders", _G, "Orders logged, not counted.", _F, "uncounted"),
    _row(
        "feed_clock_skew_seconds",
        _G,
        "How far this clock is ahead of the feed's server.",
        _F,
        "skew",
        unit="seconds",
    ),
    _row("feed_problem", _G, "1 while the feed cannot be followed.", _F, "problem"),
    _row(
        "report_spool_bytes",
        _G,
        "Disk that counts and batches for the hub take.",
        _S,
        "size",
        unit="bytes",
    ),
    _row("report_waiting", _G, "Made and not taken by the hub yet.", _S, "waiting.*", LANE),
    _row(
        "report_oldest_seconds",
        _G,
        "Age of the oldest counts that are in no batch yet.",
        _S,
        "oldest",
        unit="seconds",
    ),
    _row("report_sent_total", _C, "Taken by the hub.", _S, "sent.*", LANE),
    _row("report_refused_total", _C, "Refused by the hub and set aside.", _S, "refused.*", LANE),
    _row("report_failures_total", _C, "Attempts to send that failed.", _S, "failures"),
    _row("report_sent_bytes_total", _C, "Bytes of content sent to the hub.", _S, "bytes"),
    _row("report_rows_dropped_total", _C, "Rows of counts lost, no room.", _S, "dropped"),
    _row("report_merges_total", _C, "Times that counts were made coarser.", _S, "merged"),
    _row("report_sending_problem", _G, "1 while nothing can be sent.", _S, "problem"),
    *GATEWAY_METRICS,
    *HTTP_METRICS,
    _row(
        "source_up",
        _G,
        "0 while a part of filterd gave no numbers.",
        Source.SCRAPE,
        "up",
        SOURCE,
    ),
)
