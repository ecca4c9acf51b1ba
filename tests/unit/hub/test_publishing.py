"""Publishing, killed at each of its steps, on both databases."""

import os
import time
from dataclasses import replace

import pytest

from filterd.cli.demo_world import make_world, order
from filterd.feed.keys import open_key
from filterd.feed.refusal import Fault, Refused
from filterd.feed.segment import unpack
from filterd.feed.standing import read_standing
from filterd.hub import publishing, register
from filterd.hub.database import open_database
from filterd.hub.publishing import Publisher, Times
from filterd.model.clock import Clock
from filterd.model.order import Priority, Revocation
from tests.support.databases import DATABASES, new_database
from tests.support.steps import each_change, each_statement, killed_at

STEPS = ("append", "appended", "registered")


class Place:
    """A feed, a database, a clock that a test sets, and a publisher of them."""

    def __init__(self, kind, folder):
        self.now = float(int(time.time()))
        self.world = make_world(folder / "world", int(self.now))
        self.database = new_database(kind, folder)
        word = self.world.passphrase.read_text().strip()
        self.keeper = open_key(self.world.log_key, word)
        self.publisher = self.new()

    def new(self, **more):
        clock = Clock(lambda: self.now, lambda: self.now)
        times = Times(60.0, 3600.0)
        given = {"keeper": self.keeper, "database": self.database, **more}
        keeper, database = given.pop("keeper"), given.pop("database")
        return Publisher(self.world.feed, keeper, database, (), clock, times, **given)

    def submit(self, ident, *names, urgent=True, act=None):
        if act is None:
            act = order(ident, names or (f"{ident}.example",), int(self.now))
            if not urgent:
                act = replace_priority(act)
        signed = self.world.signed(act, int(self.now))
        with self.database.write() as connection:
            register.submit(connection, signed, "Officer", int(self.now * 1000))
        return signed

    @property
    def acts(self):
        """Each segment's orders by their ids."""
        files = sorted(self.world.feed.glob("log/*/*/*.zst"))
        return [[each.act.id for each in unpack(file.read_bytes()).acts] for file in files]

    def waiting(self):
        with self.database.read() as connection:
            return len(register.waiting(connection))

    def registered(self):
        with self.database.read() as connection:
            return register.registered(connection).size


def replace_priority(act):
    return replace(act, priority=Priority.NORMAL)


@pytest.fixture(params=DATABASES)
def place(request, tmp_path):
    made = Place(request.param, tmp_path)
    yield made
    made.database.close()


def test_urgent_acts_go_at_once_and_others_are_gathered(place) -> None:
    place.submit("a", urgent=False)
    place.publisher.publish()
    assert place.acts == []
    place.submit("b")
    place.publisher.publish()
    assert place.acts == [["b"]]
    place.now += 30
    place.submit("c", urgent=False)
    place.now += 31
    place.publisher.publish()
    assert place.acts == [["b"], ["a", "c"]], "all that wait, once the first has waited enough"
    assert (place.waiting(), place.registered()) == (0, 2)


def test_a_revocation_goes_at_once(place) -> None:
    place.submit("a")
    place.publisher.publish()
    end = Revocation("a", "ministry", "a mistake", int(place.now))
    place.submit("", act=end)
    place.publisher.publish()
    assert place.registered() == 2


def test_the_checkpoint_is_signed_anew(place) -> None:
    place.publisher.publish()
    before = (place.world.feed / "checkpoint").read_text()
    place.now += 3500
    place.publisher.publish()
    assert (place.world.feed / "checkpoint").read_text() == before
    place.now += 200
    place.publisher.publish()
    assert f"time {int(place.now)}" in (place.world.feed / "checkpoint").read_text()


def test_what_is_warranted_no_more_is_let_go_and_the_rest_goes_on(place) -> None:
    place.submit("a", "example")  # protected, which whoever took it did not look at
    place.submit("b")
    place.publisher.publish()
    assert place.acts == [["b"]]
    assert place.waiting() == 0


def test_what_another_publishes_is_registered_and_gone_on_from(place) -> None:
    other = place.new()
    place.submit("a")
    place.publisher.publish()
    place.submit("b")
    other.publish()
    place.submit("c")
    place.publisher.publish()
    assert place.acts == [["a"], ["b"], ["c"]]
    reader = place.new(keeper=None)
    place.submit("d")
    reader.publish()
    assert place.acts == [["a"], ["b"], ["c"]], "without the key nothing is published"


@pytest.mark.parametrize("step", STEPS)
def test_killed_at_a_step_an_order_is_in_the_log_once(place, step) -> None:
    place.submit("a")
    place.publisher.publish()
    place.submit("b")
    child = os.fork()
    if child == 0:
        place.database.engine.dispose(close=False)

        def end(at: str) -> None:
            if at == step:
                os._exit(7)

        place.new(step=end).publish()
        os._exit(0)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 7
    place.new().publish()
    place.publisher.publish()
    assert place.acts == [["a"], ["b"]]
    assert (place.waiting(), place.registered()) == (0, 2)


def test_what_nearly_everybody_needs_is_refused_here_as_at_every_node(place, monkeypatch):
    trust = replace(read_standing(place.world.feed), popular=("www.search.example",))
    monkeypatch.setattr(publishing, "read_standing", lambda feed: trust)
    signed = [
        place.world.signed(order(name, (name,), int(place.now)), int(place.now))
        for name in ("search.example", "bet.example")
    ]
    with pytest.raises(Refused, match="nearly everybody needs") as refused:
        place.publisher.check(signed[0])
    assert refused.value.fault is Fault.TOO_BROAD
    place.publisher.check(signed[1])


def test_killed_at_any_write_from_hand_in_to_register_an_order_is_in_the_log_once(place) -> None:
    """Each change on disk and each statement in the database is a step. The officer had no answer,
    so the same order is handed in again.
    """
    url = place.database.engine.url.render_as_string(hide_password=False)
    for step in range(1, 500):
        signed = place.world.signed(
            order(f"s{step}", (f"s{step}.example",), int(place.now)), int(place.now)
        )
        place.database.close()  # its connections are not for the children

        def work(reached, signed=signed):
            mine = open_database(url)
            each_statement(mine.engine, reached)
            each_change(reached)
            hand_in(mine, signed, place.now)
            place.new(database=mine).publish()

        killed = killed_at(step, work)
        hand_in(place.database, signed, place.now)
        place.new().publish()
        assert place.acts[-1] == [f"s{step}"]
        assert len(place.acts) == step == place.registered()
        assert place.waiting() == 0
        if not killed:
            break
    assert not killed
    assert step > 20


def hand_in(database, signed, now):
    with database.write() as connection:
        register.submit(connection, signed, "Officer", int(now * 1000))
