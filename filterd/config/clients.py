"""`clients`: devices known by name."""

from pydantic import Field

from filterd.config.section import Section
from filterd.config.types import ClientId, Word


class ClientConfig(Section):
    """One client; rules may name it, or its tags."""

    group: str
    """The group it belongs to, whatever its network says."""
    ids: tuple[ClientId, ...] = Field(min_length=1)
    """Its addresses, networks or MAC addresses; or as `who` knows it: user:NAME, class:NAME (both
    from RADIUS), host:NAME (from a lease; what a device calls itself proves nothing)."""
    tags: tuple[Word, ...] = ()
    """Tags for rules with $ctag, such as device_tv."""
