from filterd.hub.chains import broken
from tests.support.hub_world import DAY, NOW, World, node_id


def test_gaps_forks_and_lost_rows_are_told_by_node(books):
    world = World()
    whole, gap, fork, lost, old = (world.node(at, province=f"p{at}") for at in range(5))
    world.batch(whole, 0)
    for sequence in (3, 7):
        world.batch(gap, sequence, chain="gap")
    world.batch(fork, 1, chain="fork", dropped=4)
    world.batch(lost, 0, dropped=2)
    world.batch(lost, 1, dropped=3)
    world.batch(old, 3, chain="gap", arrived_at=NOW - 2 * DAY)
    told = broken(books(world))
    assert [(each["id"], each["gaps"], each["forks"], each["dropped"]) for each in told] == [
        (fork, 0, 1, 4),
        (gap, 2, 0, 0),
        (lost, 0, 0, 5),
    ]


def test_of_its_own_province_only(books):
    world = World()
    for at in range(2):
        world.batch(world.node(at, province=f"p{at}"), 1, chain="gap")
    assert [each["id"] for each in broken(books(world, province="p1"))] == [node_id(1)]
