"""`http`: the HTTP filter, which is a process of its own (`filterd http serve`)."""

from typing import Annotated, Literal

from pydantic import Field

from filterd.config.addresses import Listen
from filterd.config.http_headers import HttpHeadersConfig
from filterd.config.http_labels import HttpLabelsConfig
from filterd.config.http_media import HttpMediaConfig
from filterd.config.section import Section
from filterd.config.types import ByteSize, DomainName, Duration, FilePath, Network, Word

Port = Annotated[int, Field(ge=1, le=65535)]


class HttpListenConfig(Section):
    """Where connections come in."""

    explicit: tuple[Listen, ...] = ()
    """Addresses and ports of a proxy that browsers are told of, by hand or a PAC file."""
    transparent: tuple[Listen, ...] = ()
    """Addresses and ports that the firewall redirects TCP 80 and 443 to (nftables `redirect`)."""


class HttpInspectConfig(Section):
    """What is decrypted. Nothing is unless it is named here, and only with the site's authority
    (`filterd http ca new`), which the devices must trust.
    """

    groups: tuple[Word, ...] = ()
    """Groups whose connections are decrypted, but for what is never."""
    categories: tuple[str, ...] = ()
    """Categories whose sites are decrypted for every group, so that rules on URLs apply to them."""
    explain: tuple[Word, ...] = ()
    """Groups that are shown the block page for https too; without, the connection just ends."""


class HttpFailConfig(Section):
    """What happens to what cannot be decided. Rules that were there once go on without the daemon,
    also after a restart, so this is about a filter that never had any, and about faults.

    What is illegal fails closed: where there are no rules at all nobody knows what is, so nothing
    passes. What schools learn with (rules/must-not-block.yaml and `allow`) always does.
    """

    inappropriate: Literal["closed", "open"] = "closed"
    """Where the rules answer but lists of URLs in ABP syntax cannot be asked, which are about what
    is inappropriate: closed, or open."""


class HttpPageConfig(Section):
    """What the block page says of the school."""

    school: str = Field(default="", max_length=120)
    """Its name."""
    appeal: str = Field(default="", max_length=200)
    """Whom to ask about a block: a mail address, a telephone number or a few words."""
    hotline: str = Field(default="111", max_length=40)
    """The number for children in need: Viet Nam's National Child Protection Hotline."""
    report_site: str = Field(default="vn-cop.vn", max_length=120)
    """Where abuse of children online is reported."""
    report_mail: str = Field(default="bvte@vncert.vn", max_length=120)
    """The same, by mail."""
    operator: str = Field(default="", max_length=200)
    """The address (https://…) of who runs the filter, for `Link: rel="blocked-by"` (RFC 7725)."""
    words: FilePath | None = None
    """A folder with the school's own words for the page (vi.toml, en.toml), relative to this file;
    left out: ours alone."""


class HttpConfig(Section):
    """The HTTP filter: decides connections by name, and decrypts little. Off unless it listens."""

    listen: HttpListenConfig = HttpListenConfig()
    """Where connections come in."""
    workers: int = Field(default=1, ge=1, le=64)
    """Processes; one keeps one processor busy."""
    python: FilePath | None = None
    """The interpreter of the HTTP environment; left out: that of .venv-http or venv-http beside
    filterd's own environment."""
    ports: tuple[Port, ...] = Field(default=(80, 443), min_length=1)
    """Ports that a request or tunnel may name."""
    nameless: tuple[Network, ...] = ()
    """Networks that filtered groups may reach by address alone, without any name."""
    inspect: HttpInspectConfig = HttpInspectConfig()
    """What is decrypted."""
    never_decrypt: tuple[DomainName, ...] = ()
    """Names, with their subdomains, that are never decrypted, beside the feed's or, where it has
    none, those of rules/never-decrypt.yaml; no setting takes one of these away."""
    ca: FilePath | None = None
    """The folder of the site's authority; left out: http/ca in the state directory."""
    upstream_ca: FilePath | None = None
    """The authorities that servers' certificates are checked against (PEM); left out: those that
    browsers trust."""
    memory: ByteSize = 512 * 2**20
    """What a worker may use before another takes its place."""
    max_age: Duration = 86_400.0
    """After how long another worker takes its place anyway."""
    fail: HttpFailConfig = HttpFailConfig()
    """What happens where there are no rules."""
    page: HttpPageConfig = HttpPageConfig()
    """What the block page says of the school."""
    headers: HttpHeadersConfig = HttpHeadersConfig()
    """What is said to services, by group."""
    labels: HttpLabelsConfig = HttpLabelsConfig()
    """Age labels that sites give themselves."""
    media: HttpMediaConfig = HttpMediaConfig()
    """Known pictures and files, by their hashes."""

    @property
    def on(self) -> bool:
        """Whether there is an HTTP filter at all."""
        return bool(self.listen.explicit or self.listen.transparent)
