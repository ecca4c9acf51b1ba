from filterd.hub.unblocking import expiries, false_orders, overblocked
from filterd.hub.views import late, status
from tests.support.hub_world import DAY, MINUTE, NOW, World


def checked(*rows):
    """Rows: node, size, kind, subject, delay, good."""
    world, nodes = World(), {}
    world.segment(0, NOW - DAY)
    for at, size, kind, subject, delay, good in rows:
        if at not in nodes:
            nodes[at] = world.node(at, size=9, province="north" if at % 2 else "south")
        if not any(r["node"] == nodes[at] and r["size"] == size for r in world.rows["receipt"]):
            world.receipt(nodes[at], size, NOW - (10 - size) * MINUTE)
        due = NOW - 20 * MINUTE
        world.check(nodes[at], size, kind, subject, due_at=due, seen_at=due + delay, good=good)
    return world


def test_ends_are_measured_and_those_not_seen_counted(books):
    look = books(
        checked(
            (0, 1, "expiry", "4", 300, True),
            (1, 1, "expiry", "4", 900, True),
            (2, 1, "expiry", "4", 60_000, False),
            (3, 1, "expiry", "4", 60_000, False),
            (3, 2, "expiry", "4", 120_000, True),
            (4, 1, "expiry", "4", -50, True),
            (5, 1, "open", "hotline.example", 0, False),
        )
    )
    found, not_yet = expiries(look)
    assert found.steps == ((0, 1, 1), (300, 1, 1), (900, 1, 1), (120_000, 1, 1))
    assert not_yet == 1
    told = status(look)["unblock"]
    assert (told["expiry"]["p50"], told["still_blocked"]) == (300, 1)


def test_ends_seen_are_those_of_the_last_hour_and_ends_missed_of_the_whole_window(books):
    world = checked((0, 1, "expiry", "4", 300, True), (1, 1, "expiry", "4", 300, False))
    for receipt in world.rows["receipt"]:
        receipt["arrived_at"] = NOW - 61 * MINUTE
    found, not_yet = expiries(books(world))
    assert (found.nodes, not_yet) == (0, 1)


def test_a_name_that_must_be_open_is_told_until_it_is_open_again(books):
    look = books(
        checked(
            (0, 1, "open", "hotline.example", 0, False),
            (1, 2, "open", "hotline.example", 0, False),
            (1, 3, "open", "hotline.example", 0, False),
            (2, 1, "open", "hotline.example", 0, False),
            (2, 5, "open", "hotline.example", 0, True),
            (3, 1, "open", "bank.example", 0, False),
            (4, 1, "open", "school.example", 0, True),
        )
    )
    assert overblocked(look) == [
        {"subject": "hotline.example", "nodes": 2, "since": NOW - 9 * MINUTE + 50},
        {"subject": "bank.example", "nodes": 1, "since": NOW - 9 * MINUTE + 50},
    ]
    assert late(look)["overblocked"] == overblocked(look)


def test_only_the_window_and_the_province_are_looked_at(books):
    world = checked(
        (0, 1, "open", "hotline.example", 0, False), (1, 1, "open", "bank.example", 0, False)
    )
    look = books(world, province="north")
    assert [each["subject"] for each in overblocked(look)] == ["bank.example"]
    world.rows.update({name: [] for name in world.rows})
    world.receipt(world.node(7, province="north"), 1, NOW - 2 * DAY)
    world.check(
        world.rows["node"][0]["id"], 1, "open", "old.example", due_at=0, seen_at=0, good=False
    )
    look = books(world, province="north")
    assert [each["subject"] for each in overblocked(look)] == ["bank.example"]


def test_an_order_that_is_taken_back_within_a_day_was_a_false_one(books):
    world = World()
    for number in range(4):
        world.segment(number, NOW - (5 - number) * DAY)
    world.order("stands", 0)
    world.order("soon", 1, revoked_segment=2, revoked_at=NOW - 4 * DAY + DAY)
    world.order("later", 2, revoked_segment=3, revoked_at=NOW - 3 * DAY + DAY + 1)
    world.order("waits", None)
    look = books(world)
    assert false_orders(look, 0) == (3, 1)
    assert false_orders(look, NOW - 3 * DAY) == (1, 0)
