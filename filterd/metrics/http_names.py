"""The metrics of the HTTP filter: rows of the table in `names.py`, shown where the filter is on.

Counts are its workers' together and go on while workers are renewed. The labels of what was not
decided by a rule are the words of `filterd/http/words.py`.
"""

from filterd.metrics.metric import Label, Source, Type, row

ACT = Label("act", ("splice", "reset", "inspect", "block", "pass"), means="what happened to it")
WHYS = (
    "rule",
    "nameless",
    "bad-name",
    "bad-url",
    "too-many",
    "bad-hello",
    "names-disagree",
    "port",
    "never-decrypt",
    "learned",
    "dns-answer",
    "warning",
    "age-label",
    "media-hash",
    "certificate",
    "unreachable",
    "slow",
    "no-rules",
)
NOTES = (
    "scanned",
    "perceived",
    "too-large",
    "too-small",
    "no-room",
    "broken",
    "late",
    "coded",
    "hit",
    "written",
    "lost",
)
WHY = Label("why", WHYS, means="what of the HTTP filter led to it")
LOOK = Label("look", ("labelled", "none", "failed"), means="what came of looking")
LABELLED = Label("labelled", ("yes", "no"), means="whether a site has an age label")
NOTE = Label("note", NOTES, means="what became of a file, see docs/media.md")

_C, _G, _W = Type.COUNTER, Type.GAUGE, Source.HTTP

HTTP_METRICS = (
    row("http_tunnels_total", _C, "CONNECT decided.", _W, "tunnels.*.*", ACT, WHY),
    row(
        "http_connections_total",
        _C,
        "Connections decided by their first bytes.",
        _W,
        "connections.*.*",
        ACT,
        WHY,
    ),
    row("http_requests_total", _C, "Requests in the clear.", _W, "requests.*.*", ACT, WHY),
    row("http_pages_total", _C, "Pages of ours sent instead.", _W, "pages.*.*", ACT, WHY),
    row("http_workers", _G, "Workers that were heard of lately.", _W, "workers"),
    row("http_workers_behind", _G, "Workers without the rules in force.", _W, "behind"),
    row("http_pinnings", _G, "Clients and names not to decrypt, as learned.", _W, "learned"),
    row("http_pinnings_learned_total", _C, "Refusals to be decrypted.", _W, "exchange.pinned"),
    row("http_events_total", _C, "Events of the filter that came.", _W, "events"),
    row("http_events_dropped_total", _C, "Events it had no room for.", _W, "dropped"),
    row(
        "http_label_looks_total", _C, "Hosts looked at for label files.", _W, "sites.looks.*", LOOK
    ),
    row("http_label_hosts_waiting", _G, "Hosts to be looked at.", _W, "sites.waiting"),
    row("http_vn_sites", _G, "Sites of .vn seen today (UTC).", _W, "sites.vn.*", LABELLED),
    row("http_media_total", _C, "Files compared with picture hashes.", _W, "media.*", NOTE),
)
