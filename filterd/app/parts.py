"""From configuration to the settings and values that each floor takes. One function each."""

import contextlib
import logging
import secrets
import time
from zoneinfo import ZoneInfo

from filterd.app.paths import Paths
from filterd.app.ruling import Inputs, list_specs
from filterd.app.spoken import Spoken
from filterd.app.system_dns import system_nameservers
from filterd.config.schema import Config
from filterd.engine.engine import EngineSettings
from filterd.engine.local import LocalData, LocalRecord, check_records
from filterd.lists.index_store import IndexStore, Loaded
from filterd.model.errors import ConfigError
from filterd.model.group import RuleBook
from filterd.report.daykey import DayKey
from filterd.report.privacy import Level
from filterd.report.recorder import Recorder
from filterd.report.store import Retention, SqliteSink
from filterd.report.writer import Writer
from filterd.upstream.resolver import Settings

logger = logging.getLogger(__name__)
DNS_PORT = 53
# What the core keeps at each privacy level: below "pseudonym" no record of a query exists at all.
_RECORDS = {"none": "nothing", "aggregates": "counts", "pseudonym": "events", "full": "events"}


def current_inputs(
    config: Config, book: RuleBook, paths: Paths, known: Loaded | None = None
) -> Inputs:
    """Read what a ruling needs from disk: compiled lists, and what is said by command.

    `known` are compiled lists that are open already; they are not opened again if they are still
    the ones in use.
    """
    said = Spoken(paths.overrides, paths.rules).read(config)
    return Inputs(config, book, said, load_lists(config, book, paths, known))


def load_lists(
    config: Config, book: RuleBook, paths: Paths, known: Loaded | None = None
) -> Loaded | None:
    """Return the compiled lists in use, if any are configured and compiled."""
    if not list_specs(config, book):
        return None
    with contextlib.suppress(OSError):
        return IndexStore(paths.state).load(known)
    return None


def upstream_settings(config: Config) -> Settings:
    """Return the upstream floor's settings."""
    upstream = config.upstream
    ours = [door.host for door in config.listen.udp if door.port == DNS_PORT]
    system = system_nameservers(ours)
    return Settings(
        servers=tuple(str(each) for each in upstream.servers) or system,
        strategy=upstream.strategy,
        zones=tuple(
            (zone, tuple(str(each) for each in servers)) for zone, servers in upstream.zones.items()
        ),
        bootstrap=tuple(str(each) for each in upstream.bootstrap) or system,
        max_in_flight=upstream.max_waiting,
        ca_file=None if upstream.ca_file is None else str(upstream.ca_file),
    )


def engine_settings(config: Config) -> EngineSettings:
    """Return the core's settings."""
    cache = config.cache
    return EngineSettings(
        cache_bytes=cache.size,
        lanes=max(1, config.listen.workers * len(config.listen.udp)),
        max_misses=config.upstream.max_waiting,
        zone_rate=config.upstream.zone_rate,
        min_ttl=cache.min_ttl,
        max_ttl=cache.max_ttl,
        negative_ttl=cache.negative_ttl,
        stale_ttl=cache.stale.ttl,
        stale_answer_ttl=cache.stale.answer_ttl,
        prefetch=cache.prefetch,
        record=_RECORDS[config.privacy.level],
        log_pass=True,
    )


def local_data(config: Config) -> LocalData:
    """Return the local records and the zones that are forwarded.

    Raises:
        ConfigError: records that cannot be served, each with its place.
    """
    records = [LocalRecord(r.name, r.type, r.value, r.ttl) for r in config.records]
    if problems := check_records(records):
        raise ConfigError(tuple(f"records[{at}]: {why}" for at, why in problems.items()))
    return LocalData(records, tuple(config.upstream.zones))


def make_writer(config: Config, paths: Paths) -> Writer | None:
    """Return the writer of the local log; None where nothing is kept, nor anything left over from
    a level that kept more, which must still expire.
    """
    if config.privacy.level == "none" and not paths.log.exists():
        return None
    retention = config.privacy.retention
    kept = Retention(
        aggregates=retention.aggregates,
        pseudonym=retention.pseudonym,
        full=retention.full,
        max_bytes=config.log.max_size,
    )
    paths.log.parent.mkdir(parents=True, exist_ok=True)
    return Writer(SqliteSink(paths.log, kept), clock=time.time, monotonic=time.monotonic)


def make_recorder(config: Config, paths: Paths, writer: Writer | None) -> Recorder:
    """Return the recorder: the privacy step in front of the writer."""
    key = DayKey(paths.day_key, ZoneInfo(config.timezone), secrets.token_bytes)
    return Recorder(Level(config.privacy.level), [writer] if writer is not None else [], key)
