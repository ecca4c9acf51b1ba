"""`lists` and `lists_fetch`: where rules come from and how they are fetched."""

from typing import Literal

from pydantic import Field, model_validator

from filterd.config.addresses import Url
from filterd.config.section import Section
from filterd.config.types import Age, ByteSize, DomainName, Duration, FilePath, Sha256


class ListConfig(Section):
    """One list: a file or a web address, and what its rules mean."""

    format: str
    """The rule syntax, such as hosts, domains, adblock, dnsmasq or rpz; auto looks at the list.
    urls, abp-url and hashed-urls are for the HTTP filter: DNS answers do not depend on them.
    """
    url: Url | None = None
    """Where it is fetched from. This or `path`."""
    path: FilePath | None = None
    """A file on this machine; relative to the configuration file."""
    action: Literal["block", "allow"] = "block"
    """allow: every rule of it is an exception."""
    category: str | None = None
    """The category of its names, which gives the age; left out: blocked for every age."""
    min_age: Age | None = None
    """The age from which its names are open, above that of the category."""
    mandatory: bool = False
    """An order: blocked for everyone, and no school rule can allow it."""
    subdomains: bool = False
    """For hosts and domains: a name means its subdomains too."""
    trusted: bool = False
    """May name a whole public suffix, such as a top-level domain."""
    zone: DomainName | None = None
    """For rpz: the name of the zone, where the file does not say it."""
    sha256: Sha256 | None = None
    """The only content that is accepted."""
    refresh: Duration | None = None
    """How often it is fetched; left out: as `lists_fetch` says."""

    @model_validator(mode="after")
    def _one_source(self) -> "ListConfig":
        if (self.url is None) == (self.path is None):
            raise ValueError("give either `url` or `path`")
        return self


class GateConfig(Section):
    """What a new version of a list must pass; otherwise the old one stays."""

    max_shrink: float = Field(default=0.5, ge=0.0, le=1.0)
    """The part of its rules that a list may lose at once."""
    max_refused: float = Field(default=0.5, ge=0.0, le=1.0)
    """The part of its lines that may be refused."""
    min_rules: int = Field(default=1, ge=0)
    """The rules that a list must have."""


class FetchConfig(Section):
    """How lists are fetched."""

    refresh: Duration = 86_400.0
    """How often."""
    timeout: Duration = 300.0
    """How long one fetch may take."""
    max_size: ByteSize = 256 * 2**20
    """How large a list may be, unpacked."""
    parallel: int = Field(default=4, ge=1, le=64)
    """Fetches at one time."""
    gate: GateConfig = GateConfig()
    """What a new version of a list must pass; otherwise the old one stays."""
