"""Names that one part of a configuration uses and another, or the rule book, must define."""

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import Any

from filterd.config.groups import EVERYTHING, GroupConfig
from filterd.config.problem import Path, Problem, unknown
from filterd.config.schema import Config
from filterd.model.group import ALWAYS, RuleBook
from filterd.model.name import parents


@dataclass(frozen=True, slots=True)
class Known:
    """What may be named. None: not known here, so not checked."""

    groups: frozenset[str]
    lists: frozenset[str]
    schedules: frozenset[str]
    ages: frozenset[str] | None = None
    group_ages: frozenset[str] | None = None  # less the labels that no group can have
    categories: frozenset[str] | None = None
    illegal: frozenset[str] = frozenset()
    services: frozenset[str] | None = None
    formats: frozenset[str] | None = None
    protected: frozenset[str] = frozenset()  # names with their subdomains

    @staticmethod
    def of(
        document: dict[str, Any], book: RuleBook | None, formats: Collection[str] | None
    ) -> "Known":
        """Gather names from the document itself, wrong entries included, and the rule book."""
        groups, lists, schedules = (
            _keys(document, key) for key in ("groups", "lists", "schedules")
        )
        named = Known(groups or frozenset(Config().groups), lists, schedules)
        known_formats = None if formats is None else frozenset(formats)
        if book is None:
            return Known(named.groups, lists, schedules, formats=known_formats)
        return Known(
            named.groups,
            lists,
            schedules,
            frozenset(name for name, _ in (*book.brackets, *book.schemes)),
            frozenset(name for name, age in (*book.brackets, *book.schemes) if age < ALWAYS),
            frozenset(each.name for each in book.categories),
            frozenset(each.name for each in book.categories if each.min_age >= ALWAYS),
            frozenset(each.name for each in book.services),
            known_formats,
            frozenset(book.must_not_block),
        )


def reference_problems(config: Config, known: Known) -> Iterator[Problem]:
    """Yield every name that nothing defines."""
    yield from _check(("default_group",), "group", config.default_group, known.groups)
    for name, client in config.clients.items():
        yield from _check(("clients", name, "group"), "group", client.group, known.groups)
    for name, group in config.groups.items():
        yield from _group(("groups", name), group, known)
    yield from _protected(("block",), config.block, known)
    for name, age in config.categories.items():
        yield from _category(("categories", name), name, age, known)
    for name, each in config.lists.items():
        place: Path = ("lists", name)
        yield from _check((*place, "format"), "format", each.format, known.formats)
        yield from _check((*place, "category"), "category", each.category, known.categories)
        yield from _check((*place, "min_age"), "age", each.min_age, known.ages)

    yield from _http(config, known)
    for index, name in enumerate(config.gateway.egress.groups):
        yield from _check(("gateway", "egress", "groups", index), "group", name, known.groups)


def _http(config: Config, known: Known) -> Iterator[Problem]:
    inspect = config.http.inspect
    for key, names, kind, defined in (
        ("groups", inspect.groups, "group", known.groups),
        ("explain", inspect.explain, "group", known.groups),
        ("categories", inspect.categories, "category", known.categories),
    ):
        for index, name in enumerate(names):
            yield from _check(("http", "inspect", key, index), kind, name, defined)


def _group(place: Path, group: GroupConfig, known: Known) -> Iterator[Problem]:
    yield from _check((*place, "age"), "age", group.age, known.group_ages)
    if group.grade is not None and known.group_ages is not None:
        yield from _check((*place, "grade"), "age", f"grade-{group.grade}", known.group_ages)
    for index, name in enumerate(group.lists or ()):
        yield from _check((*place, "lists", index), "list", name, known.lists)
    for name, setting in group.categories.items():
        yield from _category((*place, "categories", name), name, setting, known)
    yield from _protected((*place, "block"), group.block, known)
    for key, names in (("block", group.services.block), ("allow", group.services.allow)):
        for index, name in enumerate(names):
            yield from _check((*place, "services", key, index), "service", name, known.services)
    for index, use in enumerate(group.schedules):
        here: Path = (*place, "schedules", index)
        key, schedule = (
            ("during", use.during) if use.during is not None else ("outside", use.outside)
        )
        yield from _check((*here, key), "schedule", schedule, known.schedules)
        for number, name in enumerate(use.block):
            yield from _blocked((*here, "block", number), name, known)


def _blocked(place: Path, name: str, known: Known) -> Iterator[Problem]:
    kinds = {"category": known.categories, "service": known.services, "list": known.lists}
    prefix, colon, rest = name.partition(":")
    if colon and prefix in kinds:
        yield from _check(place, prefix, rest, kinds[prefix])
        return
    if name == EVERYTHING or known.categories is None:
        return
    holders = [kind for kind, names in kinds.items() if names is not None and name in names]
    if not holders:
        every = set().union(*(names or frozenset() for names in kinds.values()))
        yield Problem(place, unknown("category, service or list", name, every))
    elif len(holders) > 1:
        choices = " or ".join(f"{kind}:{name}" for kind in holders)
        yield Problem(place, f"{name!r} is more than one thing; allowed: {choices}")


def _category(place: Path, name: str, setting: int | str, known: Known) -> Iterator[Problem]:
    yield from _check(place, "category", name, known.categories)
    if name in known.illegal and setting != "block":
        yield Problem(place, f"{name!r} is blocked for everyone; allowed: only block")
    elif setting not in {"allow", "block"}:
        yield from _check(place, "age", setting, known.ages)


def _protected(place: Path, names: tuple[str, ...], known: Known) -> Iterator[Problem]:
    for index, name in enumerate(names):
        shield = next((each for each in parents(name) if each in known.protected), None)
        if shield is not None:
            yield Problem(
                (*place, index), f"{name} cannot be blocked: rules/must-not-block.yaml has {shield}"
            )


def _check(
    place: Path, kind: str, name: int | str | None, names: frozenset[str] | None
) -> Iterator[Problem]:
    if isinstance(name, str) and names is not None and name not in names:
        yield Problem(place, unknown(kind, name, names))


def _keys(document: dict[str, Any], key: str) -> frozenset[str]:
    section = document.get(key)
    return frozenset(section) if isinstance(section, dict) else frozenset()
