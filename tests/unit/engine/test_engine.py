"""The engine's dealing with misses: once each, bounded, never left without an end."""

import asyncio

import dns.flags
import dns.message
import pytest

from tests.support.desk import PLAIN, Desk
from tests.support.dnsclient import data_of, ede_of


@pytest.fixture
def one():
    desk = Desk(PLAIN, ["www.example.com A 192.0.2.1"])
    yield desk
    desk.close()


def query(name, number=1):
    return dns.message.make_query(name, "A", id=number, use_edns=0).to_wire()


def many(desk, packets):
    """Send all at once; return the replies that came, in the order of the packets."""

    async def go():
        loop = asyncio.get_running_loop()
        waiting = []
        for packet in packets:
            reply = desk.engine.handle(packet, "127.0.0.1", desk.now, desk.now, 0)
            there = loop.create_future()
            waiting.append(there)
            if isinstance(reply, int):
                desk.engine.wait(reply, there.set_result)
            else:
                there.set_result(reply)
        async with asyncio.timeout(10):
            return await asyncio.gather(*waiting)

    return [dns.message.from_wire(wire) for wire in desk.loop.run_until_complete(go())]


def test_the_same_question_goes_up_once(one):
    replies = many(one, [query("www.example.com", n) for n in range(50)])
    assert [r.id for r in replies] == list(range(50))
    assert all(data_of(r) == ["192.0.2.1"] for r in replies)
    assert len(one.upstream.asked) == 1
    assert one.engine.idle


def test_more_than_may_wait_are_turned_away_at_once():
    desk = Desk(
        PLAIN.replace("groups", "upstream: {servers: ['127.0.0.1:1'], max_waiting: 10}\ngroups")
    )
    desk.upstream.failure = 22
    replies = many(desk, [query(f"n{n}.example.com", n) for n in range(30)])
    assert len(replies) == 30
    assert all(r.rcode() == 2 for r in replies)
    assert len(desk.upstream.asked) == 10
    assert desk.engine.stats()["misses"]["overload"] == 20
    desk.close()


def test_an_upstream_that_raises_gives_servfail(one, caplog):
    def broken(*arguments):
        raise RuntimeError("a fault of ours")

    one.upstream.resolve = broken
    assert one.ask("www.example.com").rcode() == 2
    assert "could not be asked" in caplog.text
    assert "www.example.com" not in caplog.text.splitlines()[0]


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"\0" * 11,
        b"\xff" * 100,
        bytes(12),
        dns.message.make_query("other.example", "A", id=7).to_wire(),
    ],
)
def test_an_answer_that_fits_no_question_is_a_failure(one, raw):
    one.upstream.raw = raw
    reply = one.ask("www.example.com")
    assert reply.rcode() == 2
    assert ede_of(reply) is not None


def test_a_client_that_has_gone_is_forgotten(one):
    one.upstream.held = True
    token = one.engine.handle(query("www.example.com"), "127.0.0.1", one.now, one.now, 1)
    heard = []

    async def go():
        one.engine.wait(token, heard.append)
        await asyncio.sleep(0)
        one.engine.forget(token)
        one.engine.forget(token)
        assert one.engine.idle

    one.loop.run_until_complete(go())
    assert heard == []


def test_new_rules_hold_for_what_is_cached(one):
    assert data_of(one.ask("www.example.com")) == ["192.0.2.1"]
    one.change(PLAIN + "block: [www.example.com]\n")
    assert data_of(one.ask("www.example.com")) == ["0.0.0.0"]
    one.change(PLAIN)
    assert data_of(one.ask("www.example.com")) == ["192.0.2.1"]
    assert len(one.upstream.asked) == 1, "the cache was not flushed"


def test_rules_that_change_while_a_question_is_out(one):
    one.upstream.held = True
    token = one.engine.handle(query("www.example.com"), "127.0.0.1", one.now, one.now, 0)
    heard = []
    kept = []
    one.upstream.resolve = lambda name, q, deadline, done: kept.append((q, done))

    async def go():
        one.engine.wait(token, heard.append)
        await asyncio.sleep(0)
        one.change(PLAIN + "block: [www.example.com]\n")
        ((asked, done),) = kept
        done(one.upstream.answer(dns.message.from_wire(asked)).to_wire(), 0)

    one.loop.run_until_complete(go())
    (wire,) = heard
    assert data_of(dns.message.from_wire(wire)) == ["0.0.0.0"]


def test_prefetch_renews_before_the_end(one):
    one.ask("www.example.com")  # 300 s
    one.ask("www.example.com")  # in use: asked again
    one.now += 280
    assert data_of(one.ask("www.example.com")) == ["192.0.2.1"]

    async def poke():
        one.engine.poke()
        await asyncio.sleep(0.02)

    one.loop.run_until_complete(poke())
    assert len(one.upstream.asked) == 2
    one.now += 100
    assert one.ask("www.example.com").answer[0].ttl == 200
    assert len(one.upstream.asked) == 2


def test_do_and_cd_are_questions_of_their_own(one):
    one.ask("www.example.com")
    one.ask("www.example.com", want_dnssec=True)
    one.ask("www.example.com", flags=dns.flags.RD | dns.flags.CD)
    assert len(one.upstream.asked) == 3
    assert [bool(m.flags & 0x10) for m in one.upstream.asked] == [False, False, True]
    assert [bool(m.ednsflags & 0x8000) for m in one.upstream.asked] == [False, True, False]
