"""What keeps clients from a node, and what does not."""

from dataclasses import replace
from types import SimpleNamespace

import pytest

from filterd.app.fitness import unfit
from filterd.config.load import loads
from filterd.engine.engine import Doors
from filterd.policy.rulebook import default_directory, load_rulebook

BOOK = load_rulebook(default_directory())
PLAIN = "groups: {g: {age: 18}}\ndefault_group: g\n"
LISTS = PLAIN + "lists: {l: {url: 'https://lists.example/l.txt', format: domains}}\n"
FEED = PLAIN + "feed: {url: 'https://feed.example/', root: /nowhere/root.json}\n"
ALL = Doors({"udp": 2, "forward": 1}, {"udp": 2, "forward": 1}, 0, 0)


def lists(*inputs):
    return SimpleNamespace(generation=SimpleNamespace(inputs=inputs))


def node(config=PLAIN, *, doors=ALL, lists=None, base=None, orders=(), feed=None, **more):
    inputs = SimpleNamespace(lists=lists, base=base, orders=orders)
    return SimpleNamespace(
        config=loads(config, book=BOOK, formats={"domains"}),
        engine=SimpleNamespace(doors=lambda: doors),
        ruling=SimpleNamespace(inputs=inputs),
        feed=feed,
        draining=False,
        problems={},
        **more,
    )


def test_a_node_without_lists_and_feed_is_fit():
    assert unfit(node()) == []


def test_it_is_to_stop():
    stopping = node()
    stopping.draining = True
    assert unfit(stopping) == ["stopping: clients are still answered, and should go elsewhere"]


def test_a_thread_has_ended():
    (reason,) = unfit(node(doors=replace(ALL, running={"udp": 1, "forward": 1})))
    assert "1 of 2 that answer UDP" in reason


def test_what_is_old_is_enforced_all_the_same():
    troubled = node(LISTS, lists=lists(("l", "0" * 64)))
    troubled.problems |= {"report": "nothing can be reported", "handoffs": "a full disk"}
    assert unfit(troubled) == []


def test_without_any_of_its_lists_it_is_not_fit():
    for none in (None, lists()):
        assert unfit(node(LISTS, lists=none)) == ["lists: none is in force yet"]
    assert unfit(node(LISTS, lists=lists(("l", "0" * 64)))) == []


@pytest.mark.parametrize(
    ("state", "fit"),
    [
        ({}, False),
        ({"feed": SimpleNamespace(enforced=None)}, False),
        ({"feed": SimpleNamespace(enforced=object())}, True),
        ({"base": object()}, True),
        ({"orders": (object(),), "feed": SimpleNamespace(enforced=None)}, True),
    ],
)
def test_a_feed_that_was_never_in_force_keeps_clients_away(state, fit):
    assert (unfit(node(FEED, **state)) == []) is fit
