"""What is said by command, as an index of its own."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from filterd.model.group import Group, LocalRule, Override
from filterd.policy.classes import Origin
from filterd.policy.overlay import expiry
from tests.support.policy_world import NOW, Core, Plain, World

THEN = datetime.fromtimestamp(NOW, UTC)


def overlay(**fields):
    world = World(**fields)
    *_, builder = world.build()
    return world, builder


def rule(name, *, block=True, group=None):
    return LocalRule(name, block, THEN, "operator", group=group)


def test_an_override_says_who_and_why():
    later = datetime.fromtimestamp(NOW + 60, UTC)
    world, builder = overlay(
        school={"overrides": (Override("a.test", later, "lesson", "teacher"),)}
    )
    found = world.layers[2].classes[builder.find("a.test")[0][0]]
    assert (found.note, found.expires) == ("lesson (teacher)", NOW + 60)


def test_an_override_without_offset_ends_by_the_clock_of_the_school():
    world, _ = overlay()
    here = datetime(2026, 9, 7, 10, 0, tzinfo=ZoneInfo("Asia/Ho_Chi_Minh"))
    override = Override("a.test", here.replace(tzinfo=None), "r", "b")
    assert expiry(override, world.value) == int(here.timestamp())


def test_rules_for_the_same_groups_share_a_class():
    rules = [rule(f"n{n}.test") for n in range(100)]
    rules += [rule("x.test", group=group) for group in ("g0", "g1")]
    rules += [rule("y.test", block=False, group="g1")]
    groups = (Group("g0", 10), Group("g1", 10))
    world, builder = overlay(groups=groups, school={"rules": tuple(rules)})
    assert [(c.origin, c.groups) for c in world.layers[2].classes] == [
        (Origin.LOCAL_BLOCK, None),
        (Origin.LOCAL_BLOCK, frozenset({"g0", "g1"})),
        (Origin.LOCAL_ALLOW, frozenset({"g1"})),
    ]
    assert [hit[0] for hit in builder.find("www.n7.test")] == [0]


@pytest.mark.parametrize("engine", [Plain, Core])
def test_local_rules_stand_with_those_of_the_configuration(engine):
    said = (rule("a.test"), rule("b.test", block=False), rule("c.test", group="h"))
    world = World(
        groups=(Group("g", 10), Group("h", 10)),
        school={"rules": said, "block": ("b.test", "d.test")},
    )
    decide = engine(world).decide
    assert (decide("www.a.test").kind, decide("www.a.test").step) == ("block", 6)
    assert (decide("b.test").kind, decide("b.test").step) == ("allow", 5)
    assert decide("c.test").kind == "pass"
    assert decide("c.test", "h").step == 6
    assert decide("d.test").step == 6
