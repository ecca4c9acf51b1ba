import pytest
from prometheus_client import CollectorRegistry, generate_latest

from filterd.hub.database import DatabaseError
from filterd.hub.gauges import FRESH, Gauges
from tests.support.hub_world import MINUTE, NOW, World, node_id


class Books:
    """Opens a database, counts how often, and fails when told to."""

    def __init__(self, database):
        self.database, self.looks, self.gone = database, 0, False

    def read(self):
        self.looks += 1
        if self.gone:
            raise DatabaseError("gone")
        return self.database.read()


@pytest.fixture
def told(database):
    world = World()
    for number in range(2):
        world.segment(number, NOW - 60 * MINUTE)
        world.order(f"o{number}", number)
    world.order("waits", None, submitted_at=NOW - 7000)
    for at in range(4):
        world.node(at, size=2 if at else 0)
        if at:
            world.receipt(node_id(at), 1, NOW - 60 * MINUTE + 300)
            world.receipt(node_id(at), 2, NOW - 60 * MINUTE + 3000)
    world.order("young", 2)
    world.segment(2, NOW - MINUTE)
    world.rows["node"][3]["size"] = 3
    world.receipt(node_id(3), 3, NOW - MINUTE + 10)
    world.hold(node_id(3), 2, size=3, told_at=NOW - MINUTE)
    with database.write() as connection:
        world.write(connection)
    books, clock = Books(database), [100.0]
    gauges = Gauges(books.read, lambda: clock[0])
    registry = CollectorRegistry()
    registry.register(gauges)
    return books, clock, gauges, registry


def values(registry):
    lines = generate_latest(registry).decode().splitlines()
    return dict(line.rsplit(" ", 1) for line in lines if not line.startswith("#"))


def test_supervision_is_in_the_metrics(told):
    _, _, gauges, registry = told
    assert values(registry) == {}
    assert gauges.refresh(NOW)
    found = values(registry)
    assert found['filterd_hub_coverage{weight="nodes"}'] == "0.75"
    assert found['filterd_hub_nodes{state="late"}'] == "1.0"
    assert found['filterd_hub_enforce_seconds{quantile="0.95",weight="nodes"}'] == "3.0"
    assert found['filterd_hub_enforce_delay_seconds_bucket{le="0.5"}'] == "3.0"
    assert found['filterd_hub_enforce_delay_seconds_bucket{le="+Inf"}'] == "6.0"
    assert found['filterd_hub_waiting{kind="orders"}'] == "1.0"
    assert found['filterd_hub_nodes{state="held"}'] == found["filterd_hub_held_orders"] == "1.0"
    assert found["filterd_hub_waiting_age_seconds"] == "7.0"
    assert not any(node_id(0)[:8] in name for name in found)


def test_a_scrape_asks_nothing_and_a_look_is_good_for_a_while(told):
    books, clock, gauges, registry = told
    gauges.refresh(NOW)
    clock[0] += FRESH - 1
    assert not gauges.refresh(NOW)
    assert values(registry)["filterd_hub_look_age_seconds"] == str(FRESH - 1)
    assert books.looks == 1
    clock[0] += 1
    assert gauges.refresh(NOW)
    assert books.looks == 2


def test_what_was_found_stays_while_the_database_is_gone_and_its_age_tells(told):
    books, clock, gauges, registry = told
    gauges.refresh(NOW)
    clock[0] += 60
    books.gone = True
    with pytest.raises(DatabaseError):
        gauges.refresh(NOW)
    assert values(registry)["filterd_hub_look_age_seconds"] == "60.0"
    assert values(registry)['filterd_hub_nodes{state="late"}'] == "1.0"
    books.gone = False
    assert gauges.refresh(NOW)
