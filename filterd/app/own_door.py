"""Asking at a door of our own that believes proxies: from an address that it takes for one, a
message begins with a header that says it is nobody else's (PROXY protocol, version 2, LOCAL).
"""

from collections.abc import Sequence
from ipaddress import ip_address, ip_network

LOCAL = b"\r\n\r\n\0\r\nQUIT\n" + bytes((0x20, 0, 0, 0))
_ANY = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - where to ask, not where to listen


def reachable(host: str) -> str:
    """Return the address to ask for a door that listens at `host`, which may mean all addresses."""
    return _ANY.get(host, host)


def preface(source: str, proxies: Sequence[str]) -> bytes:
    """Return what a message from the address `source` begins with at a door that believes
    `proxies`, networks.
    """
    address = ip_address(source.partition("%")[0])
    networks = (ip_network(each) for each in proxies)
    return LOCAL if any(address in each for each in networks) else b""
