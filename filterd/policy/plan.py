"""The plan: groups, classes and moments as the tables that the core decides with.

The core reads it in `rust/crates/filterd-core/src/plan.rs`; every number it needs is worked out
here, so it holds no policy of its own. A plan is right from `now` to its horizon; `next_build`
says when to make the next one.
"""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from zoneinfo import ZoneInfo

from filterd.model.errors import RulesError
from filterd.model.group import ALWAYS, Group, RuleBook, School
from filterd.model.rule import Condition
from filterd.policy.ages import category_ages
from filterd.policy.classes import ClassTable, Origin, RuleClass
from filterd.policy.classes_json import rewrite_out
from filterd.policy.reason_text import class_ede, closed_text, default_text
from filterd.policy.schedule import DAY, Timeline, timeline
from filterd.policy.segments import RankTables, segments_of

HORIZON_DAYS = 8
_MAC = re.compile(r"[0-9a-f]{2}(?:[:-][0-9a-f]{2}){5}")


@dataclass(frozen=True, slots=True)
class PlanOptions:
    """How a plan is made. `addresses` maps a MAC (lower case, colons) to where it was last seen;
    `language` of texts in answers is "vi" or "en".
    """

    horizon_days: int = HORIZON_DAYS
    addresses: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    language: str = "vi"


DEFAULT_OPTIONS = PlanOptions()


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
    classes = [rule for table in layers for rule in table.classes]
    tables = RankTables(classes, category_ages(rulebook, school))
    timelines = _timelines(school, now, options.horizon_days)
    places = {group.name: n for n, group in enumerate(school.groups)}
    try:
        groups = [
            _group_out(group, tables, timelines, int(now), options.language)
            for group in school.groups
        ]
        document = {
            "classes": _classes_out(classes, rulebook, options.language),
            "layers": [len(table) for table in layers],
            "ranks": tables.rows,
            "groups": groups,
            "default_group": places[school.default_group],
            "clients": [
                {"name": c.name, "group": places[c.group], "tags": sorted(c.tags)}
                for c in school.clients
            ],
            "prefixes": _prefixes(school, places, options.addresses),
        }
    except KeyError as error:
        raise RulesError(f"the policy refers to {error}, which is not there") from error
    return json.dumps(document, ensure_ascii=False, separators=(",", ":"))


def next_build(school: School, now: float, horizon_days: int = HORIZON_DAYS) -> float | None:
    """Return when (unix seconds) a plan made at `now` should be made anew; None: never.

    A day before the horizon, so that a node that slept over the moment still has a day in hand.
    Overrides need none: their ends are in the plan however far away.
    """
    if any(group.blocks and group.filtered for group in school.groups):
        return now + max(horizon_days - 1, 1) * DAY
    return None


def _timelines(school: School, now: float, days: int) -> dict[str, Timeline]:
    zone = ZoneInfo(school.timezone)
    return {s.name: timeline(s, int(now), days, zone) for s in school.schedules}


def _group_out(
    group: Group,
    tables: RankTables,
    timelines: Mapping[str, Timeline],
    now: int,
    language: str,
) -> dict[str, object]:
    segments = segments_of(group, tables, timelines, now)
    answer = group.answer
    return {
        "name": group.name,
        "filtered": group.filtered and group.bypass_protection,
        "segments": [{"from": s.start, "ranks": s.ranks, "closed": s.closed} for s in segments],
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


def _classes_out(
    classes: Sequence[RuleClass], rulebook: RuleBook, language: str
) -> list[dict[str, object]]:
    titles = {c.name: (c.title_vi if language == "vi" else c.title_en) for c in rulebook.categories}
    titles |= {service.name: service.title for service in rulebook.services}
    named = {name: title for name, title in titles.items() if title}
    illegal = {category.name for category in rulebook.categories if category.min_age >= ALWAYS}
    return [_class_out(rule, *class_ede(rule, language, named, illegal)) for rule in classes]


def _class_out(rule: RuleClass, ede: int, ede_text: str) -> dict[str, object]:
    out: dict[str, object] = {"action": rule.action.value, **_condition_out(rule.condition)}
    if rule.origin is Origin.SAFE_SEARCH:
        out["late"] = True
    if rule.zone is not None:
        out["zone"] = rule.zone
    if rule.rewrite is not None:
        out["rewrite"] = rewrite_out(rule.rewrite)
    if ede:
        out["ede"] = ede
        out["ede_text"] = ede_text
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


def _prefixes(
    school: School, places: Mapping[str, int], addresses: Mapping[str, tuple[str, ...]]
) -> list[tuple[str, int, int]]:
    """Return (network, group, client or -1). Of equal networks the last counts: a client's own
    address beats where its MAC was seen, and that beats a group's network.
    """
    found = [(network, places[group], -1) for network, group in school.networks]
    given: list[tuple[str, int, int]] = []
    for n, client in enumerate(school.clients):
        group = places[client.group]
        for text in client.ids:
            mac = text.lower().replace("-", ":")
            if _MAC.fullmatch(mac):
                seen = (address.partition("%")[0] for address in addresses.get(mac, ()))
                found.extend((address, group, n) for address in seen)
            else:
                given.append((text, group, n))
    return found + given
