"""The school's own rules as an index."""

from dataclasses import replace
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from filterd.model.group import Group, Override, SafeSearch, Service
from filterd.policy.classes import Origin
from filterd.policy.own_index import NodeNames, expiry
from tests.support.policy_world import BOOK, NOW, World


def own(**fields):
    world = World(**fields)
    _, builder = world.build()
    return world, builder


def origins(world, builder, name):
    return sorted(world.layers[1].classes[hit[0]].origin for hit in builder.find(name))


def test_local_rules_cover_subdomains_and_groups_share_classes():
    groups = tuple(Group(f"g{n}", 10, allow=("a.test",), block=("b.test",)) for n in range(50))
    world, builder = own(groups=groups, book=replace(BOOK), school={"allow": ("c.test",)})
    assert origins(world, builder, "www.a.test") == [Origin.LOCAL_ALLOW]
    assert origins(world, builder, "b.test") == [Origin.LOCAL_BLOCK]
    local = [
        rule for rule in world.classes if rule.origin in (Origin.LOCAL_ALLOW, Origin.LOCAL_BLOCK)
    ]
    assert len(local) == 3


def test_canaries_are_exact_and_bypass_names_are_not():
    book = replace(BOOK, canaries=("canary.test",), bypass=("doh.test",))
    world, builder = own(book=book)
    assert origins(world, builder, "canary.test") == [Origin.CANARY]
    assert origins(world, builder, "www.canary.test") == []
    assert origins(world, builder, "x.doh.test") == [Origin.BYPASS]


def test_a_service_has_an_allow_class_only_where_a_group_allows_it():
    service = Service("chat", "Chat", "games", ("chat.test",))
    _, builder = own(book=replace(BOOK, services=(service,)))
    assert len(builder.find("chat.test")) == 1
    groups = (Group("g", 10, allow_services=frozenset({"chat"})),)
    _, builder = own(book=replace(BOOK, services=(service,)), groups=groups)
    assert len(builder.find("chat.test")) == 2


def test_safe_search_never_points_a_name_at_itself():
    search = SafeSearch("s", "search", ("www.s.test", "safe.s.test"), "safe.s.test")
    world, builder = own(book=replace(BOOK, safe_search=(search,)))
    assert origins(world, builder, "www.s.test") == [Origin.SAFE_SEARCH]
    assert origins(world, builder, "safe.s.test") == []
    assert origins(world, builder, "x.www.s.test") == []


def test_an_override_says_who_and_why():
    later = datetime.fromtimestamp(NOW + 60, UTC)
    world, builder = own(school={"overrides": (Override("a.test", later, "lesson", "teacher"),)})
    rule = world.layers[1].classes[builder.find("a.test")[0][0]]
    assert (rule.note, rule.expires) == ("lesson (teacher)", NOW + 60)


def test_an_override_without_offset_ends_by_the_clock_of_the_school():
    world, _ = own()
    here = datetime(2026, 9, 7, 10, 0, tzinfo=ZoneInfo("Asia/Ho_Chi_Minh"))
    override = Override("a.test", here.replace(tzinfo=None), "r", "b")
    assert expiry(override, world.value) == int(here.timestamp())


def test_what_the_node_needs_is_never_a_way_round_the_filter():
    node = NodeNames(needs=("lists.test", "dns.doh.test", "doh.test"))
    world, builder = own(book=replace(BOOK, bypass=("doh.test",)), node=node)
    assert origins(world, builder, "lists.test") == [Origin.MUST_NOT_BLOCK]
    assert origins(world, builder, "other.lists.test") == []
    assert origins(world, builder, "dns.doh.test") == [Origin.BYPASS]
    assert origins(world, builder, "doh.test") == [Origin.BYPASS]


def test_rebind_protection_can_be_off():
    world, builder = own(school={"rebind_protection": False})
    assert builder.networks == []
    assert not any(rule.origin is Origin.REBIND for rule in world.classes)
