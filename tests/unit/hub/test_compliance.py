"""The statements against a slow, obvious reading of the same rows."""

import random

import pytest

from filterd.hub.compliance import Coverage, Look, Paces, Page, coverages, pace, times
from filterd.hub.views import late, nodes, order, orders, status
from tests.support.hub_world import DAY, MINUTE, NOW, World, node_id


def wild(seed):
    """Nodes that skip positions, end, come later, and whose clocks are off."""
    dice, world = random.Random(seed), World()
    for number in range(8):
        world.segment(number, NOW - DAY + number * MINUTE)
        world.order(f"o{number}", number)
    for at in range(40):
        sizes = sorted(dice.sample(range(1, 9), dice.randrange(9)))
        node = world.node(
            at,
            size=max(sizes, default=0),
            skew=dice.choice((0, 0, 1, 2, 3, -40, 900)),
            subscribers=dice.randrange(1, 50),
            enrolled_at=NOW - dice.choice((2 * DAY, DAY - 3 * MINUTE - 1)),
            ended_at=dice.choice((None,) * 9 + (NOW - 1,)),
            province=dice.choice(("north", "south")),
        )
        for size in sizes:
            seen = NOW - DAY + size * MINUTE + dice.randrange(-500, 90_000)
            world.receipt(node, size, seen, arrived_at=seen + dice.randrange(-2000, 90_000))
        for number in range(max(sizes, default=0)):
            if dice.random() < 0.15:
                released = dice.choice((None, NOW - DAY + dice.randrange(30 * MINUTE)))
                told = NOW - DAY + number * MINUTE
                world.hold(node, number, size=sizes[-1], told_at=told, released_at=released)
    return world


def held_of(world, node, number):
    """Return the row of what a node held, if it did."""
    mine = ((row["node"], row["segment"]) == (node["id"], number) for row in world.rows["held"])
    return next((row for row, is_it in zip(world.rows["held"], mine, strict=True) if is_it), None)


def expected_of(world, number, province):
    published = NOW - DAY + number * MINUTE
    return [
        each
        for each in world.rows["node"]
        if each["enrolled_at"] <= published
        and each["ended_at"] is None
        and province in {None, each["province"]}
    ]


def delay_of(world, node, number):
    mine = [r for r in world.rows["receipt"] if r["node"] == node["id"] and r["size"] > number]
    if not mine:
        return None
    first = min(mine, key=lambda each: each["size"])
    said, arrived = first["node_observed_at"], first["arrived_at"]
    if (held := held_of(world, node, number)) is not None:
        said, arrived = held["node_released_at"], held["released_at"]
        if arrived is None:
            return None
    skew = node["skew"] * 1000 if abs(node["skew"]) > 2 else 0
    seen = min(said - skew, arrived)
    return max(0, seen - (NOW - DAY + number * MINUTE))


@pytest.mark.parametrize("province", [None, "north"])
@pytest.mark.parametrize("seed", [1, 2])
def test_coverage_and_pace_are_what_the_rows_say(books, seed, province):
    world = wild(seed)
    look = books(world, province=province)
    covered = coverages(look, range(8))
    for number in range(8):
        nodes = expected_of(world, number, province)
        delays = [(delay_of(world, node, number), node["subscribers"]) for node in nodes]
        seen = sorted((delay, weight) for delay, weight in delays if delay is not None)
        weights = sum(weight for _, weight in seen)
        assert covered[number] == Coverage(
            len(nodes),
            len(seen),
            sum(weight for _, weight in delays),
            weights,
            sum((held_of(world, node, number) or {"released_at": 0})["released_at"] is None
                for node in nodes),
        )  # fmt: skip
        found = pace(look, number, NOW - DAY + number * MINUTE, covered[number].enforcing)
        assert [delay for delay, count, _ in found.steps for _ in range(count)] == [
            delay for delay, _ in seen
        ]
        assert found.subscribers == weights


def test_what_is_held_is_not_enforced_and_late_when_it_is_long_ago(books):
    world = World()
    for number, minutes in enumerate((60, 5)):
        world.segment(number, NOW - minutes * MINUTE)
        world.order(f"o{number}", number)
    for at in range(4):
        world.receipt(world.node(at, size=2), 2, NOW - 4 * MINUTE)
    world.hold(node_id(0), 0, size=2, told_at=NOW - 4 * MINUTE)
    world.hold(node_id(1), 1, size=2, told_at=NOW - 4 * MINUTE)
    released = NOW - 2 * MINUTE
    world.hold(node_id(2), 1, size=2, told_at=NOW - 4 * MINUTE, released_at=released)
    look = books(world)
    young, old = orders(look)
    assert [old[name] for name in ("expected", "enforcing", "held", "late")] == [4, 3, 1, 1]
    assert [young[name] for name in ("expected", "enforcing", "held", "late")] == [4, 3, 1, 0]
    assert young["enforce"]["nodes"] == 3
    assert young["enforce"]["p99"] == 3 * MINUTE - 50
    told = {each["id"]: each for each in nodes(look)}
    assert [told[node_id(at)]["held"] for at in range(4)] == [1, 1, 0, 0]
    assert [told[node_id(at)]["late"] for at in range(4)] == [True, False, False, False]
    assert told[node_id(1)]["lacks_since"] == NOW - 5 * MINUTE
    assert told[node_id(3)]["lacks_since"] is None
    assert [each["id"] for each in late(look)["nodes"]] == [node_id(0)]
    whole = status(look)
    assert (whole["nodes"]["held"], whole["nodes"]["late"], whole["held_orders"]) == (2, 1, 2)
    assert whole["coverage"] == 0.75
    rows = {each["node"]: each for each in order(look, "ministry", "o1")["times"]}
    assert next(iter(rows)) == node_id(1)
    assert [rows[node_id(at)]["held"] for at in range(4)] == [False, True, False, False]
    assert rows[node_id(1)]["observed_at"] is rows[node_id(1)]["arrived_at"] is None
    assert rows[node_id(2)]["observed_at"] == released - 50
    assert rows[node_id(2)]["arrived_at"] == released
    assert rows[node_id(3)]["observed_at"] == NOW - 4 * MINUTE


def test_what_others_hold_is_not_told(books):
    world = World()
    world.segment(0, NOW - 60 * MINUTE)
    world.order("o", 0)
    world.receipt(world.node(0, size=1, province="south"), 1, NOW - 59 * MINUTE)
    world.node(1, size=1, province="north", ended_at=NOW - 1)
    for at in range(2):
        world.hold(node_id(at), 0, size=1, told_at=NOW - MINUTE)
    look = books(world, province="north")
    assert coverages(look, [0])[0] == Coverage()
    assert status(look)["held_orders"] == status(look)["nodes"]["held"] == 0


def test_times_tell_who_has_not_and_then_the_slowest(books):
    world = World()
    world.segment(0, NOW - 60_000)
    world.order("o", 0)
    for at, delay in enumerate((500, None, 900)):
        node = world.node(at, size=int(delay is not None))
        if delay is not None:
            world.receipt(node, 1, NOW - 60_000 + delay)
    told = order(books(world), "ministry", "o")
    assert [each["node"] for each in told["times"]] == [node_id(1), node_id(2), node_id(0)]
    assert told["times"][0]["observed_at"] is None
    slow = told["times"][1]
    moments = ("node_received_at", "node_applied_at", "observed_at", "arrived_at")
    assert [slow[name] - (NOW - 60_000) for name in moments] == [840, 860, 900, 950]


def test_a_clock_is_set_right_and_no_node_was_faster_than_the_order(books):
    world = World()
    world.segment(0, NOW - 60_000)
    ahead = world.node(0, size=1, skew=30)
    world.receipt(ahead, 1, NOW - 60_000 + 30_000 + 400, arrived_at=NOW - 60_000 + 450)
    liar = world.node(1, size=1)
    world.receipt(liar, 1, NOW - 3_600_000, arrived_at=NOW - 59_000)
    dreamer = world.node(2, size=1)
    world.receipt(dreamer, 1, NOW + 3_600_000, arrived_at=NOW - 59_000)
    found = pace(books(world), 0, NOW - 60_000, 3)
    assert found.steps == ((0, 1, 1), (400, 1, 1), (1000, 1, 1))


def test_a_node_that_enrolled_later_or_ended_is_not_expected(books):
    world = World()
    world.segment(0, NOW - 60_000)
    world.node(0, enrolled_at=NOW - 59_000)
    world.node(1, ended_at=NOW - 1)
    assert coverages(books(world), [0])[0] == Coverage()
    assert Coverage().share is None


def test_what_was_worked_out_stays_until_one_more_node_enforces(books, database):
    world, paces = World(), Paces()
    world.segment(0, NOW - 60_000)
    world.order("o", 0)
    for at in range(2):
        world.receipt(world.node(at, size=1 - at), 1 - at, NOW - 59_000) if at == 0 else world.node(
            at
        )
    look = books(world, paces=paces)
    first = orders(look)
    more = World()
    more.receipt(node_id(1), 1, NOW - 58_000)
    with database.write() as connection:
        more.write(connection)
        connection.exec_driver_sql("UPDATE node SET size = 1")
    again = orders(Look(look.connection, NOW, paces=paces))
    with database.read() as connection:
        anew = orders(Look(connection, NOW, paces=paces))
    assert first == again
    assert (first[0]["enforcing"], anew[0]["enforcing"]) == (1, 2)
    assert (first[0]["enforce"]["p99"], anew[0]["enforce"]["p99"]) == (1000, 2000)


def test_late_is_who_lacks_what_was_published_long_ago(books):
    world = World()
    for number, minutes in enumerate((60, 20, 5)):
        world.segment(number, NOW - minutes * MINUTE)
        world.order(f"o{number}", number)
    for at, size in enumerate((3, 2, 1, 0)):
        world.node(at, size=size)
    world.node(4, size=0, enrolled_at=NOW - MINUTE)
    look = books(world)
    flags = {each["id"]: (each["late"], each["behind"]) for each in nodes(look)}
    assert flags == {
        node_id(0): (False, 0),
        node_id(1): (False, 1),
        node_id(2): (True, 2),
        node_id(3): (True, 3),
        node_id(4): (False, 3),
    }
    wanting = late(look)["nodes"]
    assert [each["id"] for each in wanting] == [node_id(3), node_id(2)]
    assert wanting[0]["lacks_since"] == NOW - 60 * MINUTE
    assert [each["late"] for each in orders(look)] == [0, 2, 1]
    told = status(look)
    assert (told["nodes"]["late"], told["nodes"]["behind"], told["coverage"]) == (2, 4, 0.6)


def test_silent_skewed_and_refusing_nodes_are_told_and_ended_ones_are_not(books):
    world = World()
    world.segment(0, NOW - MINUTE)
    world.node(0, size=1, seen_at=NOW - 2 * 3_600_000)
    world.node(1, size=1, skew=-11)
    world.receipt(world.node(2, size=1), 1, NOW - 1000, refused=3)
    world.node(3, size=1)
    world.node(4, ended_at=NOW - 1, seen_at=0)
    look = books(world)
    told = {each["id"]: each for each in late(look)["nodes"]}
    assert set(told) == {node_id(0), node_id(1), node_id(2)}
    assert told[node_id(0)]["silent"]
    assert told[node_id(1)]["skewed"]
    assert told[node_id(2)]["refused"] == 3
    counted = status(look)["nodes"]
    assert [counted[word] for word in ("enrolled", "silent", "skewed", "refusing", "ended")] == [
        4, 1, 1, 1, 1
    ]  # fmt: skip


def test_a_province_sees_its_own_nodes_only(books):
    world = World()
    world.segment(0, NOW - 60 * MINUTE)
    world.order("o", 0)
    for at, province in enumerate(("north", "north", "south")):
        world.node(at, province=province)
    look = books(world, province="south")
    assert [each["id"] for each in nodes(look)] == [node_id(2)]
    assert [each["id"] for each in late(look)["nodes"]] == [node_id(2)]
    assert status(look)["nodes"]["enrolled"] == 1
    assert orders(look)[0]["expected"] == 1
    assert [each["node"] for each in order(look, "ministry", "o")["times"]] == [node_id(2)]


def test_orders_wait_begin_end_and_are_revoked(books):
    world = World()
    for number in range(4):
        world.segment(number, NOW - 30 * MINUTE + number)
    soon = {"not_before": NOW // 1000 + 60}
    over = {"not_after": NOW // 1000}
    world.order("waits", None, submitted_at=NOW - 9000)
    world.order("scheduled", 0, **soon)
    world.order("ended", 1, **over)
    world.order("revoked", 2, revoked_segment=3, revoked_at=NOW)
    world.receipt(world.node(0, size=4), 4, NOW - 30 * MINUTE + 703)
    look = books(world)
    told = {each["id"]: each for each in orders(look)}
    assert next(iter(told)) == "waits"
    assert {name: each["state"] for name, each in told.items()} == {
        name: {"waits": "waiting"}.get(name, name) for name in told
    }
    assert told["revoked"]["unblock"]["p50"] == 700
    whole = status(look)
    assert whole["orders"] == {
        "waiting": 1, "scheduled": 1, "in force": 0, "revoked": 1, "ended": 1
    }  # fmt: skip
    assert whole["waiting"] == {"orders": 1, "revocations": 0, "oldest": NOW - 9000}
    assert whole["unblock"]["revocation"]["nodes"] == 1
    assert whole["false_orders"] == {"published": 3, "revoked_within_a_day": 1, "rate": 1 / 3}


def test_pages_do_not_overlap(books):
    world = World()
    for number in range(7):
        world.segment(number, NOW - MINUTE)
        world.order(f"o{number}", number)
        world.node(number, name="same")
    look = books(world)
    pages = [orders(look, Page(3, at)) for at in (0, 3, 6)]
    assert [each["id"] for page in pages for each in page] == [f"o{n}" for n in range(6, -1, -1)]
    found = [each["id"] for at in (0, 3, 6) for each in nodes(look, Page(3, at))]
    assert sorted(found) == sorted(map(node_id, range(7)))
    assert len(times(look, 0, NOW, 3)) == 3


def test_an_empty_hub_has_nothing_and_says_so(books):
    look = books(World())
    assert orders(look) == nodes(look) == []
    assert order(look, "ministry", "none") is None
    told = status(look)
    assert (told["size"], told["published_at"], told["coverage"]) == (0, None, None)
