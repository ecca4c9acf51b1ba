"""The hub's configuration: a YAML file of its own, read as strictly as a node's.

Secrets are not in it: the passphrase of the log's key is in a file that only its owner may read, or
handed over by systemd as the credential `log-passphrase`.
"""

from pathlib import Path as File
from typing import Annotated, Any

from pydantic import Field

from filterd.config.addresses import Listen, ListenAddress
from filterd.config.section import Section
from filterd.config.text import Text, written
from filterd.config.tree import read_bytes
from filterd.config.types import ByteSize, Duration, FilePath
from filterd.config.whole import read_whole

SQLITE = "sqlite:///"
MOST_WORKERS = 64
_SCHEMES = (SQLITE, "postgresql+psycopg://")


def _read_database(value: Any) -> str:
    text = written(value)
    if not text.startswith(_SCHEMES):
        raise ValueError(f"not the address of a database: {text.partition('@')[0][:40]!r}")
    return text


def _read_nats(value: Any) -> str:
    text = written(value)
    if not text.startswith(("nats://", "tls://")):
        raise ValueError(f"not the address of a NATS server: {text[:60]!r}")
    return text


Database = Annotated[
    str,
    Text(
        _read_database,
        str,
        "sqlite:///FILE or postgresql+psycopg://…",
        ("sqlite:///hub.db", "postgresql+psycopg:///filterd"),
    ),
]
Nats = Annotated[
    str, Text(_read_nats, str, "nats://HOST:PORT or tls://HOST:PORT", ("nats://127.0.0.1:4222",))
]


class LogKeyConfig(Section):
    """The key that signs the feed's log; left out, this hub publishes nothing and says so."""

    key: FilePath
    """The log's key, as `filterd authority key` writes it."""
    passphrase_file: FilePath | None = None
    """Its first line is the passphrase; nobody but its owner may read it. Left out: systemd's
    credential `log-passphrase`."""


class HubLimits(Section):
    """What one sender may take, so that it cannot slow the others."""

    body: ByteSize = 2**20
    """Bytes of a request's body, as sent."""
    unpacked: ByteSize = 8 * 2**20
    """Bytes that a compressed body may unpack to."""
    body_time: Duration = 20.0
    """How long a body may take to come."""
    per_node: float = Field(default=2.0, gt=0, le=10_000)
    """Requests a second from one node, on average."""
    node_burst: int = Field(default=40, ge=1, le=100_000)
    """Requests at once from one node that was quiet before."""
    per_address: float = Field(default=1000.0, gt=0, le=1_000_000)
    """Requests a second from one address whose sender is not known yet, on average."""
    bodies_per_address: int = Field(default=64, ge=1, le=100_000)
    """Bodies that may be on their way from one address at one time."""
    waiting: int = Field(default=512, ge=1, le=100_000)
    """Requests that may wait for the database before one more is told to come back."""
    subscribers: int = Field(default=20_000, ge=1, le=1_000_000)
    """Subscribers of the feed's events held by one process."""


class HubConfig(Section):
    """All of it."""

    listen: Listen = ListenAddress("127.0.0.1", 9800)
    """Address and port; a web server in front of it ends TLS."""
    metrics: Listen | None = ListenAddress("127.0.0.1", 9801)
    """Address and port of /metrics, /healthz and /readyz; worker N listens N ports above. null
    turns them off."""
    database: Database = f"{SQLITE}hub.db"
    """Where what arrives is kept. A password goes into `~/.pgpass`, not here."""
    feed: FilePath = File("feed")
    """The feed's folder, as `filterd authority init` begins it; all processes share it."""
    log: LogKeyConfig | None = None
    """The key that signs the feed's log; left out, this hub publishes nothing and says so."""
    publish_every: Duration = 60.0
    """How long orders that are not urgent are gathered; urgent ones are published at once."""
    renew_every: Duration = 3600.0
    """How often the newest checkpoint is signed anew while nothing is ordered."""
    snapshot_every: Duration = 86_400.0
    """How long until a new snapshot stands for the log; sooner where the log has grown by half of
    the one before. Nodes that begin take it instead of the log."""
    late_after: Duration = 900.0
    """How long after an order was published a node that does not enforce it is late."""
    silent_after: Duration = 3600.0
    """How long a node may say nothing before it is silent."""
    nats: Nats | None = None
    """A NATS server with JetStream that receipts and reports wait in; left out: none."""
    workers: int = Field(default=1, ge=1, le=MOST_WORKERS)
    """Processes that share the address."""
    limits: HubLimits = HubLimits()
    """What one sender may take, so that it cannot slow the others."""


def load_hub(path: File) -> HubConfig:
    """Return the configuration in the file `path`, which the paths in it start from.

    Raises:
        ConfigError: the file cannot be read or is not usable; `problems` holds every fault.
    """
    text = read_bytes(path)
    return _with_base(read_whole(HubConfig, text), path.parent)


def _with_base(config: HubConfig, base: File) -> HubConfig:
    changed: dict[str, Any] = {"feed": base / config.feed}
    if config.database.startswith(SQLITE):
        changed["database"] = f"{SQLITE}{base / config.database.removeprefix(SQLITE)}"
    if config.log is not None:
        secret = config.log.passphrase_file
        changed["log"] = config.log.model_copy(
            update={
                "key": base / config.log.key,
                "passphrase_file": None if secret is None else base / secret,
            }
        )
    return config.model_copy(update=changed)
