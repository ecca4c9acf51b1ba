"""The tree of keys: everything a configuration file may say, with its defaults."""

import zoneinfo
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field

from filterd.config.access import AccessConfig
from filterd.config.cache import CacheConfig
from filterd.config.clients import ClientConfig
from filterd.config.feed import FeedConfig
from filterd.config.gateway import GatewayConfig
from filterd.config.groups import AnswerConfig, Groups, standard_groups
from filterd.config.http import HttpConfig
from filterd.config.limits import CookiesConfig, LimitsConfig
from filterd.config.listen import ListenConfig
from filterd.config.lists import FetchConfig, ListConfig
from filterd.config.records import RecordConfig
from filterd.config.report import ReportConfig
from filterd.config.schedules import ScheduleConfig
from filterd.config.section import Section
from filterd.config.text import Text, written
from filterd.config.types import Age, DomainName, FilePath, Word
from filterd.config.upstream import UpstreamConfig
from filterd.config.watching import ControlConfig, LogConfig, MetricsConfig, PrivacyConfig
from filterd.config.who import WhoConfig


def _read_timezone(value: Any) -> str:
    text = written(value)
    try:
        zoneinfo.ZoneInfo(text)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise ValueError(f"unknown time zone {text[:60]!r}") from error
    return text


Timezone = Annotated[
    str,
    Text(
        _read_timezone,
        str,
        "a zone of the tz database such as Asia/Ho_Chi_Minh",
        ("Asia/Ho_Chi_Minh",),
    ),
]


class RebindConfig(Section):
    """Protection against public names that point into the school's own network."""

    protect: bool = True
    """Refuse answers from upstream with private addresses."""
    exceptions: tuple[DomainName, ...] = ()
    """Names, with their subdomains, that may have them."""


class Config(Section):
    """One whole configuration. Frozen; a changed file makes a new one."""

    language: Literal["vi", "en"] = "vi"
    """The language of texts that people see: vi or en."""
    timezone: Timezone = "Asia/Ho_Chi_Minh"
    """The time zone of schedules."""
    state_dir: FilePath | None = None
    """Where lists, compiled rules and the log are kept; left out: $STATE_DIRECTORY, which systemd
    sets, else $XDG_STATE_HOME/filterd, else ~/.local/state/filterd."""
    listen: ListenConfig = ListenConfig()
    """Where queries come in."""
    access: AccessConfig = AccessConfig()
    """Who is answered."""
    limits: LimitsConfig = LimitsConfig()
    """What clients may ask for."""
    cookies: CookiesConfig = CookiesConfig()
    """DNS cookies, by which clients prove their address."""
    upstream: UpstreamConfig = UpstreamConfig()
    """The resolvers that filterd asks."""
    cache: CacheConfig = CacheConfig()
    """The cache of answers, shared by all groups."""
    feed: FeedConfig = FeedConfig()
    """The ministry's feed of orders."""
    report: ReportConfig = ReportConfig()
    """Counts for the ministry's hub."""
    rebind: RebindConfig = RebindConfig()
    """Protection against public names that point into the school's own network."""
    records: tuple[RecordConfig, ...] = ()
    """Names that filterd answers itself: mappings, or lines "NAME [TTL] TYPE VALUE"."""
    default_group: str = "primary"
    """The group of clients that no network and no client entry names; keep it a strict one."""
    groups: Annotated[Groups, Field(min_length=1)] = Field(default_factory=standard_groups)
    """Sets of clients with one policy, by name."""
    clients: dict[Word, ClientConfig] = Field(default_factory=dict)
    """Devices known by name."""
    who: WhoConfig = WhoConfig()
    """Where filterd learns which addresses a device or a user has now."""
    schedules: dict[Word, ScheduleConfig] = Field(default_factory=dict)
    """Named times of the week, for groups to use."""
    categories: dict[str, Age] = Field(default_factory=dict)
    """Categories whose age differs from rules/categories.yaml, for every group."""
    lists: dict[Word, ListConfig] = Field(default_factory=dict)
    """Lists of rules, by name."""
    lists_fetch: FetchConfig = FetchConfig()
    """How lists are fetched."""
    allow: tuple[DomainName, ...] = ()
    """Names the school allows for every group, with their subdomains."""
    block: tuple[DomainName, ...] = ()
    """Names the school blocks for every group, with their subdomains."""
    blocking: AnswerConfig = AnswerConfig()
    """How a block is answered, where a group does not say."""
    overrides: FilePath | None = None
    """The file of teachers' temporary allows; left out: overrides.jsonl in the state directory."""
    http: HttpConfig = HttpConfig()
    """The HTTP filter, which `filterd http serve` runs."""
    gateway: GatewayConfig = GatewayConfig()
    """The firewall of a gateway, which `filterd gateway apply` sets."""
    privacy: PrivacyConfig = PrivacyConfig()
    """What is kept of queries."""
    log: LogConfig = LogConfig()
    """The local log."""
    metrics: MetricsConfig = MetricsConfig()
    """Prometheus metrics and health."""
    control: ControlConfig = ControlConfig()
    """The socket that the command line speaks to."""


def state_directory(config: Config, environ: Mapping[str, str]) -> Path:
    """Return where state is kept: the configured place, systemd's, or the user's."""
    if config.state_dir is not None:
        return config.state_dir
    if environ.get("STATE_DIRECTORY"):
        return Path(environ["STATE_DIRECTORY"].partition(":")[0])
    if environ.get("XDG_STATE_HOME"):
        return Path(environ["XDG_STATE_HOME"]) / "filterd"
    return Path(environ.get("HOME", "/")) / ".local/state/filterd"
