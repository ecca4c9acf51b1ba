"""Who wins: every pair of steps, the order inside step 7, and what each origin stands for."""

from dataclasses import replace
from datetime import UTC, datetime, time
from itertools import combinations

import pytest

from filterd.formats.registry import by_name
from filterd.model.group import (
    Group,
    ListSpec,
    Override,
    SafeSearch,
    Schedule,
    ScheduledBlock,
    Service,
    Window,
)
from filterd.model.rule import Action
from filterd.model.verdict import Step
from filterd.policy.classes import Origin, RuleClass
from filterd.policy.precedence import NOT_APPLICABLE, Why, home, policy_of, rank, standing
from tests.support.policy_world import BOOK, NOW, Core, Plain, World, list_spec

X = "x.test"
ALL_DAY = Schedule("always", (Window(frozenset(range(7)), time(0), time(0)),))
LATER = datetime.fromtimestamp(NOW + 3600, UTC)

# For each way to reach a step: what it adds to the world, and the verdict it gives alone.
WAYS = {
    "must-not-block": (1, "pass"),
    "order": (2, "block"),
    "override": (3, "allow"),
    "closed": (4, "block"),
    "scheduled-category": (4, "block"),
    "local-allow": (5, "allow"),
    "group-allow": (5, "allow"),
    "allowed-service": (5, "allow"),
    "local-block": (6, "block"),
    "group-block": (6, "block"),
    "blocked-service": (6, "block"),
    "bypass": (6, "block"),
    "list-allow": (7, "allow"),
    "list-block": (7, "block"),
    "age": (8, "block"),
    "allow-only": (9, "block"),
}


def world_of(ways):
    group, book, school, lists = Group("g", 10), BOOK, {}, {}
    for way in ways:
        match way:
            case "must-not-block":
                book = replace(book, must_not_block=(X,))
            case "order":
                lists[list_spec("order", mandatory=True)] = X
            case "override":
                school["overrides"] = (Override(X, LATER, "lesson", "teacher"),)
            case "closed" | "scheduled-category":
                school["schedules"] = (ALL_DAY,)
                block = (
                    ScheduledBlock("always", everything=True)
                    if way == "closed"
                    else ScheduledBlock("always", categories=frozenset({"maps"}))
                )
                if way != "closed":
                    book = replace(book, demo=(*book.demo, (X, "maps")))
                group = replace(group, blocks=(block,))
            case "local-allow":
                school["allow"] = (X,)
            case "local-block":
                school["block"] = (X,)
            case "group-allow":
                group = replace(group, allow=(X,))
            case "group-block":
                group = replace(group, block=(X,))
            case "allowed-service" | "blocked-service":
                book = replace(book, services=(*book.services, Service(way, way, "maps", (X,))))
                field = "allow_services" if way == "allowed-service" else "block_services"
                group = replace(group, **{field: frozenset({way})})
            case "bypass":
                book = replace(book, bypass=(X,))
            case "list-allow":
                lists[list_spec("exceptions", allow=True)] = X
            case "list-block":
                lists[list_spec("blocks")] = X
            case "age":
                book = replace(book, demo=(*book.demo, (X, "games")))
            case "allow-only":
                group = replace(group, allow_only=True)
    return World(groups=(group,), book=book, lists=lists, school=school)


@pytest.mark.parametrize("engine", [Plain, Core])
@pytest.mark.parametrize("way", WAYS)
def test_a_way_alone_decides_on_its_step(engine, way):
    outcome = engine(world_of([way])).decide(X)
    assert (outcome.step, outcome.kind) == WAYS[way]


@pytest.mark.parametrize("engine", [Plain, Core])
@pytest.mark.parametrize(
    "pair", [p for p in combinations(WAYS, 2) if WAYS[p[0]][0] < WAYS[p[1]][0]]
)
def test_of_two_steps_the_lower_number_wins(engine, pair):
    outcome = engine(world_of(pair)).decide("sub." + X)
    assert (outcome.step, outcome.kind) == WAYS[pair[0]]


@pytest.mark.parametrize("engine", [Plain, Core])
def test_inside_step_seven(engine):
    order = [
        ("$dnsrewrite rewrite", "rewrite"),
        ("important allow", "allow"),
        ("important block", "block"),
        ("allow", "allow"),
        ("block", "block"),
        ("rewrite", "rewrite"),
    ]
    for n in range(len(order)):
        text = "\n".join(f"{words} {X}" for words, _ in order[n:])
        outcome = engine(World(lists={list_spec("l"): text})).decide(X)
        assert (outcome.step, outcome.kind) == (7, order[n][1]), order[n]


@pytest.mark.parametrize("engine", [Plain, Core])
def test_an_exception_from_rewrites_lifts_only_them(engine):
    text = f"$dnsrewrite rewrite {X}\nunrewrite {X}\nblock {X}"
    world = World(lists={list_spec("l"): text})
    assert engine(world).decide(X).kind == "block"


@pytest.mark.parametrize("engine", [Plain, Core])
def test_no_list_lifts_the_rewrite_of_an_order(engine):
    order, other = list_spec("order", mandatory=True), list_spec("other")
    world = World(lists={order: f"$dnsrewrite rewrite {X}", other: f"unrewrite {X}"})
    outcome = engine(world).decide(X)
    assert (outcome.step, outcome.kind) == (2, "rewrite")


@pytest.mark.parametrize("engine", [Plain, Core])
def test_an_unfiltered_group_sees_orders_and_local_rules_only(engine):
    group = replace(
        Group("g", 10, filtered=False, allow_only=True),
        blocks=(ScheduledBlock("always", everything=True),),
    )
    for way, sees in {
        "must-not-block": True, "order": True, "override": True, "local-allow": True,
        "local-block": True, "list-block": False, "age": False, "bypass": False,
    }.items():  # fmt: skip
        world = world_of([way])
        world.groups = (group,)
        world.school["schedules"] = (ALL_DAY,)
        step, kind = WAYS[way] if sees else (9, "pass")
        outcome = engine(world).decide(X)
        assert (outcome.step, outcome.kind) == (step, kind), way


@pytest.mark.parametrize("engine", [Plain, Core])
def test_safe_search_rewrites_what_is_not_blocked(engine):
    search = SafeSearch("s", "search", ("www.s.test",), "safe.s.test")
    moderate = SafeSearch("y", "youtube-moderate", ("www.y.test",), "mild.y.test")
    strict = SafeSearch("y", "youtube-strict", ("www.y.test",), "strict.y.test")
    book = replace(BOOK, safe_search=(search, moderate, strict))
    groups = (
        Group("g", 10),
        Group("strict", 8, youtube="strict"),
        Group("off", 18, safe_search=False, youtube="off"),
        Group("narrow", 10, allow_only=True),
        Group("narrow-but", 10, allow_only=True, allow=("s.test",)),
    )
    world = World(groups=groups, book=book)
    decide = engine(world).decide
    assert decide("www.s.test").kind == "rewrite"
    assert decide("www.s.test", qtype=65).kind == "rewrite"
    assert decide("www.s.test", qtype=16).kind == "pass"
    assert decide("s.test").kind == "pass"
    assert decide("www.s.test", "off").kind == "pass"
    assert decide("www.s.test", "narrow").kind == "block"
    assert decide("www.s.test", "narrow-but").kind == "rewrite"
    targets = {
        group: world.classes[decide("www.y.test", group).class_id].rewrite.cname
        for group in ("g", "strict")
    }
    assert targets == {"g": "mild.y.test", "strict": "strict.y.test"}
    assert decide("www.y.test", "off").kind == "pass"
    blocked = World(groups=groups, book=book, school={"block": ("s.test",)})
    assert engine(blocked).decide("www.s.test").kind == "block"


@pytest.mark.parametrize("engine", [Plain, Core])
def test_zones_in_order_and_orders_before_all(engine):
    def zone(name, **fields):
        return ListSpec(name, "rpz", **fields)

    def decide(texts, group=None):
        lists = dict(texts)
        formats = {spec.name: by_name("rpz") for spec in lists}
        world = World(groups=(group or Group("g", 15),), lists=lists, formats=formats)
        outcome = engine(world).decide(X)
        return outcome.step, outcome.kind, outcome.action

    spares, blocks = f"{X} CNAME rpz-passthru.", f"{X} CNAME *."
    assert decide([(zone("a"), spares), (zone("b"), blocks)]) == (7, "allow", "allow")
    assert decide([(zone("a"), blocks), (zone("b"), spares)]) == (7, "block", "nodata")
    order = zone("order", mandatory=True)
    assert decide([(zone("a"), spares), (order, blocks)]) == (2, "block", "nodata")
    # A zone that the group does not use has no say in the order of zones.
    only_b = Group("g", 15, lists=frozenset({"b"}))
    assert decide([(zone("a"), spares), (zone("b"), blocks)], only_b) == (7, "block", "nodata")
    grown = zone("a", category="adult")
    assert decide([(grown, f"{X} A 192.0.2.7")]) == (8, "rewrite", "rewrite")
    assert decide([(grown, spares), (zone("b"), blocks)], Group("g", 18))[1] == "block"


def standing_of(rule, group):
    return standing(rule, policy_of(group, {"games": 12, "illegal": 255}))


def test_lists_of_a_group_and_age():
    rule = RuleClass(Origin.LIST, list="l", category="games")
    assert standing_of(rule, Group("g", 11)).rank == rank(Step.AGE)
    assert standing_of(rule, Group("g", 12)).why is Why.OLD_ENOUGH
    assert standing_of(rule, Group("g", 11, lists=frozenset())).why is Why.LIST_NOT_USED
    exception = RuleClass(Origin.LIST, Action.ALLOW, list="l", category="games")
    assert standing_of(exception, Group("g", 11)).rank == rank(Step.LIST, 4)
    assert not standing_of(exception, Group("g", 12)).applies
    allow_list = RuleClass(Origin.LIST, Action.ALLOW, list="l", category="games", allow_list=True)
    assert standing_of(allow_list, Group("g", 12)).rank == rank(Step.LIST, 4)
    illegal = RuleClass(Origin.LIST, list="l", category="illegal")
    assert standing_of(illegal, Group("staff", 18)).rank == rank(Step.AGE)


def test_home_agrees_with_standing_wherever_a_rule_applies():
    group = Group("g", 3, block_services=frozenset({"s"}), allow_services=frozenset({"s"}))
    for origin in Origin:
        for action in (Action.BLOCK, Action.ALLOW):
            for mandatory in (False, True):
                service = "s" if origin is Origin.SERVICE else None
                rule = RuleClass(
                    origin, action, mandatory=mandatory and origin is Origin.LIST,
                    service=service, kind="search",
                )  # fmt: skip
                place = standing_of(rule, group)
                blocked_service = origin is Origin.SERVICE and action is Action.BLOCK
                if place.rank != NOT_APPLICABLE and not blocked_service:
                    assert place.rank >> 8 == home(rule), rule


def test_ranks_leave_room_for_orders_and_fit_the_core():
    ranks = [rank(step, order) for step in Step for order in (0, 255)]
    assert ranks == sorted(set(ranks))
    assert ranks[-1] < NOT_APPLICABLE
