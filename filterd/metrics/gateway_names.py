"""The metrics of a gateway: rows of the table in `names.py` on its firewall, on who is who and on
signs of going round it.
"""

from filterd.metrics.metric import Label, Source, Type, row
from filterd.model.signal import Signal

SHUT = ("denied", "absent", "full", "failed", "share")
# As in the comments of the table: `gateway/words.py`.
FIREWALL = (
    "dns-udp",
    "dns-tcp",
    "web",
    "web-refused",
    "dns-refused",
    "dot",
    "doq",
    "doh",
    "quic",
    "gate",
    "gate-learning",
    "vpn",
    "ipsec",
    "tor",
)
WHO_KNOWS = ("dnsmasq", "kea", "dhcpd", "neighbours", "radius")
UNSEEN = ("absent", "unseen")
GROUP = Label("group", most=200, means="a configured group")
SHUT_WHY = Label("reason", SHUT, means="why it could not be opened")
RULE = Label("rule", FIREWALL, means="what of the firewall, see `filterd gateway status`")
KNOWS = Label("source", WHO_KNOWS, means="what says who has which address")
TABLE_WHY = Label("reason", UNSEEN, means="the table is not there, or may not be looked at")
SIGNAL = Label(
    "signal", tuple(Signal), means="a sign of going round the filter, see docs/bypass.md"
)
_C, _G = Type.COUNTER, Type.GAUGE
_W, _E = Source.WHO, Source.ENGINE

GATEWAY_METRICS = (
    row("who_entries", _G, "Addresses with their device or user.", _W, "entries.*", KNOWS),
    row("who_problem", _G, "1 while the source tells less than it could.", _W, "problem.*", KNOWS),
    row("who_devices", _G, "Devices seen, by their MAC addresses.", _W, "devices"),
    row("who_randomised", _G, "Those that made theirs up.", _W, "randomised"),
    row(
        "gateway_problem",
        _G,
        "1 while the firewall has no table of ours, or cannot be seen although groups are strict.",
        Source.GATEWAY,
        "problem.*",
        TABLE_WHY,
    ),
    row("gateway_opened_total", _C, "Addresses opened for strict groups.", _E, "gate.opened"),
    row(
        "gateway_open_addresses",
        _G,
        "Addresses open in the fullest set of a strict group; there is room for 65,536.",
        _E,
        "gate.open",
    ),
    row(
        "gateway_displaced_total",
        _C,
        "Addresses closed before their time, for a set was full.",
        _E,
        "gate.displaced",
    ),
    row(
        "gateway_failures_total",
        _C,
        "Addresses answered to strict groups that could not be opened.",
        _E,
        "gate.failures.*",
        SHUT_WHY,
    ),
    row(
        "gateway_packets_total",
        _C,
        "Packets that a rule of the firewall met; it begins again with a new table.",
        Source.GATEWAY,
        "packets.*.*",
        GROUP,
        RULE,
    ),
    row(
        "bypass_signals_total",
        _C,
        "Attempts to go round the filter, in hours that had enough to be a signal.",
        Source.BYPASS,
        "signals.*.*",
        GROUP,
        SIGNAL,
    ),
)
