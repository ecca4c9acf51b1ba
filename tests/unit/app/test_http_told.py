"""What the daemon makes of calls of workers, honest or not."""

import math

import pytest

from filterd.app.http_told import AWAY, MOST_WORKERS, HttpTold
from filterd.http.exchange import AT_ONCE
from filterd.http.never import LEARNED_SECONDS, MOST_LEARNED
from filterd.model.errors import ControlError

CALL = {
    "worker": "0123456789abcdef",
    "number": 1,
    "counts": {},
    "pinned": [],
    "seen": [],
    "generation": 3,
    "epoch": "",
    "known": 0,
}


class Seen:
    generation = 4

    def __init__(self):
        self.hosts = []

    def see(self, host, *, labelled):
        self.hosts.append((host, labelled))

    def numbers(self):
        return {"waiting": 2}


class Fixture:
    def __init__(self):
        self.now, self.generation = 50.0, 3
        self.told = HttpTold("e", lambda: self.now, lambda: self.generation)

    def take(self, **call):
        return self.told.take(CALL | call)


@pytest.mark.parametrize(
    "wrong",
    [
        {"worker": 5},
        {"worker": "../../etc"},
        {"number": True},
        {"number": "1"},
        {"counts": []},
        {"counts": {str(n): 1 for n in range(AT_ONCE + 1)}},
        {"pinned": {}},
        {"pinned": [[]] * (AT_ONCE + 1)},
        {"seen": None},
        {"generation": 1.5},
        {"more": 1},
    ],
)
def test_what_is_no_call_is_refused_whole(wrong):
    made = Fixture()
    with pytest.raises(ControlError):
        made.take(**({"counts": {"media.raised": 1}} | wrong))
    assert not made.told.counts
    with pytest.raises(ControlError):
        made.told.take({})


@pytest.mark.parametrize(
    "row",
    [
        [],
        5,
        None,
        ["client", "a.example", 5.0],
        ["192.0.2.1", "a..example", 5.0],
        ["192.0.2.1", "", 5.0],
        ["192.0.2.1", 7, 5.0],
        ["192.0.2.1", "a.example", math.nan],
        ["192.0.2.1", "a.example", -1.0],
        ["192.0.2.1", "a.example", "x"],
        ["192.0.2.1", "a.example"],
    ],
)
def test_a_row_that_is_no_client_and_name_is_left_out(row):
    made = Fixture()
    made.take(pinned=[row, ["192.0.2.1", "good.example", 5.0]])
    answer = made.take(worker="b" * 16)
    assert answer["pinned"] == [["192.0.2.1", "good.example", 5.0]]


def test_nobody_is_told_anything_for_longer_than_a_day():
    made = Fixture()
    made.take(pinned=[["192.0.2.1", "a.example", 1e12]])
    assert made.take(worker="b" * 16)["pinned"] == [["192.0.2.1", "a.example", LEARNED_SECONDS]]


def test_what_has_ended_is_told_to_nobody_and_forgotten():
    made = Fixture()
    made.take(pinned=[["192.0.2.1", "a.example", 5.0]])
    made.now += 6
    assert made.take(worker="b" * 16)["pinned"] == []
    assert made.told.numbers()["learned"] == 0


def test_the_same_again_is_no_news():
    made = Fixture()
    for _ in range(3):
        made.take(pinned=[["192.0.2.1", "a.example", 500.0]])
    assert made.take(worker="b" * 16)["sequence"] == 1
    made.now += 100
    made.take(pinned=[["192.0.2.1", "a.example", 500.0]])
    answer = made.take(worker="b" * 16, epoch="e", known=1)
    assert (answer["sequence"], answer["pinned"]) == (2, [["192.0.2.1", "a.example", 500.0]])


def test_what_is_kept_is_bounded():
    made = Fixture()
    for start in range(0, MOST_LEARNED + 2 * AT_ONCE, AT_ONCE):
        rows = [["192.0.2.1", f"{start + n}.example", 500.0] for n in range(AT_ONCE)]
        made.take(pinned=rows)
    for number in range(MOST_WORKERS + 50):
        made.take(worker=f"{number:016x}")
    assert made.told.numbers()["learned"] == MOST_LEARNED
    assert len(made.told._workers) == MOST_WORKERS


def test_words_that_nobody_knows_become_no_metric():
    made = Fixture()
    bad = {"x": 1, "media.UP": 1, "requests.block": 2, "media.a.b": 1, "media.hit": -4}
    made.take(counts=bad | {"media.raised": 2, "media.x": 1.5, "media.y": True})
    assert made.told.counts == {"media.raised": 2, "exchange.bad": 7}
    for call in range(3):
        words = {
            f"media.{chr(97 + call)}{'x' * (n % 30)}{chr(97 + n // 30)}": 1 for n in range(600)
        }
        made.take(number=call + 2, counts=words)
    assert len(made.told.counts) <= 1_001


def test_numbers_say_who_is_there_and_who_is_behind():
    made = Fixture()
    made.take()
    made.take(worker="b" * 16, generation=2)
    told = made.told.numbers()
    assert (told["workers"], told["behind"]) == (2, 1)
    made.now += AWAY
    assert made.told.numbers()["workers"] == 0


def test_counts_stand_at_the_paths_of_the_metrics():
    made = Fixture()
    made.take(counts={"requests.block.rule": 2, "media.hit": 1})
    told = made.told.numbers()
    assert told["requests"] == {"block": {"rule": 2}}
    assert told["media"] == {"hit": 1}


def test_hosts_go_to_who_follows_labels():
    made = Fixture()
    made.take(seen=[["a.example", True]])  # nobody follows them
    made.told.sites = Seen()
    answer = made.take(seen=[["A.example.", False], ["bad..name", True], 5, ["b.example", 1]])
    assert made.told.sites.hosts == [("a.example", False), ("b.example", False)]
    assert answer["labels"] == 4
    assert made.told.numbers()["sites"] == {"waiting": 2}
