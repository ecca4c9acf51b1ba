"""How much of a signal must be seen within an hour to be one, and what the firewall counts of each.

Standard library only: workers of the HTTP filter say these words too.
"""

from collections.abc import Mapping

from filterd.model.signal import Signal

__all__ = ["HOUR", "LEAST", "RULES", "Signal", "hour_of"]
HOUR = 3600


# Within one hour and group: below it is chance (a stale cache, an app that tries one thing once).
LEAST: Mapping[Signal, int] = {
    Signal.RESOLVER: 5,
    Signal.DOT: 3,
    Signal.DOH: 3,
    Signal.VPN: 3,
    Signal.IPSEC: 10,
    Signal.TOR: 3,
    Signal.ECH: 3,
    Signal.SNI: 5,
    Signal.ADDRESS: 10,
    Signal.NAME: 3,
}

# Keys of rules of the gateway's table (`filterd/gateway/build.py`) that count a signal. QUIC and
# the web over a family that we have no door for are none: every browser begins with them.
RULES: Mapping[str, Signal] = {
    "dns-udp": Signal.RESOLVER,
    "dns-tcp": Signal.RESOLVER,
    "dns-refused": Signal.RESOLVER,
    "dot": Signal.DOT,
    "doq": Signal.DOT,
    "doh": Signal.DOH,
    "vpn": Signal.VPN,
    "ipsec": Signal.IPSEC,
    "tor": Signal.TOR,
    "gate": Signal.ADDRESS,
    "gate-learning": Signal.ADDRESS,
}


def hour_of(at: float) -> int:
    """Return the Unix time at which the hour of `at` began."""
    return int(at // HOUR) * HOUR
