"""Everything a verdict depends on, built in one go: configuration to snapshot.

Pure but for opening nothing: what it needs from disk is handed in. A fault raises before anything
changes, so the ruling in force stays.

Nearly all of it stays when something is said by command: the lists' index, that of the
configuration, and their part of the plan are the ruling's `ground`, and what authorities order lies
over it; `reword` builds only the rest.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from urllib.parse import urlsplit

from filterd.config.schema import Config
from filterd.config.school import school as school_of
from filterd.core import Index, IndexBuilder, Snapshot
from filterd.engine import health
from filterd.feed.never import NeverList
from filterd.lists.index_store import Loaded
from filterd.model.errors import RulesError
from filterd.model.group import ListSpec, RuleBook, School
from filterd.model.order import Order
from filterd.policy.classes import ClassTable, RuleClass
from filterd.policy.classes_json import read_meta, write_meta
from filterd.policy.order_base import OrderBase, switched
from filterd.policy.orders import add_orders, next_start
from filterd.policy.overlay import add_overlay
from filterd.policy.own_index import NodeNames, add_own
from filterd.policy.plan import (
    Layer,
    Outline,
    PlanOptions,
    layer_of,
    moved,
    next_build,
    next_ends,
    outline_of,
    put_together,
)
from filterd.policy.said import NOTHING, Said


@dataclass(frozen=True, slots=True)
class Inputs:
    """What a ruling is made of. `lists` None: no list has been compiled yet. What this node
    enforces of the feed are `base`, its compiled orders, and `orders`, those that came since; its
    core of what is never decrypted is `never`, None: it has none.
    """

    config: Config
    book: RuleBook
    said: Said = NOTHING
    lists: Loaded | None = None
    orders: tuple[Order, ...] = ()
    base: OrderBase | None = None
    never: NeverList | None = None
    addresses: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Ground:
    """What stays when something is said by command: indexes, their classes, and their part of the
    plan, worked out from `made_at` (unix seconds) on.
    """

    indexes: tuple[Index, ...]
    tables: tuple[ClassTable, ...]
    outline: Outline
    layers: tuple[Layer, ...]
    made_at: float


@dataclass(frozen=True, slots=True)
class Ordered:
    """What authorities order, as indexes over `ground`: that of the base, if there is one, and that
    of orders since. Until `until` (unix seconds), if given, no further order begins. `off` are the
    classes of the base that are switched off.
    """

    ground: Ground
    indexes: tuple[Index, ...]
    tables: tuple[ClassTable, ...]
    layers: tuple[Layer, ...]
    until: int | None
    base: OrderBase | None = None
    off: frozenset[int] = frozenset()


@dataclass(frozen=True, slots=True)
class Ruling:
    """A snapshot, what it was made of (`indexes`, `plan`), and what its numbers mean. `until`: unix
    seconds, when to build it anew.
    """

    inputs: Inputs
    school: School
    ground: Ground
    ordered: Ordered
    tables: tuple[ClassTable, ...]
    indexes: tuple[Index, ...]
    overlay: Layer
    plan: str
    snapshot: Snapshot
    made_at: float
    until: float | None

    @property
    def classes(self) -> tuple[RuleClass, ...]:
        """The classes of all indexes, by the number that the core knows them by."""
        return tuple(rule for table in self.tables for rule in table.classes)


def build_ruling(inputs: Inputs, now: float, number: int) -> Ruling:
    """Return the ruling of `inputs` at `now` (unix seconds), as generation `number`.

    Raises:
        ConfigError: names that nothing defines.
        RulesError: the compiled lists or the plan do not fit.
    """
    school = school_of(inputs.config, inputs.book)
    ordered = _ordered(inputs, _ground(inputs, school, now), now)
    return _ruling(inputs, school, ordered, now, number)


def reorder(
    ruling: Ruling,
    orders: tuple[Order, ...],
    base: OrderBase | None,
    now: float,
    number: int,
) -> Ruling:
    """Return `ruling` with other orders of authorities. What it costs depends on `orders`, not on
    how many are in `base`, unless other classes of that are switched off.

    Raises:
        RulesError: as `build_ruling`.
    """
    inputs = replace(ruling.inputs, orders=orders, base=base)
    ordered = _ordered(inputs, ruling.ground, now, ruling.ordered)
    return _ruling(inputs, ruling.school, ordered, now, number)


def reword(ruling: Ruling, said: Said, now: float, number: int) -> Ruling:
    """Return `ruling` with something else said by command.

    Raises:
        RulesError: as `build_ruling`.
    """
    inputs = replace(ruling.inputs, said=said)
    ordered = ruling.ordered
    if ruling.until is not None and now >= ruling.until:
        ordered = _ordered(inputs, _ground(inputs, ruling.school, now), now)
    return _ruling(inputs, ruling.school, ordered, now, number)


def readdress(ruling: Ruling, addresses: Mapping[str, tuple[str, ...]]) -> Ruling:
    """Return `ruling` with clients at other addresses. Its rules and what its numbers mean are the
    same, so its generation is, too, and what the cache knows of them stays good.

    Raises:
        RulesError: as `build_ruling`.
    """
    inputs = replace(ruling.inputs, addresses=addresses)
    outline = moved(ruling.ground.outline, ruling.school, addresses)
    ground = replace(ruling.ground, outline=outline)
    layers = (*ground.layers, *ruling.ordered.layers, ruling.overlay)
    plan = put_together(outline, layers, ruling.made_at)
    return replace(
        ruling,
        inputs=inputs,
        ground=ground,
        ordered=replace(ruling.ordered, ground=ground),
        plan=plan,
        snapshot=_snapshot(ruling.indexes, plan, ruling.snapshot.generation),
    )


def _ground(inputs: Inputs, school: School, now: float) -> Ground:
    config, book = inputs.config, inputs.book
    indexes: list[Index] = []
    tables: list[ClassTable] = []
    if inputs.lists is not None:
        indexes.append(inputs.lists.index)
        tables.append(read_meta(inputs.lists.index.meta))
    builder = IndexBuilder()
    own = add_own(builder, school, book, node_names(config))
    indexes.append(builder.finish(write_meta(own)))
    tables.append(own)
    options = PlanOptions(addresses=dict(inputs.addresses), language=config.language)
    outline = outline_of(school, book, now, options)
    layers = tuple(layer_of(outline, table) for table in tables)
    return Ground(tuple(indexes), tuple(tables), outline, layers, now)


def _ordered(inputs: Inputs, ground: Ground, now: float, before: Ordered | None = None) -> Ordered:
    builder = IndexBuilder()
    table = add_orders(builder, inputs.orders, now)
    index, layer = builder.finish(write_meta(table)), layer_of(ground.outline, table)
    base, start = inputs.base, next_start(inputs.orders, now)
    if base is None:
        return Ordered(ground, (index,), (table,), (layer,), start)
    off = base.off_at(now)
    known = (
        before is not None
        and before.base is not None
        and before.ground is ground
        and before.base.index is base.index
        and before.off == off
    )
    if before is not None and known:
        below, under = before.tables[0], before.layers[0]
    else:
        below = switched(base.table, off)
        under = layer_of(ground.outline, below)
    moments = (start, base.next_start(now))
    return Ordered(
        ground=ground,
        indexes=(base.index, index),
        tables=(below, table),
        layers=(under, layer),
        until=min((each for each in moments if each is not None), default=None),
        base=base,
        off=off,
    )


def _ruling(inputs: Inputs, school: School, ordered: Ordered, now: float, number: int) -> Ruling:
    ground = ordered.ground
    school = replace(school, overrides=inputs.said.overrides, rules=inputs.said.rules)
    builder = IndexBuilder()
    overlay = add_overlay(builder, school, now)
    layers = (*ground.layers, *ordered.layers, layer_of(ground.outline, overlay))
    plan = put_together(ground.outline, layers, now)
    indexes = (*ground.indexes, *ordered.indexes, builder.finish(write_meta(overlay)))
    moments = (next_build(school, now, ground.made_at), ordered.until, next_ends(layers, now))
    return Ruling(
        inputs=inputs,
        school=school,
        ground=ground,
        ordered=ordered,
        tables=(*ground.tables, *ordered.tables, overlay),
        indexes=indexes,
        overlay=layers[-1],
        plan=plan,
        snapshot=_snapshot(indexes, plan, number),
        made_at=now,
        until=min((moment for moment in moments if moment is not None), default=None),
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
    hosts.add(health.NAME)
    local = {record.name.removeprefix("*.") for record in config.records}
    return NodeNames(zones=(*config.upstream.zones, *sorted(local)), needs=tuple(sorted(hosts)))


def _is_address(host: str) -> bool:
    return ":" in host or host.rpartition(".")[2].isdigit()


def list_specs(config: Config, book: RuleBook) -> tuple[ListSpec, ...]:
    """Return the configured lists as values."""
    return school_of(config, book).lists
