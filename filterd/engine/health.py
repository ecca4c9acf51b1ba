"""A name that a node answers while it can be relied on, and only then.

Whoever spreads queries over nodes, or tells routers that a node is there, asks for it as any client
would. The question goes all the way, through door, guard, core and event loop; it never goes
upstream, and nothing of the answer is kept here; its TTL is 0, unless `cache.min_ttl` raises it.
"""

from ipaddress import ip_address

from filterd.engine import wire

NAME = "health.filterd.internal"  # `internal` is for private use and never asked upstream
NOT_READY = 14  # extended error (RFC 8914 section 4.15)
_ADDRESSES = {1: "127.0.0.1", 28: "::1"}


def well(query: bytes, qtype: int) -> bytes:
    """Return the reply of a node that is well: this machine, or no record of the type."""
    address = _ADDRESSES.get(qtype)
    data = None if address is None else wire.Data(qtype, 0, ip_address(address).packed)
    return wire.reply(query, [] if data is None else [wire.resource(None, data)])
