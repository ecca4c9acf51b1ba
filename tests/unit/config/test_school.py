"""What is written becomes the policy values of the model."""

from datetime import date, time

import pytest

from filterd.config.load import default_config, loads
from filterd.config.school import school
from filterd.model.errors import ConfigError
from filterd.model.group import (
    ALWAYS,
    BlockAnswer,
    BlockStyle,
    Category,
    RuleBook,
    ScheduledBlock,
    Service,
    Window,
)
from filterd.policy.rulebook import default_directory, load_rulebook

BOOK = RuleBook(
    categories=(Category("games", 12), Category("social", 16), Category("malware", ALWAYS)),
    services=(
        Service("chat", "Chat", "social", ("chat.example",)),
        Service("games-shop", "S", "games", ("s.example",)),
    ),
    safe_search=(),
    must_not_block=("protected.example",),
    canaries=(),
    bypass=(),
    brackets=(("primary", 6), ("grade-3", 8), ("staff", 18)),
    schemes=(("film:t13", 13), ("film:c", ALWAYS)),
)
TEXT = """
default_group: third
groups:
  third:
    grade: 3
    networks: [192.0.2.0/24]
    lists: [own]
    categories: {games: allow, social: block}
    services: {block: [chat]}
    schedules:
      - {during: hours, block: [games, "service:chat", own]}
      - {outside: hours, block: all}
    answer: {style: nxdomain, ttl: 5m}
    youtube: strict
  teachers: {age: staff, categories: {games: film:t13}}
clients:
  tv: {group: teachers, ids: ["02:00:00:00:00:01"], tags: [device_tv]}
schedules:
  hours:
    windows: [{days: mon-fri, from: 07:00, to: 11:30}]
    off: [2027-02-04..2027-02-05]
    extra: {2026-12-19: [{from: 08:00, to: 09:00}]}
categories: {social: 15}
lists:
  own: {format: domains, path: own.txt, category: games, min_age: film:t13, trusted: true, action: allow}
allow: [a.example]
block: [b.example]
rebind: {exceptions: [in.example]}
"""


def test_everything_arrives() -> None:
    made = school(loads(TEXT, book=BOOK), BOOK)
    third, teachers = made.groups
    assert (third.name, third.age, teachers.age, made.default_group) == ("third", 8, 18, "third")
    assert third.lists == {"own"}
    assert teachers.lists is None
    assert dict(third.categories) == {"games": None, "social": ALWAYS}
    assert dict(teachers.categories) == {"games": 13}
    assert third.block_services == {"chat"}
    assert third.answer == BlockAnswer(BlockStyle.NXDOMAIN, 300)
    assert teachers.answer == BlockAnswer()
    assert third.blocks == (
        ScheduledBlock(
            "hours",
            categories=frozenset({"games"}),
            services=frozenset({"chat"}),
            lists=frozenset({"own"}),
        ),
        ScheduledBlock("hours", outside=True, everything=True),
    )
    assert made.networks == (("192.0.2.0/24", "third"),)
    (tv,) = made.clients
    assert (tv.group, tv.ids, tv.tags) == ("teachers", ("02:00:00:00:00:01",), {"device_tv"})
    (hours,) = made.schedules
    assert hours.windows == (Window(frozenset(range(5)), time(7), time(11, 30)),)
    assert hours.off == {date(2027, 2, 4), date(2027, 2, 5)}
    assert hours.extra == ((date(2026, 12, 19), ((time(8), time(9)),)),)
    (own,) = made.lists
    assert (own.category, own.min_age, own.allow, own.wide, own.path) == (
        "games",
        13,
        True,
        True,
        "own.txt",
    )
    assert made.category_ages == (("social", 15),)
    assert (made.allow, made.block, made.rebind_exceptions) == (
        ("a.example",),
        ("b.example",),
        ("in.example",),
    )


@pytest.mark.parametrize(
    ("change", "part"),
    [
        ("categories: {games: allow, social: block}", "categories: {gmes: allow}"),
        ("services: {block: [chat]}", "services: {block: [chta]}"),
        ("grade: 3", "age: film:c"),
        ("grade: 3", "grade: 4"),
        ("grade: 3", "age: kindergarden"),
        ("[games, ", "[gamez, "),
        ('"service:chat"', '"category:chat"'),
        ("categories: {social: 15}", "categories: {malware: 3}"),
        ("categories: {games: allow, social: block}", "categories: {malware: allow}"),
        ("min_age: film:t13", "min_age: film:t14"),
        ("block: [b.example]", "block: [sub.protected.example]"),
        ("category: games, min", "category: gamse, min"),
    ],
)
def test_names_the_rule_book_does_not_define(change: str, part: str) -> None:
    assert change in TEXT
    text = TEXT.replace(change, part)
    with pytest.raises(ConfigError) as at_load:
        loads(text, book=BOOK)
    with pytest.raises(ConfigError) as at_school:
        school(loads(text), BOOK)
    assert len(at_load.value.problems) == len(at_school.value.problems) == 1
    assert "(line " in at_load.value.problems[0]


def test_a_bare_name_that_is_two_things_must_say_which() -> None:
    text = TEXT.replace("own:", "games:", 1).replace("[own]", "[games]").replace(", own]", "]")
    with pytest.raises(ConfigError, match="allowed: category:games or list:games"):
        loads(text, book=BOOK)


def test_the_defaults_fit_the_shipped_rule_book() -> None:
    made = school(default_config(), load_rulebook(default_directory()))
    ages = {group.name: group.age for group in made.groups}
    assert ages == {
        "preschool": 3,
        "primary": 6,
        "grade-3": 8,
        "grades-6-7": 11,
        "grades-8-9": 13,
        "grades-10-12": 15,
        "staff": 18,
    }
    assert dict(made.networks)["127.0.0.3/32"] == "grade-3"
