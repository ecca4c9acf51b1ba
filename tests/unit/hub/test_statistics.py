import json
import time
from dataclasses import replace

import pytest

from filterd.hub.compliance import Page
from filterd.hub.exports import bypass_csv
from filterd.hub.statistics import DAY, Span, by_rule, cells, public, signals, sites, suspects
from tests.support.hub_world import NOW, World

TODAY = NOW // 1000 // DAY * DAY
SPAN = Span(TODAY - 10 * DAY, TODAY + DAY)
OLD = TODAY - 5 * DAY


def counted(*rows, world=None):
    """Rows: how many schools, rule, count of each, what else is special."""
    world = world or World()
    at = len(world.rows["node"])
    for schools, rule, count, *special in rows:
        changed = special[0] if special else {}
        place = {
            "province": changed.pop("province", "north"),
            "kind": changed.pop("kind", "school"),
        }
        for _ in range(schools):
            node = world.node(at, **place)
            world.batch(node, 0)
            world.counted(node, 0, rule, count, **{"bucket": OLD, **changed})
            at += 1
    return world


def test_counts_are_exact_for_the_ministry(books):
    world = counted(
        (3, "order:ministry/o1", 5),
        (2, "category:games", 7, {"deed": "allow"}),
        (1, "own", 2),
        (1, "", 100, {"deed": "pass", "bucket": OLD + 300}),
        (1, "order:nobody/x", 1),
    )
    world.order("o1", 0, category="gambling")
    look = books(world)
    told = {
        (each["category"], each["deed"]): (each["count"], each["schools"])
        for each in cells(look, SPAN)
    }
    assert told == {
        ("gambling", "block"): (15, 3),
        ("games", "allow"): (14, 2),
        ("own", "block"): (2, 1),
        ("none", "pass"): (100, 1),
        ("unknown", "block"): (1, 1),
    }
    assert {each["day"] for each in cells(look, SPAN)} == {OLD}
    assert [(each["rule"], each["count"]) for each in by_rule(look, SPAN, Page(2))] == [
        ("", 100),
        ("order:ministry/o1", 15),
    ]
    assert cells(look, Span(OLD + DAY, OLD + 2 * DAY)) == []


def test_sites_are_told_by_day_and_are_in_no_sum_of_decisions(books):
    """Each node has both rows, as they come; one said the same day twice."""
    world = World()
    form = {"span": DAY, "bracket": "all", "deed": "pass", "clients": "1-4", "bucket": OLD}
    for at in range(12):
        node = world.node(at, province="north" if at < 11 else "south")
        world.batch(node, 0)
        world.counted(node, 0, "", 100, deed="pass", bucket=OLD)
        world.counted(node, 1, "sites:vn-labelled", at, **form)
        world.counted(node, 2, "sites:vn-unlabelled", 1000, **form)
    world.counted(node, 3, "sites:vn-unlabelled", 1000, **form)
    world.counted(node, 4, "sites:vn-unlabelled", 7, **form | {"bucket": OLD + DAY})
    look = books(world)
    assert sites(look, SPAN) == [
        {"day": OLD, "nodes": 12, "labelled": 66, "unlabelled": 12_000},
        {"day": OLD + DAY, "nodes": 1, "labelled": 0, "unlabelled": 7},
    ]
    assert sites(look, Span(OLD + DAY, OLD + 2 * DAY))[0]["unlabelled"] == 7
    assert sites(replace(look, province="south"), SPAN)[0] == {
        "day": OLD,
        "nodes": 1,
        "labelled": 11,
        "unlabelled": 1000,
    }
    told = [(each["category"], each["deed"], each["count"]) for each in cells(look, SPAN)]
    assert told == [("none", "pass", 1100), ("none", "pass", 100)]
    assert {each["rule"]: each["count"] for each in by_rule(look, SPAN, Page())} == {"": 1200}
    assert public(look, SPAN)["days"] == {str(OLD): {"pass": 1100}}


def test_signs_are_told_by_day_kind_and_age_and_are_in_no_sum_of_decisions(books):
    """Eleven schools of the north and one of the south; one said the same day twice."""
    world = World()
    form = {"span": DAY, "deed": "pass", "clients": "1-4", "bucket": OLD}
    for at in range(12):
        node = world.node(at, province="north" if at < 11 else "south")
        world.batch(node, 0)
        world.counted(node, 0, "", 100, deed="pass", bucket=OLD)
        world.counted(node, 1, "bypass:vpn", 5, bracket="11-12", **form)
        world.counted(node, 2, "bypass:vpn", 1, bracket="15-17", **form)
    world.counted(node, 3, "bypass:vpn", 5, bracket="11-12", **form)
    world.counted(node, 4, "bypass:tor", 7, bracket="all", **form | {"bucket": OLD + DAY})
    look = books(world)
    vpn = {"day": OLD, "signal": "vpn"}
    assert signals(look, SPAN) == [
        {**vpn, "bracket": "11-12", "nodes": 12, "attempts": 60},
        {**vpn, "bracket": "15-17", "nodes": 12, "attempts": 12},
        {"day": OLD + DAY, "signal": "tor", "bracket": "all", "nodes": 1, "attempts": 7},
    ]
    south = replace(look, province="south")
    assert [each["attempts"] for each in signals(south, SPAN)] == [5, 1, 7]
    assert signals(look, Span(OLD + 2 * DAY, OLD + 3 * DAY)) == []
    told = [(each["category"], each["deed"], each["count"]) for each in cells(look, SPAN)]
    assert told == [("none", "pass", 1100), ("none", "pass", 100)]
    assert {each["rule"]: each["count"] for each in by_rule(look, SPAN, Page())} == {"": 1200}
    assert public(look, SPAN)["days"] == {str(OLD): {"pass": 1100}}
    assert bypass_csv(look, SPAN).decode().splitlines()[:2] == [
        "day,signal,age,nodes,attempts",
        f"{time.strftime('%Y-%m-%d', time.gmtime(OLD))},vpn,11-12,12,60",
    ]
    assert sites(look, SPAN) == []


def test_two_orders_of_one_name_count_once(books):
    world = counted((1, "order:ministry/o1", 5))
    world.order("o1", 0)
    world.order("o1", 1, digest=b"x" * 32)
    assert [each["count"] for each in cells(books(world), SPAN)] == [5]


def test_of_grave_categories_no_bracket_is_told(books):
    world = counted(
        (2, "category:child-abuse", 1, {"bracket": "6-10"}),
        (2, "category:child-abuse", 1, {"bracket": "15-17"}),
    )
    (cell,) = cells(books(world), SPAN)
    assert (cell["bracket"], cell["count"], cell["schools"]) == ("all", 4, 4)


@pytest.mark.parametrize(("schools", "shown"), [(9, 0), (10, 1)])
def test_public_cells_need_ten_schools(books, schools, shown):
    look = books(counted((schools, "category:games", 3)))
    told = public(look, SPAN)
    assert len(told["cells"]) == shown
    assert told["suppressed_cells"] == 1 - shown
    assert "schools" not in json.dumps(told["cells"])


def test_nodes_of_providers_make_no_crowd(books):
    look = books(counted((9, "category:games", 3), (5, "category:games", 3, {"kind": "isp"})))
    assert public(look, SPAN)["cells"] == []


def test_no_total_gives_away_what_was_taken_out(books):
    world = counted((12, "category:games", 3), (4, "category:games", 1000, {"province": "south"}))
    told = public(books(world), SPAN)
    assert told["suppressed_cells"] == 1
    assert told["categories"] == {"games": {"block": 36}}
    assert told["provinces"] == {"north": {"block": 36}}
    assert told["days"] == {str(OLD): {"block": 36}}


def test_days_are_told_when_they_are_settled(books):
    world = counted((12, "own", 1, {"bucket": TODAY - DAY}), (12, "own", 1))
    told = public(books(world), SPAN)
    assert list(told["days"]) == [str(OLD)]
    assert told["to"] == TODAY - 2 * DAY


def test_only_whole_days_are_told(books):
    look = books(counted((12, "own", 1)))
    for start, end in ((OLD + 300, SPAN.end), (SPAN.start, OLD + DAY - 300)):
        assert public(look, Span(start, end))["cells"] == []
    assert len(public(look, Span(OLD - 300, OLD + DAY + 300))["cells"]) == 1


def test_candidates_are_shown_from_twenty_schools_and_fifty_clients_on(books):
    world = World()
    for at in range(20):
        node = world.node(at, kind="school")
        world.batch(node, 0)
        add(world, node, "many.example", "5-19")
        add(world, node, "few.example", "1-4")
        add(world, node, "few.example", "1-4", day=OLD + DAY)
        if at < 19:
            add(world, node, "rare.example", "20+")
    add(world, world.node(20, kind="isp"), "rare.example", "20+")
    (told,) = suspects(books(world), SPAN, Page())
    assert told["domain"] == "many.example"
    assert (told["schools"], told["clients"], told["count"]) == (20, 100, 40)


def add(world, node, domain, clients, day=OLD):
    world.rows["candidate"].append(
        {"node": node, "day": day, "domain": domain, "count": 2, "clients": clients}
    )
