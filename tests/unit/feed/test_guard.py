"""The guard: what would hit much is held back until it is confirmed, and nothing else is."""

from dataclasses import replace

import pytest

from filterd.feed.guard import Scales, Weighed, read_weighed, weigh, write_weighed
from filterd.feed.judge import judge
from filterd.feed.ledger import Ledger
from filterd.feed.refusal import Fault, Refused
from filterd.feed.traffic import Hits
from filterd.model.order import Confirmation, Effect, Revocation
from tests.support.ministry import ANYTHING, DAY, NOW, Ministry, order


class World:
    """A ledger, segment by segment; `hits` of 10,000 queries by the order's first name."""

    def __init__(self):
        self.ministry = Ministry.new()
        self.ledger, self.size = Ledger(), 0
        self.hits, self.sampled = {}, 10_000
        self.weighed = Weighed()

    def log(self, *acts, at=NOW, officers=(0, 1)):
        signed = [self.ministry.sign(act, officers) for act in acts]
        self.ledger = self.ledger.take(signed, at, self.size)
        self.size += 1

    @property
    def judged(self):
        return judge(self.ledger, self.ministry.registry, ANYTHING)

    def weigh(self, most=0.01):
        from filterd.feed.judge import is_confirmed  # noqa: PLC0415

        def count(made):
            return Hits(self.hits.get(made.patterns[0].text, 0), self.sampled)

        def confirmed(entry):
            return is_confirmed(entry, self.ministry.registry, ANYTHING)

        self.weighed = weigh(self.judged, self.weighed, self.size, Scales(most, count, confirmed))
        return {self.ledger.entries[key].order.id for key in self.weighed.withheld}


@pytest.fixture
def world():
    world = World()
    world.hits = {"big.example": 300, "small.example": 60, "other.example": 60}
    return world


def test_an_order_that_would_hit_much_is_held_back_and_the_others_are_not(world):
    world.log(order("big.example", id="a"), order("small.example", id="b"), order(id="c"))
    assert world.weigh() == {"a"}
    (why,) = world.weighed.withheld.values()
    assert "3.0 %" in why.why


def test_orders_that_hit_nothing_are_never_held_back(world):
    for number in range(50):
        world.log(order(f"n{number}.example", id=str(number)))
    assert world.weigh(most=0.000001) == set()


def test_small_ones_add_up_over_a_day(world):
    world.log(order("small.example", id="a"))
    world.log(order("other.example", id="b"), at=NOW + 60)
    assert world.weigh() == {"b"}
    (why,) = world.weighed.withheld.values()
    assert "0.6 %" in why.why
    assert "1.2 % with others" in why.why


def test_after_a_day_it_begins_anew(world):
    world.log(order("small.example", id="a"))
    world.log(order("other.example", id="b"), at=NOW + DAY + 1)
    assert world.weigh() == set()


def test_it_is_held_back_until_its_authority_confirms_it(world):
    world.log(order("big.example", id="a"))
    assert world.weigh() == {"a"}
    word = Confirmation("a", "ministry", "it is meant", NOW + 60)
    world.log(word, at=NOW + 60, officers=(0,))
    assert world.weigh() == {"a"}, "one officer alone confirms nothing"
    world.log(word, at=NOW + 120)
    assert world.weigh() == set()
    assert world.judged, "and it is enforced"
    assert all(each.enforced for each in world.judged.values())


def test_a_confirmation_is_no_revocation_and_a_revocation_confirms_nothing(world):
    world.log(order("big.example", id="a"))
    world.log(Confirmation("a", "ministry", "meant", NOW))
    (judged,) = world.judged.values()
    assert not judged.ended
    other = World()
    other.hits = world.hits
    other.log(order("big.example", id="a"))
    assert other.weigh() == {"a"}
    other.log(Revocation("a", "ministry", "a mistake", NOW))
    assert other.weigh() == set(), "what has ended is not held back"
    (judged,) = other.judged.values()
    assert judged.ended


def test_another_authority_confirms_nothing(world):
    world.log(order("big.example", id="a"))
    stranger = Ministry.new()
    word = stranger.sign(Confirmation("a", "ministry", "meant", NOW))
    world.ledger = world.ledger.take([word], NOW + 60, world.size)
    world.size += 1
    assert world.weigh() == {"a"}


def test_few_queries_say_nothing(world):
    world.sampled, world.hits = 900, {"big.example": 800}
    world.log(order("big.example", id="a"))
    assert world.weigh() == set()


def test_what_lifts_a_block_is_not_held_back(world):
    mandate = world.ministry.authority.mandate
    both = replace(mandate, effects=frozenset({Effect.BLOCK, Effect.ALLOW}))
    world.ministry.authority = replace(world.ministry.authority, mandate=both)
    world.log(order("big.example", id="a", effect=Effect.ALLOW))
    assert world.weigh() == set()


def test_an_order_that_becomes_warranted_later_is_tried_then(world):
    world.log(order("big.example", id="a", category="news"))
    assert world.weigh() == set()
    mandate = world.ministry.authority.mandate
    wider = replace(mandate, categories=frozenset({"news"}))
    world.ministry.authority = replace(world.ministry.authority, mandate=wider)
    assert world.weigh() == {"a"}


def test_what_was_weighed_is_not_weighed_again(world):
    world.log(order("quiet.example", id="a"))
    assert world.weigh() == set()
    world.hits["quiet.example"] = 5000
    assert world.weigh() == set(), "it is in force already"


def test_a_guard_that_is_off_holds_nothing_back(world):
    world.log(order("big.example", id="a"))
    assert world.weigh() == {"a"}
    assert world.weigh(most=0.0) == set()


def test_what_was_weighed_is_kept_and_damage_is_refused(world):
    world.log(order("big.example", id="a"), order("small.example", id="b"))
    world.log(order("news.example", id="c", category="news"))
    world.weigh()
    kept = write_weighed(world.weighed)
    assert read_weighed(kept) == world.weighed
    for bad in (b"", kept[:-1], b'{"size":1}', kept.replace(b"[300", b'["x"')):
        with pytest.raises(Refused) as refused:
            read_weighed(bad)
        assert refused.value.fault is Fault.MALFORMED
