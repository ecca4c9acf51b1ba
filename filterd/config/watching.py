"""`privacy`, `log`, `metrics`, `control`: what is remembered and shown of what happened."""

from typing import Literal

from filterd.config.addresses import Listen, ListenAddress
from filterd.config.section import Section
from filterd.config.types import Duration, FilePath


class PrivacyConfig(Section):
    """What is kept of queries. Pupils are children: the default keeps counts only."""

    level: Literal["none", "aggregates", "pseudonym", "full"] = "aggregates"
    """none; aggregates: counts only; pseudonym: clients by a hash whose key is destroyed daily;
    full: addresses, for finding a fault, never as a rule."""
    retention: Duration = 30 * 86_400.0
    """How long it is kept."""


class LogConfig(Section):
    """The local log."""

    path: FilePath | None = None
    """The SQLite file; left out: log.sqlite in the state directory."""


class MetricsConfig(Section):
    """Prometheus metrics and health."""

    listen: Listen | None = ListenAddress("127.0.0.1", 9353)
    """Address and port of /metrics, /healthz and /readyz; null turns them off."""


class ControlConfig(Section):
    """The socket that the command line speaks to."""

    socket: FilePath | None = None
    """The socket's path; left out: control.sock in the state directory."""
