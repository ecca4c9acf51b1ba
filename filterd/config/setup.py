"""The answers that `filterd setup` is given: by a person, or by a file for many boxes alike.

The only secret among them is the hash of a password, which is kept nowhere but where Debian keeps
those. What a box is set up as follows from them alone (`filterd/setup/`).
"""

import ipaddress
import re
from collections.abc import Mapping
from pathlib import Path as File
from typing import Annotated, Any, Literal, Self

from pydantic import BeforeValidator, Field, ValidationError, model_validator

from filterd.config.addresses import Upstream
from filterd.config.explain import explain
from filterd.config.gateway import Interface
from filterd.config.section import Section
from filterd.config.text import Text, written
from filterd.config.tree import read_bytes
from filterd.config.types import Network
from filterd.config.whole import read_whole
from filterd.model.errors import ConfigError

Level = Literal["preschool", "primary", "lower-secondary", "upper-secondary"]
GROUPS: dict[str, tuple[str, ...]] = {
    "preschool": ("preschool",),
    "primary": ("primary",),
    "lower-secondary": ("grades-6-7", "grades-8-9"),
    "upper-secondary": ("grades-10-12",),
}
STAFF = "staff"
# crypt(5): what is not easily guessed back. No field separator of shadow(5), no end of a line.
_HASH = re.compile(r"\$(?:y|gy|7|2b|6|5)\$[A-Za-z0-9./$=,]{20,250}")


def read_interface_address(value: Any) -> str:
    """Return an address with the length of its network, such as 10.20.0.1/24."""
    text = written(value)
    try:
        address = ipaddress.ip_interface(text)
    except ValueError as error:
        raise ValueError(f"{text[:60]!r} is no address with a length") from error
    if "/" not in text or address.ip.is_unspecified or address.ip.is_multicast:
        raise ValueError(f"{text[:60]!r} is no address of a machine with its length")
    if address.ip.is_link_local:
        raise ValueError(f"{text[:60]!r} is link-local, which clients cannot be told to ask")
    return str(address)


def read_hash(value: Any) -> str:
    """Return the hash of a password, as `mkpasswd` prints it.

    Raises:
        ValueError: it is none; the text does not repeat it, for it may be the password itself.
    """
    if not isinstance(value, str) or _HASH.fullmatch(value) is None:
        raise ValueError("no hash of crypt(5); `mkpasswd` (Debian: whois) prints one")
    return value


InterfaceAddress = Annotated[
    str,
    Text(
        read_interface_address,
        str,
        "an address of this machine with the length of its network, such as 10.20.0.1/24",
        ("10.20.0.1/24",),
    ),
]


class SetupConfig(Section):
    """What a box is to be. Frozen."""

    language: Literal["vi", "en"] = "vi"
    """The language of texts that people see."""
    addresses: tuple[InterfaceAddress, ...] = Field(min_length=1)
    """Addresses of this machine on the school's networks: where clients ask."""
    levels: tuple[Level, ...] = Field(default=("primary",), min_length=1)
    """Levels of the school; each has its groups, by grade."""
    networks: dict[str, tuple[Network, ...]] = Field(default_factory=dict)
    """Networks of groups, by name; who is in none belongs to the youngest group. With `staff` there
    is a group of that name."""
    upstream: tuple[Upstream, ...] = ()
    """Resolvers that are asked; left out: an Unbound on this machine, which needs none."""
    gateway: bool = True
    """This machine stands between the school and the internet, and closes ways round the filter."""
    lan: tuple[Interface, ...] = ()
    """Interfaces that the school's networks are on; needed by a gateway."""
    uplink: tuple[Interface, ...] = ()
    """Interfaces to the internet; left out: all that are not in `lan`."""
    masquerade: bool = True
    """A gateway gives IPv4 clients its own address towards the uplink."""
    dhcp: bool = False
    """Write a configuration for dnsmasq that gives out addresses, the gateway and this resolver."""
    http: bool = False
    """The HTTP filter, too (the package filterd-http)."""
    admin_password: Annotated[str, BeforeValidator(read_hash)] | None = Field(
        default=None, repr=False
    )
    """The hash of a password, as `mkpasswd` prints it. With it there is an account `filterd-admin`,
    which may do without root what the daemon is asked for."""
    strict: tuple[str, ...] = ()
    """Groups whose connections to addresses that were never resolved are watched, as the first
    step to refusing them."""

    @property
    def groups(self) -> tuple[str, ...]:
        """The groups of pupils, youngest first."""
        return tuple(
            name for level, names in GROUPS.items() if level in self.levels for name in names
        )

    @model_validator(mode="after")
    def _agree(self) -> Self:
        known = (*self.groups, STAFF)
        for name in (*self.networks, *self.strict):
            if name not in known:
                raise ValueError(f"there is no group {name[:40]!r}; allowed: {', '.join(known)}")
        if self.gateway and not self.lan:
            raise ValueError("a gateway needs `lan`; or say `gateway: false`")
        if self.strict and not self.gateway:
            raise ValueError("`strict` is a gateway's work; leave it out, or say `gateway: true`")
        if both := set(self.lan) & set(self.uplink):
            raise ValueError(f"{', '.join(sorted(both))} is in `lan` and in `uplink`")
        return self


def read_answers(value: Mapping[str, Any]) -> SetupConfig:
    """Return the answers that somebody gave one after the other.

    Raises:
        ConfigError: they do not fit each other; `problems` holds every fault.
    """
    try:
        return SetupConfig.model_validate(value)
    except ValidationError as error:
        faults = error.errors(include_url=False)
        raise ConfigError(
            tuple(str(explain(SetupConfig, value, each)) for each in faults)
        ) from None


def load_answers(path: File) -> SetupConfig:
    """Return the answers in the file `path`.

    Raises:
        ConfigError: the file cannot be read or is not usable; `problems` holds every fault.
    """
    return read_whole(SetupConfig, read_bytes(path))
