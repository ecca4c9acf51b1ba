"""The plan: groups, classes and moments as the tables that the core decides with.

The core reads it in `rust/crates/filterd-core/src/plan.rs`; every number it needs is worked out
here, so it holds no policy of its own. A plan is right from `now` to its horizon; `next_build`
says when to make the next one.

It is put together from parts that are worked out apart: an `Outline` (groups, timetables,
clients) and one `Layer` for each index. Whoever keeps them makes the next plan, with one layer
changed, in the time that the changed layer takes.
"""

import json
from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from zoneinfo import ZoneInfo

from filterd.model.client_id import IdKind, kind_of
from filterd.model.errors import RulesError
from filterd.model.group import ALWAYS, Group, RuleBook, School
from filterd.model.rule import Condition
from filterd.policy.ages import category_ages
from filterd.policy.classes import ClassTable, Origin, RuleClass
from filterd.policy.classes_json import rewrite_out
from filterd.policy.overlay import expiry
from filterd.policy.reason_text import class_ede, closed_text, default_text
from filterd.policy.schedule import DAY, Timeline, timeline
from filterd.policy.segments import Frame, LayerRanks, Turn, frame_of

HORIZON_DAYS = 8
MOMENTS = 16  # ends of overrides that one plan knows; each costs every table a copy


@dataclass(frozen=True, slots=True)
class PlanOptions:
    """How a plan is made. `addresses` maps a client's id that is no network to where it was last
    seen; `language` of texts in answers is "vi" or "en".
    """

    addresses: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    language: str = "vi"


DEFAULT_OPTIONS = PlanOptions()


@dataclass(frozen=True, slots=True)
class Outline:
    """A plan without its rules. `heads` are the groups' JSON up to their segments, `rest` that of
    clients and networks; `titles` and `illegal` are for texts in answers.
    """

    frame: Frame
    heads: tuple[str, ...]
    rest: str
    language: str
    titles: Mapping[str, str]
    illegal: frozenset[str]


@dataclass(frozen=True, slots=True)
class Layer:
    """The part of a plan that one index's classes give: their JSON, and their ranks."""

    size: int
    classes: str
    ranks: LayerRanks


def build_plan(
    school: School,
    rulebook: RuleBook,
    layers: Sequence[ClassTable],
    now: float,
    options: PlanOptions = DEFAULT_OPTIONS,
) -> str:
    """Return the plan as JSON. `layers` are the class tables of the snapshot's indexes, in order.

    Raises:
        RulesError: a name that refers to nothing (configuration checks rule that out).
    """
    outline = outline_of(school, rulebook, now, options)
    return put_together(outline, [layer_of(outline, table) for table in layers], now)


def outline_of(
    school: School, rulebook: RuleBook, now: float, options: PlanOptions = DEFAULT_OPTIONS
) -> Outline:
    """Return all of a plan that rules have no part in.

    Raises:
        RulesError: as `build_plan`.
    """
    ages = category_ages(rulebook, school)
    try:
        frame = frame_of(school, ages, _timelines(school, now), int(now))
        rest = _rest(school, options.addresses)
    except KeyError as error:
        raise RulesError(f"the policy refers to {error}, which is not there") from error
    language = options.language
    titles = {c.name: (c.title_vi if language == "vi" else c.title_en) for c in rulebook.categories}
    titles |= {service.name: service.title for service in rulebook.services}
    return Outline(
        frame=frame,
        heads=tuple(_dump(_group_out(group, language))[1:-1] for group in school.groups),
        rest=rest,
        language=language,
        titles={name: title for name, title in titles.items() if title},
        illegal=frozenset(c.name for c in rulebook.categories if c.min_age >= ALWAYS),
    )


def moved(outline: Outline, school: School, addresses: Mapping[str, tuple[str, ...]]) -> Outline:
    """Return `outline` with clients at other addresses; layers of the one fit the other."""
    return replace(outline, rest=_rest(school, addresses))


def layer_of(outline: Outline, table: ClassTable) -> Layer:
    """Return the part of one index."""
    classes = [_class_out(rule, outline) for rule in table.classes]
    return Layer(len(classes), _dump(classes)[1:-1], LayerRanks(outline.frame, table.classes))


def put_together(outline: Outline, layers: Sequence[Layer], now: float) -> str:
    """Return the plan of an outline and the layers of the snapshot's indexes, in order.

    `now` (unix seconds) is not before the outline's; ends of rules behind it are worked out.
    """
    tables: dict[tuple[int, ...], int] = {}
    last = _last_end(layers, now)
    segments: dict[tuple[int, ...], str] = {}
    groups = []
    for number, (member, head) in enumerate(zip(outline.frame.members, outline.heads, strict=True)):
        key = (id(member.turns), *(layer.ranks.policy(number) for layer in layers))
        if key not in segments:
            segments[key] = _segments(number, member.turns, layers, tables, (now, last))
        groups.append(f'{{{head},"segments":[{segments[key]}]}}')
    rows = (
        ",".join(layer.ranks.rows[n] for layer, n in zip(layers, table, strict=True) if layer.size)
        for table in tables
    )
    return "".join(
        (
            f'{{"classes":[{",".join(layer.classes for layer in layers if layer.size)}]',
            f',"layers":{[layer.size for layer in layers]}',
            f',"ranks":[{",".join(f"[{row}]" for row in rows)}]',
            f',"groups":[{",".join(groups)}],{outline.rest}}}',
        )
    )


def next_build(school: School, now: float, made_at: float | None = None) -> float | None:
    """Return when (unix seconds) a plan of `now` should be made anew; None: never.

    For schedules, worked out at `made_at` (`now` if not given), a day before the horizon, so that
    a node that slept over the moment still has a day in hand; for overrides when half of the ends
    that a plan knows have passed.
    """
    moments = []
    if any(group.blocks and group.filtered for group in school.groups):
        start = now if made_at is None else made_at
        moments.append(start + max(HORIZON_DAYS - 1, 1) * DAY)
    ends = sorted({ends for o in school.overrides if (ends := expiry(o, school)) > now})
    if len(ends) > MOMENTS:
        moments.append(float(ends[MOMENTS // 2]))
    return min(moments, default=None)


def next_ends(layers: Sequence[Layer], now: float) -> int | None:
    """Return when (unix seconds) half of the ends of rules have passed that a plan of `now` knows,
    and others come into its reach; None: it knows them all.
    """
    ends = _ends(layers, now)
    return ends[MOMENTS // 2] if len(ends) > MOMENTS else None


def _last_end(layers: Sequence[Layer], now: float) -> int:
    """Return the last end of a rule that this plan is to know, 0 where none ends."""
    ends = _ends(layers, now)[:MOMENTS]
    return ends[-1] if ends else 0


def _ends(layers: Sequence[Layer], now: float) -> list[int]:
    return sorted({end for layer in layers for end in layer.ranks.every_end() if end > now})


def _segments(
    member: int,
    turns: Sequence[Turn],
    layers: Sequence[Layer],
    tables: dict[tuple[int, ...], int],
    span: tuple[float, int],
) -> str:
    """Return the JSON of a group's segments. `tables` numbers the rank tables, one row of each
    layer; `span` is now and the last end of a rule that counts.
    """
    now, last = span
    starts = [turn.start for turn in turns]
    ends = {end for layer in layers for end in layer.ranks.ends(member) if now < end <= last}
    passed, known = 0, dict[tuple[int, int], int]()
    found: list[tuple[int, int, bool]] = []
    for moment in sorted({*starts, *ends}) if ends else starts:
        turn = turns[bisect_right(starts, moment) - 1]
        passed += moment in ends
        table = known.get((turn.phase, passed))
        if table is None:
            at = max(moment, int(now))
            row = tuple(layer.ranks.number(member, turn.phase, at) for layer in layers)
            table = known[turn.phase, passed] = tables.setdefault(row, len(tables))
        if not found or found[-1][1:] != (table, turn.closed):
            found.append((moment, table, turn.closed))
    return ",".join(
        f'{{"from":{start},"ranks":{table},"closed":{"true" if closed else "false"}}}'
        for start, table, closed in found
    )


def _dump(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def _timelines(school: School, now: float) -> dict[str, Timeline]:
    zone = ZoneInfo(school.timezone)
    return {s.name: timeline(s, int(now), HORIZON_DAYS, zone) for s in school.schedules}


def _group_out(group: Group, language: str) -> dict[str, object]:
    answer = group.answer
    return {
        "name": group.name,
        "filtered": group.filtered and group.bypass_protection,
        "default": "block" if group.allow_only and group.filtered else "pass",
        "answer": {
            "style": answer.style.value,
            "ttl": answer.ttl,
            "ipv4": answer.ipv4,
            "ipv6": answer.ipv6,
        },
        "ede_default": default_text(language),
        "ede_closed": closed_text(language),
    }


def _class_out(rule: RuleClass, outline: Outline) -> dict[str, object]:
    out: dict[str, object] = {"action": rule.action.value, **_condition_out(rule.condition)}
    if rule.origin is Origin.SAFE_SEARCH:
        out["late"] = True
    if rule.zone is not None:
        out["zone"] = rule.zone
    if rule.rewrite is not None:
        out["rewrite"] = rewrite_out(rule.rewrite)
    ede, text = class_ede(rule, outline.language, outline.titles, outline.illegal)
    if ede:
        out["ede"] = ede
        out["ede_text"] = text
    return out


def _condition_out(condition: Condition) -> dict[str, object]:
    parts: dict[str, frozenset[int] | frozenset[str]] = {
        "qtypes": condition.qtypes,
        "not_qtypes": condition.not_qtypes,
        "clients": condition.clients,
        "not_clients": condition.not_clients,
        "tags": condition.tags,
        "not_tags": condition.not_tags,
        "denyallow": condition.denyallow,
    }
    return {name: sorted(part) for name, part in parts.items() if part}


def _rest(school: School, addresses: Mapping[str, tuple[str, ...]]) -> str:
    places = {group.name: n for n, group in enumerate(school.groups)}
    rest = {
        "default_group": places[school.default_group],
        "clients": [
            {"name": c.name, "group": places[c.group], "tags": sorted(c.tags)}
            for c in school.clients
        ],
        "prefixes": _prefixes(school, places, addresses),
    }
    return _dump(rest)[1:-1]


def _prefixes(
    school: School, places: Mapping[str, int], addresses: Mapping[str, tuple[str, ...]]
) -> list[tuple[str, int, int]]:
    """Return (network, group, client or -1). Of equal networks the last counts: a client's own
    address beats where it was seen, in the order of `IdKind`, and that beats a group's network.
    """
    found = [(network, places[group], -1) for network, group in school.networks]
    known: dict[IdKind, list[tuple[str, int, int]]] = {kind: [] for kind in IdKind}
    for n, client in enumerate(school.clients):
        group = places[client.group]
        for text in client.ids:
            kind = kind_of(text)
            if kind is IdKind.NETWORK:
                known[kind].append((text, group, n))
                continue
            key = text.lower().replace("-", ":") if kind is IdKind.MAC else text
            seen = (address.partition("%")[0] for address in addresses.get(key, ()))
            known[kind].extend((address, group, n) for address in seen)
    return [*found, *(each for kind in sorted(known) for each in known[kind])]
