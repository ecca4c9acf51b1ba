"""`who`: where filterd learns which addresses a device or a user has now."""

from pathlib import Path

from pydantic import Field

from filterd.config.addresses import Listen
from filterd.config.section import Section
from filterd.config.types import Address, Duration, FilePath, Word


class NasConfig(Section):
    """One sender of RADIUS accounting: an access point, its controller, or a RADIUS server."""

    address: Address
    """The address it sends from."""
    secret_file: FilePath
    """The file with the secret that it shares with filterd, on one line; relative to this file."""


class RadiusConfig(Section):
    """RADIUS accounting (RFC 2866): who logged in to the wireless network. Nothing but accounting
    is spoken here; passwords stay with the RADIUS server.
    """

    listen: tuple[Listen, ...] = ()
    """Addresses and ports to take accounting at; the usual port is 1813. Left out: none."""
    nas: dict[Word, NasConfig] = Field(default_factory=dict)
    """Who may send it; others get no answer."""
    session: Duration = 43_200.0
    """How long a session counts of which nothing more is heard; keep it well above the interval of
    interim updates."""


class WhoConfig(Section):
    """Where filterd learns which addresses a device or a user has now, for `clients` that are not
    known by address. Nothing of it is stored.
    """

    neighbours: bool = True
    """Follow the neighbour tables of the kernel: devices on the same segment as this machine."""
    dnsmasq: tuple[FilePath, ...] = ()
    """Lease files of dnsmasq, such as /var/lib/misc/dnsmasq.leases."""
    kea: tuple[FilePath, ...] = ()
    """Lease files of Kea (memfile), such as /var/lib/kea/kea-leases4.csv and kea-leases6.csv."""
    dhcpd: tuple[FilePath, ...] = ()
    """Lease files of ISC dhcpd, such as /var/lib/dhcp/dhcpd.leases."""
    radius: RadiusConfig = RadiusConfig()
    """RADIUS accounting."""


def with_base(who: WhoConfig, base: Path) -> WhoConfig:
    """Return `who` with its files as seen from the folder `base`."""
    nas = {
        name: each.model_copy(update={"secret_file": base / each.secret_file})
        for name, each in who.radius.nas.items()
    }
    leases = {
        name: tuple(base / path for path in getattr(who, name))
        for name in ("dnsmasq", "kea", "dhcpd")
    }
    return who.model_copy(update={**leases, "radius": who.radius.model_copy(update={"nas": nas})})
