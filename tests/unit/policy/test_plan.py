"""Plans: sharing, segments, clients, and a random school against a direct reading of its values."""

import json
import re
from dataclasses import replace
from datetime import UTC, datetime, time
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from filterd.model.errors import RulesError
from filterd.model.group import (
    BlockAnswer,
    BlockStyle,
    Client,
    Group,
    Override,
    Schedule,
    ScheduledBlock,
    Service,
    Window,
)
from filterd.policy.own_index import NodeNames
from filterd.policy.plan import PlanOptions, build_plan, moved, next_build, outline_of
from filterd.policy.schedule import DAY, holds
from tests.support.plan_eval import PlanEval
from tests.support.policy_world import BOOK, NOW, Core, Plain, World, list_spec

HANOI = ZoneInfo("Asia/Ho_Chi_Minh")
MORNING = Schedule("morning", (Window(frozenset(range(5)), time(7), time(11)),))
NIGHT = Schedule("night", (Window(frozenset(range(7)), time(21), time(5)),))
NAMES = ("a.test", "b.test", "c.test", "d.test", "www.a.test", "x.test")
LISTS = (
    list_spec("plain"),
    list_spec("grown", category="adult"),
    list_spec("own-age", category="games", min_age=9),
    list_spec("exceptions", allow=True),
    list_spec("order", mandatory=True),
)


def test_groups_with_the_same_policy_share_their_tables():
    groups = tuple(Group(f"g{n}", 6 + n % 2) for n in range(100))
    world = World(groups=groups, lists={list_spec("l", category="adult"): "a.test"})
    world.build()
    assert len(json.loads(world.plan)["ranks"]) == 1  # 6 and 7 are both below every age here
    groups = tuple(Group(f"g{n}", 11 + n % 2) for n in range(100))
    world = World(groups=groups, lists={list_spec("l", category="games"): "a.test"})
    world.build()
    assert len(json.loads(world.plan)["ranks"]) == 2


def test_segments_follow_schedules_and_overrides():
    ends = datetime.fromtimestamp(NOW + 1800, UTC)
    block = ScheduledBlock("morning", everything=True)
    group = Group("g", 10, blocks=(block,))
    world = World(
        groups=(group, Group("h", 10)),
        school={
            "schedules": (MORNING,),
            "overrides": (Override("a.test", ends, "lesson", "teacher", "g"),),
        },
    )
    plain = Plain(world)
    segments = plain.eval.groups["g"]["segments"]
    assert [s["from"] for s in segments][:3] == [0, NOW + 1800, NOW + 2 * 3600]
    assert len(plain.eval.groups["h"]["segments"]) == 1
    assert plain.decide("a.test").step == 3
    assert plain.decide("a.test", at=NOW + 1799).step == 3
    assert plain.decide("a.test", at=NOW + 1800).step == 4
    assert plain.decide("a.test", at=NOW + 2 * 3600).kind == "pass"
    assert plain.decide("a.test", "h").kind == "pass"


def test_outside_a_schedule():
    block = ScheduledBlock("morning", outside=True, lists=frozenset({"plain"}))
    group = Group("g", 10, lists=frozenset(), blocks=(block,))
    world = World(groups=(group,), lists={LISTS[0]: "a.test"}, school={"schedules": (MORNING,)})
    decide = Plain(world).decide
    assert decide("a.test").kind == "pass"
    assert decide("a.test", at=NOW + 2 * 3600).step == 4
    assert decide("b.test", at=NOW + 2 * 3600).kind == "pass"


def test_an_expired_override_is_not_even_in_the_index():
    past = datetime.fromtimestamp(NOW, UTC)
    world = World(school={"overrides": (Override("a.test", past, "r", "b"),), "block": ("a.test",)})
    assert Plain(world).decide("a.test").step == 6
    assert not any(rule.expires for rule in world.classes)


def test_a_plan_with_schedules_asks_for_the_next_one_before_its_horizon():
    world = World(groups=(Group("g", 10, blocks=(ScheduledBlock("morning", everything=True),)),),
                  school={"schedules": (MORNING,)})  # fmt: skip
    world.build()
    due = next_build(world.value, NOW)
    assert NOW < due < NOW + 8 * DAY
    assert json.loads(world.plan)["groups"][0]["segments"][-1]["from"] > due - DAY
    quiet = World()
    quiet.build()
    assert next_build(quiet.value, NOW) is None


def test_clients_networks_and_macs():
    groups = (Group("default", 6), Group("room", 10), Group("staff", 18))
    clients = (
        Client("desk", "staff", ("10.0.5.9", "AA-BB-CC-00-11-22"), frozenset({"user_admin"})),
        Client("lab", "room", ("2001:db8:5::/48",)),
    )
    addresses = {"aa:bb:cc:00:11:22": ("10.0.7.7", "fe80::1%eth0")}
    world = World(
        groups=groups,
        school={"clients": clients, "networks": (("10.0.0.0/16", "room"),)},
        options=PlanOptions(addresses=addresses),
    )
    group_of = Plain(world).eval.group_of
    for address, group in {
        "10.0.5.9": "staff", "10.0.7.7": "staff", "fe80::1": "staff", "10.0.5.8": "room",
        "2001:db8:5::1": "room", "192.0.2.1": "default",
    }.items():  # fmt: skip
        assert group_of(address) == group
    plan = json.loads(world.plan)
    assert plan["clients"][0] == {"name": "desk", "group": 2, "tags": ["user_admin"]}


def test_what_was_vouched_for_comes_before_what_a_device_says():
    ids = ("host:pc", "aa:bb:cc:00:11:22", "class:8b", "user:alice", "192.0.2.5")
    groups = tuple(Group(f"g{n}", 6) for n in range(6))
    for known in range(1, len(ids) + 1):
        clients = tuple(Client(f"c{n}", f"g{n}", (ids[n],)) for n in reversed(range(known)))
        addresses = dict.fromkeys(ids, ("192.0.2.5",))
        world = World(
            groups=groups,
            school={"clients": clients, "networks": (("192.0.2.0/24", "g5"),)},
            options=PlanOptions(addresses=addresses),
        )
        group_of = Plain(world).eval.group_of
        assert group_of("192.0.2.5") == f"g{known - 1}"
        assert group_of("192.0.2.6") == "g5"


def test_clients_that_moved_change_nothing_else():
    clients = (Client("desk", "staff", ("aa:bb:cc:00:11:22",)),)
    groups = (Group("default", 6), Group("staff", 18))
    there = {"aa:bb:cc:00:11:22": ("192.0.2.5",)}
    world = World(groups=groups, school={"clients": clients})
    world.build()
    school = world.value
    outline = outline_of(school, BOOK, NOW)
    gone = moved(outline, school, there)
    anew = outline_of(school, BOOK, NOW, PlanOptions(addresses=there))
    assert "192.0.2.5" not in outline.rest
    assert "192.0.2.5" in gone.rest
    assert (gone.rest, gone.heads) == (anew.rest, anew.heads)
    assert gone.frame is outline.frame


def test_what_a_group_answers():
    answer = BlockAnswer(BlockStyle.ADDRESS, 30, "192.0.2.80", "2001:db8::80")
    group = Group("g", 10, answer=answer, bypass_protection=False, allow_only=True)
    world = World(groups=(group,))
    world.build()
    out = json.loads(world.plan)["groups"][0]
    assert out["answer"] == {
        "style": "address",
        "ttl": 30,
        "ipv4": "192.0.2.80",
        "ipv6": "2001:db8::80",
    }
    assert out["default"] == "block"
    assert out["filtered"] is False  # `ech` stays where bypass protection is off


def test_every_block_says_who_decided():
    spec = {"order": 16, "plain": 15, "grown": 17}
    world = World(lists={s: f"{s.name}.test" for s in LISTS if s.name in spec})
    world.options = PlanOptions(language="vi")
    world.build()
    classes = json.loads(world.plan)["classes"][: len(spec)]
    assert {c["ede"] for c in classes} == {15, 16, 17}
    assert all(0 < len(c["ede_text"].encode()) <= 64 for c in classes)
    assert not any(re.search(r"\{|\}", c["ede_text"]) for c in classes)


def test_a_long_list_name_is_cut_between_characters():
    world = World(lists={list_spec("danh-sách-" + "ế" * 60): "a.test"})
    world.options = PlanOptions(language="vi")
    world.build()
    text = json.loads(world.plan)["classes"][0]["ede_text"]
    assert len(text.encode()) <= 64
    assert text.endswith("ế")


def test_a_reference_to_nothing_is_an_error():
    world = World(groups=(Group("g", 10, blocks=(ScheduledBlock("nowhere", everything=True),)),))
    with pytest.raises(RulesError, match="nowhere"):
        world.build()


@pytest.mark.parametrize("engine", [Plain, Core])
def test_bad_conditions_do_not_reach_the_core(engine):
    world = World(lists={LISTS[0]: "not-a a.test"})
    decide = engine(world).decide
    assert decide("a.test", qtype=28).kind == "block"
    assert decide("a.test", qtype=1).kind == "pass"


def test_private_addresses_are_blocked_but_for_named_zones():
    world = World(node=NodeNames(zones=("school.test",), needs=("dns.test",)),
                  school={"rebind_exceptions": ("nas.test",), "block": ("dns.test",)})  # fmt: skip
    plain = Plain(world)
    for address in ("10.1.2.3", "172.31.0.1", "127.0.0.1", "fd00::1", "::1", "::ffff:192.168.0.1"):
        assert plain.eval.decide_address("g", address).kind == "block", address
    for address in ("192.0.2.1", "172.32.0.1", "2001:db8::1", "::ffff:192.0.2.1"):
        assert plain.eval.decide_address("g", address).kind == "pass", address
    denied = {name for c in plain.eval.classes for name in c.get("denyallow", ())}
    assert {"school.test", "nas.test", "localhost"} <= denied
    assert plain.decide("dns.test").step == 1


names = st.lists(st.sampled_from(NAMES), max_size=2, unique=True).map(tuple)
targets = st.fixed_dictionaries(
    {},
    optional={
        "everything": st.booleans(),
        "categories": st.frozensets(st.sampled_from(["adult", "games"])),
        "services": st.frozensets(st.just("chat")),
        "lists": st.frozensets(st.sampled_from([spec.name for spec in LISTS])),
    },
)
blocks = st.builds(
    lambda schedule, outside, fields: ScheduledBlock(schedule, outside=outside, **fields),
    st.sampled_from(["morning", "night"]), st.booleans(), targets,
)  # fmt: skip
a_group = st.builds(
    Group,
    name=st.just(""),
    age=st.integers(3, 18),
    lists=st.none() | st.frozensets(st.sampled_from([spec.name for spec in LISTS])),
    categories=st.dictionaries(
        st.sampled_from(["adult", "games", "illegal"]), st.none() | st.integers(0, 18), max_size=2
    ).map(lambda d: tuple(d.items())),
    block_services=st.frozensets(st.just("chat")),
    allow_services=st.frozensets(st.just("chat")),
    blocks=st.lists(blocks, max_size=2).map(tuple),
    allow_only=st.booleans(),
    allow=names,
    block=names,
    filtered=st.integers(0, 4).map(bool),
)
overrides = st.builds(
    lambda name, seconds, group: Override(
        name, datetime.fromtimestamp(NOW + seconds, UTC), "r", "t", group
    ),
    st.sampled_from(NAMES), st.integers(1, 3 * DAY), st.sampled_from([None, "g0", "g1"]),
)  # fmt: skip


@st.composite
def worlds(draw):
    groups = tuple(replace(draw(a_group), name=f"g{n}") for n in range(2))
    book = replace(
        BOOK,
        services=(Service("chat", "Chat", "games", draw(names)),),
        demo=tuple((draw(st.sampled_from(NAMES)), c) for c in ("adult", "games", "illegal")),
        must_not_block=draw(st.sampled_from([(), ("x.test",), ("d.test",)])),
    )
    lists = {spec: "\n".join(draw(names)) for spec in LISTS if draw(st.booleans())}
    school = {
        "schedules": (MORNING, NIGHT),
        "overrides": tuple(draw(st.lists(overrides, max_size=2))),
        "allow": draw(names),
        "block": draw(names),
        "category_ages": draw(st.sampled_from([(), (("games", 16), ("illegal", 0))])),
    }
    return World(groups=groups, book=book, lists=lists, school=school)


def covers(patterns, name):
    return any(name == p or name.endswith("." + p) for p in patterns)


def read_directly(world, group, name, at):
    """(step, kind) by reading the school's values in the order of DESIGN section 4."""
    book, school = world.book, world.value
    active = []
    for block in group.blocks if group.filtered else ():
        schedule = {s.name: s for s in school.schedules}[block.schedule]
        if holds(schedule, at, HANOI) != block.outside:
            active.append(block)
    chat = covers(book.services[0].names, name)
    hits = {spec.name: covers(text.split(), name) for spec, text in world.lists.items()}

    def age_of(category, own=None):
        if category == "illegal":
            return 255
        for word, age in group.categories:
            if word == category:
                return -1 if age is None else age
        if own is not None:
            return own
        return dict(school.category_ages).get(category, {"adult": 18, "games": 12}[category])

    of_category = {
        "adult": [hits.get("grown", False)],
        "games": [hits.get("own-age", False), chat],
    }
    for demo, category in book.demo:
        of_category.setdefault(category, []).append(covers([demo], name))
    if covers(book.must_not_block, name):
        return 1, "pass"
    if hits.get("order"):
        return 2, "block"
    for o in school.overrides:
        if covers([o.name], name) and o.group in (None, group.name) and o.expires.timestamp() > at:
            return 3, "allow"
    for block in active:
        if (
            block.everything
            or any(any(of_category.get(c, ())) for c in block.categories)
            or (chat and "chat" in block.services)
            or any(hits.get(n) for n in block.lists if n not in ("exceptions", "order"))
        ):
            return 4, "block"
    if covers(school.allow, name) or covers(group.allow, name):
        return 5, "allow"
    if group.filtered and chat and "chat" in group.allow_services:
        return 5, "allow"
    if covers(school.block, name) or covers(group.block, name):
        return 6, "block"
    if not group.filtered:
        return 9, "pass"
    if chat and "chat" in group.block_services:
        return 6, "block"

    def used(spec):
        return hits.get(spec) and (group.lists is None or spec in group.lists)

    if used("exceptions"):
        return 7, "allow"
    if used("plain"):
        return 7, "block"
    if used("grown") and age_of("adult") > group.age:
        return 8, "block"
    if used("own-age") and age_of("games", 9) > group.age:
        return 8, "block"
    if chat and age_of("games") > group.age:
        return 8, "block"
    if any(covers([d], name) and age_of(c) > group.age for d, c in book.demo):
        return 8, "block"
    return (9, "block") if group.allow_only else (9, "pass")


@given(worlds(), st.lists(st.integers(0, 7 * DAY), min_size=1, max_size=4))
@settings(max_examples=100, deadline=None)
def test_a_plan_agrees_with_a_direct_reading(world, offsets):
    plain = Plain(world)
    for offset in [0, *offsets]:
        for group in world.groups:
            for name in NAMES:
                outcome = plain.decide(name, group.name, at=NOW + offset)
                expected = read_directly(world, group, name, NOW + offset)
                assert (outcome.step, outcome.kind) == expected, (name, group.name, offset)


@given(worlds(), st.lists(st.integers(0, 7 * DAY), min_size=1, max_size=2))
@settings(max_examples=60, deadline=None)
def test_the_core_agrees_with_a_direct_reading(world, offsets):
    core = Core(world)
    for offset in [0, *offsets]:
        for group in world.groups:
            for name in NAMES:
                outcome = core.decide(name, group.name, at=NOW + offset)
                expected = read_directly(world, group, name, NOW + offset)
                assert (outcome.step, outcome.kind) == expected, (name, group.name, offset)


def test_a_plan_made_later_agrees_where_both_hold():
    block = ScheduledBlock("night", everything=True)
    world = World(groups=(Group("g", 10, blocks=(block,)),), school={"schedules": (NIGHT,)})
    first = Plain(world)
    later = build_plan(world.value, world.book, world.layers, NOW + 3 * DAY)
    second = PlanEval(later, first.eval.indexes)
    for at in range(NOW + 3 * DAY, NOW + 8 * DAY, 3601):
        one, two = (e.segment("g", at)["closed"] for e in (first.eval, second))
        assert one == two
