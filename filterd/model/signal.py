"""The signs of going round the filter: a closed set of words, see docs/bypass.md.

Counters, reports and the hub speak of them, and none of them has a word for who it was.
"""

from enum import StrEnum


class Signal(StrEnum):
    """What was tried. Each says what was seen on the wire, and none says why, or by whom."""

    RESOLVER = "resolver"  # another resolver was asked over plain DNS, port 53
    DOT = "dot"  # DNS over TLS or QUIC, port 853 (RFC 7858, RFC 9250)
    DOH = "doh"  # a known server of DNS over HTTPS, by its name or address
    VPN = "vpn"  # WireGuard, OpenVPN, PPTP, L2TP
    IPSEC = "ipsec"  # IKE and IPsec, which calls over Wi-Fi use too
    TOR = "tor"  # usual ports of relays, names of onion services
    ECH = "ech"  # a name that stands for another one, which is encrypted (RFC 9849)
    SNI = "sni"  # TLS to a name that nobody asked our DNS for
    ADDRESS = "address"  # an address that our DNS never answered with
    NAME = "name"  # names of services for going round filters, from lists of category `bypass`
