"""`privacy`, `log`, `metrics`, `control`: what is remembered and shown of what happened."""

from typing import Literal

from pydantic import Field

from filterd.config.addresses import Listen, ListenAddress
from filterd.config.section import Section
from filterd.config.types import ByteSize, Duration, FilePath

_DAY = 86_400.0
GROUP = r"^[a-z_][a-z0-9_-]{0,31}$"  # a name of useradd(8)


class RetentionConfig(Section):
    """How long what was kept at each level stays."""

    aggregates: Duration = 90 * _DAY
    """Counts."""
    pseudonym: Duration = 7 * _DAY
    """Queries with hashed clients."""
    full: Duration = _DAY
    """Queries with addresses."""


class PrivacyConfig(Section):
    """What is kept of queries. Pupils are children: the default keeps counts only."""

    level: Literal["none", "aggregates", "pseudonym", "full"] = "aggregates"
    """none; aggregates: counts only; pseudonym: clients by a hash whose key is destroyed daily;
    full: addresses, for finding a fault, never as a rule."""
    retention: RetentionConfig = RetentionConfig()
    """How long what was kept at each level stays."""


class LogConfig(Section):
    """The local log."""

    path: FilePath | None = None
    """The SQLite file; left out: log.sqlite in the state directory."""
    max_size: ByteSize = 256 * 2**20
    """How large it may grow; the oldest goes first."""


class MetricsConfig(Section):
    """Prometheus metrics and health."""

    listen: Listen | None = ListenAddress("127.0.0.1", 9353)
    """Address and port of /metrics, /healthz and /readyz; null turns them off."""


class ControlConfig(Section):
    """The socket that the command line speaks to."""

    socket: FilePath | None = None
    """The socket's path; left out: control.sock in the state directory."""
    group: str | None = Field(default=None, pattern=GROUP)
    """A group of this machine whose members may command without being root: open and block names,
    reload, take cases, look where devices are. Left out: root and the daemon's own account alone.
    Under the unit of the Debian package it can be `filterd` and no other."""
