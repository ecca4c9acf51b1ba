"""What a worker tells its daemon, and what becomes of it when the daemon is away, slow or new."""

import asyncio
from contextlib import asynccontextmanager

import pytest

from filterd.app.http_told import HttpTold
from filterd.control.server import ControlServer
from filterd.http.daemon import Daemon
from filterd.http.exchange import (
    AGAIN,
    AT_ONCE,
    COMMAND,
    MOST_PINNED,
    MOST_SEEN,
    MOST_WORDS,
    OTHER,
    Exchange,
    tell,
)
from filterd.http.never import LEARNED_SECONDS, Learned
from filterd.http.words import Act, Verdict, Why
from filterd.model.errors import ControlError


class Worker:
    """An exchange with a clock that the test sets."""

    def __init__(self, name="0123456789abcdef"):
        self.now = 100.0
        self.learned = Learned()
        self.exchange = Exchange(self.learned, lambda: self.now, lambda: 7, name)

    def learn(self, client, host):
        self.learned.learn(client, host, self.now)
        self.exchange.pinned(client, host)

    def call(self, daemon):
        told = self.exchange.tell()
        return self.exchange.take(told, daemon.take(told))


def daemon(epoch="first"):
    return HttpTold(epoch, lambda: 100.0, lambda: 7)


@asynccontextmanager
async def answering(path, handler):
    server = ControlServer(path, {COMMAND: handler})
    await server.start()
    try:
        yield Daemon(path)
    finally:
        await server.close()


def test_what_one_learned_the_other_knows_as_long_and_no_other_client():
    one, two, between = Worker("a" * 16), Worker("b" * 16), daemon()
    one.now = 100.0
    one.learn("192.0.2.1", "app.example")
    one.now = 400.0  # told late
    one.call(between)
    two.call(between)
    assert two.learned.knows("192.0.2.1", "app.example", 100.0)
    assert not two.learned.knows("192.0.2.2", "app.example", 100.0)
    assert two.learned.left("192.0.2.1", "app.example", 100.0) == LEARNED_SECONDS - 300
    assert two.exchange.tell()["pinned"] == []  # it is not told back


def test_a_worker_is_not_told_what_it_told():
    one, between = Worker(), daemon()
    one.learn("192.0.2.1", "app.example")
    told = one.exchange.tell()
    assert between.take(told)["pinned"] == []


def test_a_daemon_that_begins_anew_is_told_all_and_asked_for_all():
    one, two = Worker("a" * 16), Worker("b" * 16)
    before = daemon()
    one.learn("192.0.2.1", "app.example")
    one.call(before)
    two.call(before)
    after = daemon("second")
    three = Worker("c" * 16)
    two.call(after)  # it hears of the other epoch
    two.call(after)
    three.call(after)
    assert three.learned.knows("192.0.2.1", "app.example", 100.0)
    one.call(after)
    one.call(after)
    assert after.numbers()["learned"] == 1
    assert after.counts["exchange.pinned"] == 1


def test_many_at_once_go_in_several_calls_and_all_arrive():
    one, two, between = Worker("a" * 16), Worker("b" * 16), daemon()
    for number in range(AT_ONCE + 5):
        one.learn("192.0.2.1", f"a{number}.example")
    assert one.call(between)
    assert not one.call(between)
    assert two.call(between)
    assert not two.call(between)
    assert len(two.learned) == AT_ONCE + 5


def test_what_was_forgotten_before_it_was_told_is_left_out():
    one = Worker()
    one.learn("192.0.2.1", "app.example")
    one.now += LEARNED_SECONDS + 1
    assert one.exchange.tell()["pinned"] == []
    assert one.exchange.tell()["pinned"] == []


def test_a_host_is_told_once_and_again_when_a_label_is_found():
    one, between = Worker(), daemon()
    for _ in range(3):
        one.exchange.saw("a.example", False)
    assert one.exchange.tell()["seen"] == [["a.example", False]]
    one.call(between)
    one.exchange.saw("a.example", False)
    assert one.exchange.tell()["seen"] == []
    one.exchange.saw("a.example", True)
    assert one.exchange.tell()["seen"] == [["a.example", True]]
    one.call(between)
    one.exchange.saw("a.example", False)
    assert one.exchange.tell()["seen"] == []
    one.now += AGAIN
    one.exchange.saw("a.example", False)
    assert one.exchange.tell()["seen"] == [["a.example", False]]


def test_what_waits_is_bounded_and_counts_go_on():
    one = Worker()
    for number in range(MOST_PINNED + 10):
        one.exchange.pinned("192.0.2.1", f"{number}.example")
        one.exchange.saw(f"{number}.example", False)
        one.exchange.count(f"media.w{number}")
    assert len(one.exchange._pinned) == MOST_PINNED
    assert len(one.exchange._seen) == MOST_SEEN
    counts = one.exchange.tell()["counts"]
    assert len(counts) <= MOST_WORDS + 1
    assert counts[OTHER] > 0
    assert sum(counts.values()) == 2 * (MOST_PINNED + 10)


def test_decisions_are_counted_by_act_and_why():
    one = Worker()
    one.exchange.decided("requests", Verdict(Act.BLOCK, Why.BAD_URL, "a.example"))
    one.exchange.decided("connections", Verdict(Act.SPLICE, Why.NEVER, "b.example"))
    counts = one.exchange.tell()["counts"]
    assert counts == {"requests.block.bad-url": 1, "connections.splice.never-decrypt": 1}
    assert "example" not in str(counts)


def test_totals_of_others_are_told_as_what_they_gained():
    one, between, totals = Worker(), daemon(), {"hit": 2}
    one.exchange.follow("media", lambda: totals)
    one.call(between)
    totals["hit"], totals["written"] = 5, 1
    one.call(between)
    one.call(between)
    assert (between.counts["media.hit"], between.counts["media.written"]) == (5, 1)


def test_an_answer_that_was_lost_counts_nothing_twice():
    one, between = Worker(), daemon()
    one.exchange.count("media.hit", 3)
    between.take(one.exchange.tell())  # the answer never comes
    one.exchange.count("media.hit", 4)
    one.call(between)
    assert between.counts["media.hit"] == 3
    one.call(between)
    assert between.counts["media.hit"] == 7


def test_counts_add_up_while_the_daemon_is_away(tmp_path):
    one, between = Worker(), daemon()

    async def told(arguments, _report):
        return between.take(arguments)

    async def run():
        for _ in range(5):
            one.exchange.count("media.hit")
            one.learn("192.0.2.1", "app.example")
            assert not await tell(one.exchange, Daemon(tmp_path / "s"))
        async with answering(tmp_path / "s", told) as there:
            for _ in range(3):
                await tell(one.exchange, there)

    asyncio.run(run())
    assert between.counts["media.hit"] == 5
    assert between.numbers()["learned"] == 1


def test_what_is_refused_is_left_out_and_told_once_in_the_log(tmp_path, caplog):
    one, between = Worker(), daemon()
    says = [ControlError("of another version")] * 3

    async def told(arguments, _report):
        if says:
            raise says.pop()
        return between.take(arguments)

    async def run():
        async with answering(tmp_path / "s", told) as there:
            for _ in range(4):
                one.exchange.count("media.hit")
                await tell(one.exchange, there)

    asyncio.run(run())
    assert between.counts["media.hit"] == 1
    assert between.counts["exchange.refused"] == 3
    assert caplog.text.count("of another version") == 1


@pytest.mark.parametrize("answer", [{}, {"epoch": "e", "sequence": "x"}, None, [1]])
def test_an_answer_that_is_none_changes_nothing(tmp_path, answer):
    one = Worker()

    async def told(_arguments, _report):
        return answer

    async def run():
        async with answering(tmp_path / "s", told) as there:
            assert not await tell(one.exchange, there)

    asyncio.run(run())
    assert one.exchange.tell()["epoch"] == ""
