"""Races between servers. The servers are scripted transports, the loop and its time are real."""

import asyncio

import pytest

from filterd.upstream import forwarder
from filterd.upstream.base import Fault, exchange
from filterd.upstream.bootstrap import question
from filterd.upstream.counts import Counts
from filterd.upstream.forwarder import Forwarder, Upstream
from filterd.upstream.health import THRESHOLD
from filterd.upstream.strategy import Strategy
from tests.support.fake_upstream import REFUSED, SERVFAIL, reply, soon

QUERY = question("www.example.test", 1)
GOOD = reply(QUERY)
FAILED = reply(QUERY, rcode=SERVFAIL)
REFUSING = reply(QUERY, rcode=REFUSED)
NXDOMAIN = reply(QUERY, rcode=3)


class Scripted:
    """A transport that says `outcome` after `seconds`, or nothing (None) until the deadline."""

    def __init__(self, outcome, seconds=0.0):
        self.outcome = outcome
        self.seconds = seconds
        self.asked = 0
        self.cancelled = 0

    def ask(self, query, deadline, done):
        loop = asyncio.get_running_loop()
        self.asked += 1
        if self.outcome is None:
            handle = loop.call_at(deadline, done, Fault.TIMEOUT)
        else:
            handle = loop.call_later(self.seconds, done, self.outcome)

        def cancel():
            self.cancelled += 1
            handle.cancel()

        return cancel

    def close(self):
        pass


def make(strategy, *scripts):
    upstreams = [Upstream(f"s{i}", script, Counts()) for i, script in enumerate(scripts)]
    return Forwarder(upstreams, strategy, asyncio.get_running_loop())


def race(strategy, *scripts, seconds=2.0, times=1):
    async def main():
        ours = make(strategy, *scripts)
        outcomes = []
        for _ in range(times):
            done = asyncio.get_running_loop().create_future()
            ours.ask(QUERY, soon(seconds), done.set_result)
            outcomes.append(await done)
            await asyncio.sleep(0)
        return outcomes, ours

    outcomes, ours = asyncio.run(main())
    return (outcomes[0] if times == 1 else outcomes), ours


def test_strict_asks_the_first_only():
    second = Scripted(GOOD)
    outcome, _ = race(Strategy.STRICT, Scripted(GOOD), second)
    assert outcome == GOOD
    assert second.asked == 0


@pytest.mark.parametrize("first", [FAILED, REFUSING, Fault.REFUSED, Fault.GARBAGE, Fault.TLS])
def test_a_failure_leads_to_the_next_server_at_once(first):
    outcome, ours = race(Strategy.STRICT, Scripted(first), Scripted(GOOD))
    assert outcome == GOOD
    assert sum(ours.upstreams[0].counts.failures.values()) == 1


def test_nxdomain_is_an_answer():
    second = Scripted(GOOD)
    outcome, _ = race(Strategy.STRICT, Scripted(NXDOMAIN), second)
    assert outcome == NXDOMAIN
    assert second.asked == 0


def test_silence_leads_to_the_next_server_within_the_deadline():
    outcome, ours = race(Strategy.STRICT, Scripted(None), Scripted(GOOD), seconds=5)
    assert outcome == GOOD
    assert ours.upstreams[0].counts.failures[Fault.TIMEOUT] == 1
    assert ours.upstreams[0].health.failures == 1


def test_too_little_time_is_not_held_against_a_server():
    second = Scripted(GOOD)
    outcomes, ours = race(Strategy.STRICT, Scripted(None), second, seconds=0.02, times=THRESHOLD)
    assert outcomes == [Fault.TIMEOUT] * THRESHOLD
    assert second.asked == 0  # nor is the next one asked what it cannot answer any more
    assert ours.upstreams[0].counts.failures[Fault.TIMEOUT] == THRESHOLD
    assert ours.upstreams[0].health.up


@pytest.mark.parametrize("strategy", list(Strategy))
def test_a_deadline_that_has_passed_is_a_timeout(strategy):
    outcome, _ = race(strategy, Scripted(GOOD), Scripted(GOOD), seconds=-1.0)
    assert outcome is Fault.TIMEOUT


@pytest.mark.parametrize("strategy", list(Strategy))
def test_servfail_does_not_wait_for_the_dead(strategy, monkeypatch):
    monkeypatch.setattr(forwarder, "GRACE", 0.02)
    dead = Scripted(None)
    outcome, _ = race(strategy, Scripted(FAILED), dead, seconds=60)
    assert outcome == FAILED
    assert dead.cancelled == 1  # it was not its deadline that ended the race


@pytest.mark.parametrize("strategy", list(Strategy))
def test_servfail_gives_the_others_a_chance(strategy):
    outcome, _ = race(strategy, Scripted(FAILED), Scripted(GOOD, 0.05), seconds=60)
    assert outcome == GOOD


def test_a_late_answer_of_the_first_is_still_taken(monkeypatch):
    monkeypatch.setattr("filterd.upstream.health.UNKNOWN_PATIENCE", 0.02)
    outcome, _ = race(Strategy.STRICT, Scripted(GOOD, 0.1), Scripted(None))
    assert outcome == GOOD


def test_a_server_that_keeps_failing_goes_to_the_end(monkeypatch):
    monkeypatch.setattr("filterd.upstream.health.UNKNOWN_PATIENCE", 0.01)
    dead = Scripted(None)
    outcomes, ours = race(Strategy.STRICT, dead, Scripted(GOOD), times=THRESHOLD + 5)
    assert outcomes == [GOOD] * (THRESHOLD + 5)
    assert not ours.upstreams[0].health.up
    assert dead.asked == THRESHOLD


def test_parallel_takes_the_first_good_answer_and_cancels_the_rest():
    slow, bad = Scripted(NXDOMAIN, 1.0), Scripted(FAILED)
    outcome, _ = race(Strategy.PARALLEL, slow, bad, Scripted(GOOD, 0.01))
    assert outcome == GOOD
    assert slow.asked == bad.asked == slow.cancelled == 1


def test_fastest_goes_to_the_faster_one():
    slow, fast = Scripted(GOOD, 0.03), Scripted(GOOD, 0.001)
    race(Strategy.FASTEST, slow, fast, times=30)
    assert fast.asked >= 28
    assert slow.asked <= 3


def test_servfail_from_all_is_passed_on():
    outcome, _ = race(Strategy.STRICT, Scripted(FAILED), Scripted(REFUSING))
    assert outcome == FAILED


def test_servfail_of_one_name_does_not_take_a_server_down():
    _, ours = race(Strategy.STRICT, Scripted(FAILED), Scripted(GOOD), times=10)
    assert ours.upstreams[0].health.up


def test_refused_from_all_is_a_fault_and_takes_them_down():
    outcomes, ours = race(Strategy.STRICT, Scripted(REFUSING), times=THRESHOLD)
    assert outcomes == [Fault.RCODE] * THRESHOLD
    assert not ours.upstreams[0].health.up


def test_all_silent_is_a_timeout():
    outcome, _ = race(Strategy.STRICT, Scripted(None), Scripted(None), seconds=0.1)
    assert outcome is Fault.TIMEOUT


def test_all_absent_are_tried_again_while_there_is_time(monkeypatch):
    monkeypatch.setattr(forwarder, "PAUSE", 0.01)
    first = Scripted(Fault.REFUSED)
    outcome, _ = race(Strategy.STRICT, first, Scripted(Fault.CLOSED))
    assert outcome in {Fault.REFUSED, Fault.CLOSED}
    assert first.asked == forwarder.ROUNDS


def test_a_server_that_comes_back_is_noticed():
    async def main():
        dead = Scripted(Fault.REFUSED)
        ours = make(Strategy.STRICT, dead, Scripted(GOOD))
        for _ in range(THRESHOLD):
            await exchange(ours, QUERY, soon(1))
        assert not ours.upstreams[0].health.up
        dead.outcome = GOOD
        ours.upstreams[0].health.retry_at = 0.0  # its pause is over
        await exchange(ours, QUERY, soon(1))  # asked beside
        await asyncio.sleep(0.01)
        return ours.upstreams[0].health.up

    assert asyncio.run(main())


def test_a_cancelled_race_is_silent():
    async def main():
        script = Scripted(GOOD, 0.01)
        heard = []
        make(Strategy.STRICT, script).ask(QUERY, soon(1), heard.append)()
        await asyncio.sleep(0.05)
        return heard, script.cancelled

    assert asyncio.run(main()) == ([], 1)
