"""Faults over UDP, one test each; the right answer always follows where it can."""

import asyncio
import random
import time
from contextlib import asynccontextmanager

import pytest
import uvloop

from filterd.upstream import udp
from filterd.upstream.base import ExchangeError, Fault, exchange
from filterd.upstream.bootstrap import question
from filterd.upstream.counts import Counts, Drop
from filterd.upstream.resolver import Resolver, Settings
from filterd.upstream.tcp import tcp_transport
from filterd.upstream.udp import UdpTransport
from tests.support.fake_upstream import (
    answer_all,
    fake_tcp,
    fake_udp,
    framed,
    means,
    other_id,
    question_of,
    read_message,
    reply,
    soon,
)
from tests.support.servers import free_port

QUERY = question("www.example.test", 1)
WRONG = b"\xc6\x33\x64\x07"  # the address in every answer that must not be taken


def swapped(wire):
    section = question_of(wire)
    return section[:-4].swapcase() + section[-4:]


@asynccontextmanager
async def asking(port, host="127.0.0.1"):
    counts = Counts()
    ours = means()
    transport = UdpTransport(host, port, ours, counts, tcp_transport(host, port, ours, counts))
    try:
        yield transport, counts
    finally:
        transport.close()
        await asyncio.sleep(0)


def ask_once(respond, seconds=2.0):
    """Return (answer, counts, fake) of one question to a fake."""

    async def main():
        async with fake_udp(respond) as fake, asking(fake.port) as (transport, counts):
            return await exchange(transport, QUERY, soon(seconds)), counts, fake

    return asyncio.run(main())


def test_a_right_answer():
    answer, counts, fake = ask_once(lambda q: [reply(q)])
    assert answer == reply(QUERY)
    assert fake.queries[0][:2] != b"\0\0"
    assert question_of(fake.queries[0]) != question_of(QUERY)  # 0x20
    assert not any(counts.drops.values())


@pytest.mark.parametrize(
    ("bad", "drop"),
    [
        (lambda q: reply(q, id_=other_id(q), address=WRONG), Drop.WRONG_ID),
        (
            lambda q: reply(q, question=question("x.example.test", 1)[12:], address=WRONG),
            Drop.WRONG_QUESTION,
        ),
        (lambda q: q[:2] + b"\0", Drop.MALFORMED),
        (lambda q: q, Drop.MALFORMED),  # our own query reflected
        (lambda q: b"\0", Drop.MALFORMED),
        (lambda q: b"\xff" * 40, Drop.WRONG_ID),
        (lambda q: reply(q, address=WRONG) + bytes(600), Drop.OVERSIZED),
        (lambda q: reply(q, address=WRONG) + bytes(9000), Drop.OVERSIZED),
    ],
    ids=[
        "wrong id",
        "wrong question",
        "short",
        "reflected",
        "one octet",
        "noise",
        "oversized",
        "huge",
    ],
)
def test_dropped_counted_and_waited_on_for_the_right_one(bad, drop):
    answer, counts, _ = ask_once(lambda q: [bad(q), reply(q)])
    assert answer == reply(QUERY)
    assert counts.drops[drop] == 1
    assert sum(counts.drops.values()) == 1


def test_an_answer_from_another_address_or_port_never_arrives():
    async def main():
        async with fake_udp(lambda q: []) as liar, fake_udp(lambda q: []) as fake:

            def respond(query):
                liar.transport.sendto(reply(query, address=WRONG), fake.clients[-1])
                return [reply(query)]

            fake.respond = respond
            async with asking(fake.port) as (transport, counts):
                return await exchange(transport, QUERY, soon(2)), counts

    answer, counts = asyncio.run(main())
    assert answer == reply(QUERY)
    assert not any(counts.drops.values())


def test_a_lost_query_is_sent_again(monkeypatch):
    monkeypatch.setattr(udp, "FIRST_WAIT", 0.02)
    seen = []

    def respond(query):
        seen.append(query)
        return [reply(query)] if len(seen) == 3 else []

    answer, counts, _ = ask_once(respond)
    assert answer == reply(QUERY)
    assert counts.retries == 2
    assert len(set(seen)) == 1  # not another id to guess


def test_silence_ends_at_the_deadline():
    with pytest.raises(ExchangeError) as caught:
        ask_once(lambda q: [], seconds=0.1)
    assert caught.value.fault is Fault.TIMEOUT


def test_a_flood_of_wrong_ids_does_not_win_and_moves_us_to_another_port():
    async def main():
        def respond(query):
            # Not the right id, and right only by chance in letter case.
            flood = [reply(query, id_=bytes((i, i)), address=WRONG) for i in range(64)]
            return [*(f for f in flood if f[:2] != query[:2]), reply(query)]

        async with fake_udp(respond) as fake, asking(fake.port) as (transport, counts):
            answers = [await exchange(transport, QUERY, soon(2)) for _ in range(10)]
            return answers, counts, fake

    answers, counts, fake = asyncio.run(main())
    assert set(answers) == {reply(QUERY)}
    assert counts.drops[Drop.WRONG_ID] > 500
    # The kernel draws ports, and may draw one again.
    assert len({port for _, port in fake.clients}) >= 8


def test_a_closed_port_is_refused_at_once():
    async def main():
        async with asking(free_port()) as (transport, _):
            await exchange(transport, QUERY, soon(5))

    with pytest.raises(ExchangeError) as caught:
        asyncio.run(main())
    assert caught.value.fault is Fault.REFUSED


def test_an_address_without_a_route_is_unreachable():
    async def main():
        async with asking(53, "2001:db8::1") as (transport, _):
            await exchange(transport, QUERY, soon(0.2))

    with pytest.raises(ExchangeError) as caught:
        asyncio.run(main())
    assert caught.value.fault in {Fault.UNREACHABLE, Fault.TIMEOUT}


@asynccontextmanager
async def both(respond, handler=answer_all):
    """A fake with the same port for UDP and TCP."""
    port = free_port()
    async with (
        fake_tcp(handler, port=port) as tcp,
        fake_udp(respond, port) as fake,
        asking(port) as (transport, counts),
    ):
        yield transport, counts, fake, tcp


def test_truncated_leads_to_tcp():
    async def main():
        async with both(lambda q: [reply(q, tc=True)]) as (transport, counts, _, tcp):
            answer = await exchange(transport, QUERY, soon(2))
            return answer, counts, tcp.connections

    answer, counts, connections = asyncio.run(main())
    assert answer == reply(QUERY)
    assert counts.to_tcp == connections == 1


def test_truncated_over_tcp_too_is_a_fault_not_a_loop():
    async def truncate(reader, writer):
        while True:
            writer.write(framed(reply(await read_message(reader), tc=True)))

    async def main():
        async with both(lambda q: [reply(q, tc=True)], truncate) as (transport, _, fake, _):
            try:
                await exchange(transport, QUERY, soon(2))
            except ExchangeError as error:
                return error.fault, len(fake.queries)

    assert asyncio.run(main()) == (Fault.TRUNCATED, 1)


def test_wrong_letter_case_is_asked_again_over_tcp_and_remembered():
    def lower(query):
        return [reply(query, question=question_of(query).lower(), address=WRONG)]

    async def main():
        async with both(lower) as (transport, counts, fake, _):
            loop = asyncio.get_running_loop()
            for _ in range(udp.CASE_STRIKES):
                assert await exchange(transport, QUERY, soon(2)) == reply(QUERY)  # from TCP
            assert counts.drops[Drop.WRONG_CASE] == udp.CASE_STRIKES
            assert not transport.mixes_case(loop.time())
            assert counts.case_lost
            assert await exchange(transport, QUERY, soon(2)) == reply(QUERY, address=WRONG)
            assert question_of(fake.queries[-1]) == question_of(QUERY)
            assert transport.mixes_case(loop.time() + udp.CASE_MEMORY)  # and forgotten
            assert not counts.case_lost
            return counts.to_tcp

    assert asyncio.run(main()) == udp.CASE_STRIKES


def test_wrong_case_alone_does_not_switch_mixing_off():
    # Somebody who only guesses ids must not talk us out of 0x20: TCP did not confirm.
    async def main():
        port = free_port()
        async with (
            fake_udp(lambda q: [reply(q, question=swapped(q))], port),
            asking(port) as (transport, _),
        ):
            for _ in range(udp.CASE_STRIKES + 1):
                with pytest.raises(ExchangeError):
                    await exchange(transport, QUERY, soon(2))
            return transport.mixes_case(asyncio.get_running_loop().time())

    assert asyncio.run(main())


def test_oversized_and_nothing_else_leads_to_tcp(monkeypatch):
    monkeypatch.setattr(udp, "FIRST_WAIT", 0.02)

    async def main():
        async with both(lambda q: [reply(q) + bytes(600)]) as (transport, counts, _, _):
            return await exchange(transport, QUERY, soon(2)), counts

    answer, counts = asyncio.run(main())
    assert answer == reply(QUERY)
    assert counts.to_tcp == 1


def test_ports_are_renewed_and_old_ones_closed(monkeypatch):
    monkeypatch.setattr(udp, "SOCKET_USES", 4)

    async def main():
        async with (
            fake_udp(lambda q: [reply(q)]) as fake,
            asking(fake.port) as (transport, _),
        ):
            for _ in range(200):
                await exchange(transport, QUERY, soon(2))
            ports = [port for _, port in fake.clients]
            return ports, len(transport._retired), transport

    ports, retired, _ = asyncio.run(main())
    assert len(set(ports)) >= 40
    assert retired == 0


def test_a_cancelled_question_is_silent_and_its_late_answer_no_stray():
    async def main():
        async with fake_udp(lambda q: []) as fake, asking(fake.port) as (transport, counts):
            heard = []
            cancel = transport.ask(QUERY, soon(2), heard.append)
            cancel()
            while not fake.queries:
                await asyncio.sleep(0.001)
            fake.transport.sendto(reply(fake.queries[0]), fake.clients[0])
            await exchange_after(transport, fake)
            return heard, counts

    async def exchange_after(transport, fake):
        fake.respond = lambda q: [reply(q)]
        await exchange(transport, QUERY, soon(2))

    heard, counts = asyncio.run(main())
    assert heard == []
    assert not any(counts.drops.values())


def test_a_full_table_of_ids_still_finds_a_free_one():
    # 500 questions on 8 ports with an rng of 8 bits: collisions are certain.
    class Narrow(random.Random):
        def getrandbits(self, k):
            return super().getrandbits(min(k, 7)) if k == 16 else super().getrandbits(k)

    async def main():
        async with fake_udp(lambda q: [reply(q)]) as fake:
            counts = Counts()
            ours = means()
            object.__setattr__(ours, "rng", Narrow(3))
            tcp = tcp_transport("127.0.0.1", fake.port, ours, counts)
            transport = UdpTransport("127.0.0.1", fake.port, ours, counts, tcp)
            transport._case_strikes = udp.CASE_STRIKES  # no 0x20, so that ids take 16 bits
            transport._case_again = soon(100)
            began = time.process_time()
            asked = [exchange(transport, QUERY, soon(5)) for _ in range(300)]
            answers = await asyncio.gather(*asked)
            transport.close()
            assert time.process_time() - began < 60
            return answers

    assert asyncio.run(main()) == [reply(QUERY)] * 300


def test_a_closed_port_is_told_at_once_each_time_on_uvloop():
    async def ask():
        loop = asyncio.get_running_loop()
        resolver = Resolver(Settings(servers=(f"127.0.0.1:{free_port()}",)), loop)
        outcomes = []
        for _ in range(3):
            done = loop.create_future()
            resolver.resolve(
                "x.example",
                question("x.example", 1),
                loop.time() + 60,
                lambda answer, ede, done=done: done.set_result((answer, ede)),
            )
            outcomes.append(await asyncio.wait_for(done, 30))
        stats = resolver.stats()["servers"]
        resolver.close()
        return outcomes, stats

    outcomes, stats = uvloop.run(ask())

    assert outcomes == [(None, 22)] * 3
    assert [server["failures"]["timeout"] for server in stats.values()] == [0]
