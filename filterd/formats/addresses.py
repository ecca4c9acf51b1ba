"""Addresses in lists: the ones that mean "nowhere", and the ones that are patterns themselves."""

import re
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

from filterd.formats.base import Options
from filterd.formats.refusals import Code, Refused
from filterd.formats.rrtypes import AAAA, A
from filterd.model.rule import NetworkPattern, Record, Rewrite, Trigger

# What blocklists write in front of a name that shall lead nowhere.
_NULL_TEXTS = frozenset({"0", "0.0.0.0", "127.0.0.1", "255.255.255.255", "::", "::1", "::0"})  # noqa: S104
_COULD_BE = re.compile(r"[0-9a-fA-F:.]+(?:/[0-9]{1,3})?")
_WIDEST = {4: 8, 6: 16}  # prefix lengths; shorter ones cover too much of the internet


def read_address(text: str) -> IPv4Address | IPv6Address | None:
    """Return the address that `text` is, without a zone index, or None."""
    try:
        return ip_address(text.partition("%")[0])
    except ValueError:
        return None


def leads_nowhere(text: str) -> bool:
    """Say whether a name is blocked by giving it this address: unspecified, loopback, broadcast."""
    if text in _NULL_TEXTS:  # nearly all there are
        return True
    address = read_address(text)
    return address is not None and (address.is_unspecified or address.is_loopback)


def network_pattern(text: str, trigger: Trigger, options: Options) -> NetworkPattern | None:
    """Return the pattern for an address or CIDR network, None if `text` is neither.

    Raises:
        Refused: host bits are set, or the network is wider than /8 (IPv4) or /16 (IPv6) in a list
            that is not trusted to be wide.
    """
    if not _COULD_BE.fullmatch(text):  # nearly all text, and `ip_network` takes its time
        return None
    try:
        network = ip_network(text, strict=False)
    except ValueError:
        return None
    if "/" in text and network.network_address != ip_address(text.partition("/")[0]):
        raise Refused(Code.BAD_ADDRESS, f"host bits are set; the network is {network}")
    if network.prefixlen < _WIDEST[network.version] and not options.wide:
        raise Refused(Code.TOO_WIDE, f"the network {network} covers too many addresses")
    return NetworkPattern(str(network), trigger)


def address_rewrite(address: IPv4Address | IPv6Address) -> Rewrite:
    """Return the rewrite that answers with `address`; other types get no data."""
    return Rewrite(records=(Record(A if address.version == 4 else AAAA, str(address)),))
