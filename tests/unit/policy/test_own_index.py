"""The school's own rules as an index."""

from dataclasses import replace

from filterd.model.group import Group, SafeSearch, Service
from filterd.policy.classes import Origin
from filterd.policy.own_index import NodeNames
from tests.support.policy_world import BOOK, World


def own(**fields):
    world = World(**fields)
    _, builder, _ = world.build()
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
