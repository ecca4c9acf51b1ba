"""A change of the table: what the kernel learned stays where it is."""

from filterd.gateway.plan import Chain, Map, Plan, Rule, Set
from filterd.gateway.text import change, table

LEARNED = Set("resolved_a4", ("type ipv4_addr", "flags timeout"), learned=True)
OTHER = Set("resolved_b4", ("type ipv4_addr", "flags timeout"), learned=True)
LAN = Set("lan", ("type ifname",), ('"lan0"',))
MAP = Map("who", ("type ipv4_addr : verdict",), (("192.0.2.1", "goto egress_a"),))
CHAIN = Chain("egress_a", (Rule("", "accept"),), group="a")
BEFORE = Plan((LAN, LEARNED, OTHER), (MAP,), (CHAIN,))
THERE = [
    {"metainfo": {}},
    {"table": {"name": "filterd"}},
    *({"set": {"name": each.name}} for each in BEFORE.sets),
    {"map": {"name": "who"}},
    {"chain": {"name": "egress_a"}},
    {"rule": {"chain": "egress_a"}},
]
KEPT = {"resolved_a4": ("192.0.2.7 timeout 60s",), "resolved_b4": ("192.0.2.8 timeout 60s",)}


def lines(after, before=BEFORE):
    return change(after, THERE, table(before), KEPT).splitlines()


def test_sets_that_stay_alike_are_not_touched_and_all_else_is_made_anew():
    made = lines(BEFORE)
    assert made[:5] == [
        "add table inet filterd",
        "flush table inet filterd",
        "delete map inet filterd who",
        "delete set inet filterd lan",
        "delete chain inet filterd egress_a",
    ]
    assert "\n".join(made[5:]) + "\n" == table(BEFORE)


def test_a_learned_set_of_another_kind_is_made_anew_with_what_it_held():
    wider = Set("resolved_a4", ("type ipv4_addr", "size 9", "flags timeout"), learned=True)
    made = lines(Plan((LAN, wider, OTHER), (MAP,), (CHAIN,)))
    assert "delete set inet filterd resolved_a4" in made
    assert "delete set inet filterd resolved_b4" not in made
    assert made[-1] == "add element inet filterd resolved_a4 { 192.0.2.7 timeout 60s }"


def test_a_learned_set_that_is_no_longer_wanted_goes_with_what_it_held():
    made = lines(Plan((LAN, LEARNED), (MAP,), (CHAIN,)))
    assert "delete set inet filterd resolved_b4" in made
    assert not any("192.0.2.8" in line for line in made)


def test_a_learned_set_that_is_not_there_is_made():
    there = [each for each in THERE if each != {"set": {"name": "resolved_b4"}}]
    made = change(BEFORE, there, table(BEFORE), KEPT)
    assert "delete set inet filterd resolved_b4" not in made
    assert made.endswith("add element inet filterd resolved_b4 { 192.0.2.8 timeout 60s }\n")
