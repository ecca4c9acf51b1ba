"""Everything a verdict depends on, built in one go: configuration to snapshot.

Pure but for opening nothing: what it needs from disk is handed in. A fault raises before anything
changes, so the ruling in force stays.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

from filterd.config.schema import Config
from filterd.config.school import school as school_of
from filterd.core import Index, IndexBuilder, Snapshot
from filterd.lists.index_store import Loaded
from filterd.model.errors import RulesError
from filterd.model.group import ListSpec, Override, RuleBook, School
from filterd.policy.classes import ClassTable, RuleClass
from filterd.policy.classes_json import read_meta, write_meta
from filterd.policy.own_index import NodeNames, add_own
from filterd.policy.plan import PlanOptions, build_plan, next_build


@dataclass(frozen=True, slots=True)
class Inputs:
    """What a ruling is made of. `lists` None: no list has been compiled yet."""

    config: Config
    book: RuleBook
    overrides: tuple[Override, ...] = ()
    lists: Loaded | None = None
    addresses: Mapping[str, tuple[str, ...]] = ()  # type: ignore[assignment]


@dataclass(frozen=True, slots=True)
class Ruling:
    """A snapshot and what its numbers mean. `until`: unix seconds, when to build it anew."""

    inputs: Inputs
    school: School
    tables: tuple[ClassTable, ...]
    classes: tuple[RuleClass, ...]
    snapshot: Snapshot
    made_at: float
    until: float | None


def build_ruling(inputs: Inputs, now: float, number: int) -> Ruling:
    """Return the ruling of `inputs` at `now` (unix seconds), as generation `number`.

    Raises:
        ConfigError: names that nothing defines.
        RulesError: the compiled lists or the plan do not fit.
    """
    config = inputs.config
    school = school_of(config, inputs.book, inputs.overrides)
    builder = IndexBuilder()
    own = add_own(builder, school, inputs.book, now, node_names(config))
    indexes: list[Index] = []
    tables: list[ClassTable] = []
    if inputs.lists is not None:
        indexes.append(inputs.lists.index)
        tables.append(read_meta(inputs.lists.index.meta))
    indexes.append(builder.finish(write_meta(own)))
    tables.append(own)
    options = PlanOptions(addresses=dict(inputs.addresses), language=config.language)
    plan = build_plan(school, inputs.book, tables, now, options)
    return Ruling(
        inputs=inputs,
        school=school,
        tables=tuple(tables),
        classes=tuple(rule for table in tables for rule in table.classes),
        snapshot=_snapshot(indexes, plan, number),
        made_at=now,
        until=next_build(school, now),
    )


def _snapshot(indexes: Sequence[Index], plan: str, number: int) -> Snapshot:
    try:
        return Snapshot(indexes, plan, number)
    except ValueError as error:
        raise RulesError(f"the rules cannot be put in force: {error}") from error


def node_names(config: Config) -> NodeNames:
    """Return the names that the configuration itself gives a meaning or cannot do without."""
    addresses = (*config.upstream.servers, *(s for z in config.upstream.zones.values() for s in z))
    hosts = {server.host for server in addresses if not _is_address(server.host)}
    for each in config.lists.values():
        host = urlsplit(each.url).hostname if each.url else None
        if host is not None and not _is_address(host):
            hosts.add(host)
    local = {record.name.removeprefix("*.") for record in config.records}
    return NodeNames(zones=(*config.upstream.zones, *sorted(local)), needs=tuple(sorted(hosts)))


def _is_address(host: str) -> bool:
    return ":" in host or host.rpartition(".")[2].isdigit()


def list_specs(config: Config, book: RuleBook) -> tuple[ListSpec, ...]:
    """Return the configured lists as values."""
    return school_of(config, book).lists
