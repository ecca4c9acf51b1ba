"""From what is written to what it means: `Config` and the rule book become a `School`."""

from datetime import date, time

from filterd.config.calendar import days_of
from filterd.config.groups import EVERYTHING, AnswerConfig, GroupConfig, ScheduleUseConfig
from filterd.config.lists import ListConfig
from filterd.config.references import Known, reference_problems
from filterd.config.schedules import ScheduleConfig
from filterd.config.schema import Config
from filterd.model.errors import ConfigError
from filterd.model.group import (
    ALWAYS,
    BlockAnswer,
    BlockStyle,
    Client,
    Group,
    ListSpec,
    Override,
    RuleBook,
    Schedule,
    ScheduledBlock,
    School,
    Window,
)


def school(config: Config, book: RuleBook, overrides: tuple[Override, ...] = ()) -> School:
    """Return the school's policy; names of ages, categories and services are those of `book`.

    Raises:
        ConfigError: a name that the rule book or the configuration does not define.
    """
    known = Known.of(
        {"groups": config.groups, "lists": config.lists, "schedules": config.schedules}, book, None
    )
    problems = tuple(str(each) for each in reference_problems(config, known))
    if problems:
        raise ConfigError(problems)
    ages = dict((*book.brackets, *book.schemes))
    return School(
        groups=tuple(
            _group(name, each, config, known, ages) for name, each in config.groups.items()
        ),
        default_group=config.default_group,
        lists=tuple(_list(name, each, ages) for name, each in config.lists.items()),
        clients=tuple(
            Client(name, each.group, each.ids, frozenset(each.tags))
            for name, each in config.clients.items()
        ),
        networks=tuple(
            (network, name) for name, each in config.groups.items() for network in each.networks
        ),
        schedules=tuple(_schedule(name, each) for name, each in config.schedules.items()),
        allow=config.allow,
        block=config.block,
        overrides=overrides,
        rebind_protection=config.rebind.protect,
        rebind_exceptions=config.rebind.exceptions,
        timezone=config.timezone,
        category_ages=tuple((name, _age(age, ages)) for name, age in config.categories.items()),
    )


def _group(
    name: str, group: GroupConfig, config: Config, known: Known, ages: dict[str, int]
) -> Group:
    age = group.age if group.age is not None else f"grade-{group.grade}"
    return Group(
        name=name,
        age=_age(age, ages),
        lists=None if group.lists is None else frozenset(group.lists),
        categories=tuple(
            (category, _setting(setting, ages)) for category, setting in group.categories.items()
        ),
        block_services=frozenset(group.services.block),
        allow_services=frozenset(group.services.allow),
        blocks=tuple(_scheduled(use, known) for use in group.schedules),
        allow_only=group.allow_only,
        allow=group.allow,
        block=group.block,
        safe_search=group.safe_search,
        youtube=group.youtube,
        answer=_answer(group.answer or config.blocking),
        filtered=group.filtered,
        bypass_protection=group.bypass_protection,
    )


def _age(age: int | str, ages: dict[str, int]) -> int:
    return age if isinstance(age, int) else ages[age]


def _setting(setting: int | str, ages: dict[str, int]) -> int | None:
    if setting == "allow":
        return None
    return ALWAYS if setting == "block" else _age(setting, ages)


def _scheduled(use: ScheduleUseConfig, known: Known) -> ScheduledBlock:
    names: dict[str, set[str]] = {"category": set(), "service": set(), "list": set()}
    for written in use.block:
        prefix, colon, rest = written.partition(":")
        if colon and prefix in names:
            names[prefix].add(rest)
        elif written in (known.categories or ()):
            names["category"].add(written)
        elif written in (known.services or ()):
            names["service"].add(written)
        elif written != EVERYTHING:
            names["list"].add(written)
    return ScheduledBlock(
        schedule=use.during or use.outside or "",
        outside=use.outside is not None,
        everything=use.block == (EVERYTHING,),
        categories=frozenset(names["category"]),
        services=frozenset(names["service"]),
        lists=frozenset(names["list"]),
    )


def _answer(answer: AnswerConfig) -> BlockAnswer:
    return BlockAnswer(BlockStyle(answer.style), answer.ttl, answer.ipv4, answer.ipv6)


def _schedule(name: str, schedule: ScheduleConfig) -> Schedule:
    extra: tuple[tuple[date, tuple[tuple[time, time], ...]], ...] = tuple(
        (day, tuple((span.start, span.end) for span in spans))
        for day, spans in sorted(schedule.extra.items())
    )
    return Schedule(
        name=name,
        windows=tuple(Window(each.days, each.start, each.end) for each in schedule.windows),
        off=frozenset(day for span in schedule.off for day in days_of(span)),
        extra=extra,
    )


def _list(name: str, each: ListConfig, ages: dict[str, int]) -> ListSpec:
    return ListSpec(
        name=name,
        format=each.format,
        url=each.url,
        path=None if each.path is None else str(each.path),
        allow=each.action == "allow",
        category=each.category,
        min_age=None if each.min_age is None else _age(each.min_age, ages),
        mandatory=each.mandatory,
        subdomains=each.subdomains,
        wide=each.trusted,
        zone=each.zone,
    )
