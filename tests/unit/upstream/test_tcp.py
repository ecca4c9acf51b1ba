"""Faults on TCP connections, one test each."""

import asyncio
from contextlib import asynccontextmanager

import pytest

from filterd.upstream import kept
from filterd.upstream.base import ExchangeError, Fault, exchange
from filterd.upstream.bootstrap import question
from filterd.upstream.counts import Counts, Drop
from filterd.upstream.tcp import tcp_transport
from tests.support.fake_upstream import (
    answer_all,
    fake_tcp,
    framed,
    means,
    other_id,
    read_message,
    reply,
    reset,
    soon,
    stay_silent,
)

QUERY = question("www.example.test", 1)


@asynccontextmanager
async def asking(port):
    counts = Counts()
    transport = tcp_transport("127.0.0.1", port, means(), counts)
    try:
        yield transport, counts
    finally:
        transport.close()
        await asyncio.sleep(0)


async def fault_of(transport, seconds):
    with pytest.raises(ExchangeError) as caught:
        await exchange(transport, QUERY, soon(seconds))
    return caught.value.fault


def ask_once(handler, seconds=2.0):
    async def main():
        async with fake_tcp(handler) as fake, asking(fake.port) as (transport, counts):
            try:
                outcome = await exchange(transport, QUERY, soon(seconds))
            except ExchangeError as error:
                outcome = error.fault
            return outcome, counts, fake.connections

    return asyncio.run(main())


def test_questions_share_a_connection_and_answers_may_come_in_any_order():
    async def backwards(reader, writer):
        queries = [await read_message(reader) for _ in range(5)]
        for query in reversed(queries):
            writer.write(framed(reply(query)))
        await stay_silent(reader, writer)

    async def main():
        async with fake_tcp(backwards) as fake, asking(fake.port) as (transport, _):
            names = [question(f"n{i}.example.test", 1) for i in range(5)]
            answers = await asyncio.gather(*(exchange(transport, q, soon(2)) for q in names))
            return answers, [reply(q) for q in names], fake.connections

    answers, expected, connections = asyncio.run(main())
    assert answers == expected
    assert connections == 1


def test_silence_ends_at_the_deadline():
    outcome, _, _ = ask_once(stay_silent, 0.1)
    assert outcome is Fault.TIMEOUT


def test_slow_drip_ends_at_the_deadline():
    async def drip(reader, writer):
        for octet in framed(reply(await read_message(reader))):
            writer.write(bytes((octet,)))
            await asyncio.sleep(0.05)

    outcome, _, _ = ask_once(drip, 0.2)
    assert outcome is Fault.TIMEOUT


def test_drip_that_finishes_in_time_is_an_answer():
    async def drip(reader, writer):
        for octet in framed(reply(await read_message(reader))):
            writer.write(bytes((octet,)))
            await asyncio.sleep(0)
        await stay_silent(reader, writer)

    outcome, _, _ = ask_once(drip)
    assert outcome == reply(QUERY)


def test_reset_on_a_new_connection_is_a_fault_at_once():
    async def rst(reader, writer):
        await read_message(reader)
        reset(writer)

    outcome, counts, connections = ask_once(rst)
    assert outcome is Fault.CLOSED
    assert connections == 1
    assert counts.retries == 0


def test_garbage_ends_the_connection():
    async def garbage(reader, writer):
        await read_message(reader)
        writer.write(b"HTTP/1.1 400 Bad Request\r\n" * 1000)
        await stay_silent(reader, writer)

    outcome, counts, _ = ask_once(garbage)
    assert outcome is Fault.GARBAGE
    assert counts.drops[Drop.MALFORMED] == 1


def test_wrong_id_is_dropped_and_the_right_one_taken():
    async def stray(reader, writer):
        query = await read_message(reader)
        writer.write(framed(reply(query, id_=other_id(query))) + framed(reply(query)))
        await stay_silent(reader, writer)

    outcome, counts, _ = ask_once(stray)
    assert outcome == reply(QUERY)
    assert counts.drops[Drop.WRONG_ID] == 1


def test_wrong_question_with_the_right_id_is_garbage():
    async def other(reader, writer):
        query = await read_message(reader)
        writer.write(framed(reply(query, question=question("x.example.test", 1)[12:])))
        await stay_silent(reader, writer)

    outcome, counts, _ = ask_once(other)
    assert outcome is Fault.GARBAGE
    assert counts.drops[Drop.WRONG_QUESTION] == 1


def test_a_kept_connection_that_the_server_closed_is_made_again():
    async def one_each(reader, writer):
        writer.write(framed(reply(await read_message(reader))))
        await read_message(reader)  # the next question finds the door closing
        reset(writer)

    async def main():
        async with fake_tcp(one_each) as fake, asking(fake.port) as (transport, counts):
            answers = [await exchange(transport, QUERY, soon(2)) for _ in range(2)]
            return answers, counts, fake.connections

    answers, counts, connections = asyncio.run(main())
    assert answers == [reply(QUERY)] * 2
    assert connections == 2
    assert counts.retries == 1


def test_a_half_open_connection_is_noticed_by_its_silence():
    async def once_then_deaf(reader, writer):
        writer.write(framed(reply(await read_message(reader))))
        await stay_silent(reader, writer)

    async def main():
        async with fake_tcp(once_then_deaf) as fake, asking(fake.port) as (transport, counts):
            answers = [await exchange(transport, QUERY, soon(0.5)) for _ in range(2)]
            return answers, counts, fake.connections

    answers, counts, connections = asyncio.run(main())
    assert answers == [reply(QUERY)] * 2
    assert connections == 2
    assert counts.retries == 1


def test_idle_connections_are_closed(monkeypatch):
    monkeypatch.setattr(kept, "IDLE_SECONDS", 0.02)
    closed = []

    async def watch(reader, writer):
        writer.write(framed(reply(await read_message(reader))))
        await stay_silent(reader, writer)
        closed.append(True)

    async def main():
        async with fake_tcp(watch) as fake, asking(fake.port) as (transport, _):
            await exchange(transport, QUERY, soon(2))
            async with asyncio.timeout(5):
                while not closed:
                    await asyncio.sleep(0.005)
            await exchange(transport, QUERY, soon(2))
            return fake.connections

    assert asyncio.run(main()) == 2


def test_a_closed_port_is_refused():
    async def main():
        async with fake_tcp(answer_all) as fake:
            port = fake.port
        async with asking(port) as (transport, _):
            return await fault_of(transport, 2)

    assert asyncio.run(main()) is Fault.REFUSED


def test_more_questions_than_a_connection_takes(monkeypatch):
    monkeypatch.setattr("filterd.upstream.pipeline.MOST_OPEN", 4)
    monkeypatch.setattr(kept, "MOST_SESSIONS", 2)

    async def main():
        async with fake_tcp(answer_all) as fake, asking(fake.port) as (transport, _):
            names = [question(f"n{i}.example.test", 1) for i in range(50)]
            answers = await asyncio.gather(*(exchange(transport, q, soon(5)) for q in names))
            return answers == [reply(q) for q in names], fake.connections

    right, connections = asyncio.run(main())
    assert right
    assert connections <= 2


def test_close_ends_open_questions():
    async def main():
        async with fake_tcp(stay_silent) as fake, asking(fake.port) as (transport, _):
            heard = []
            transport.ask(QUERY, soon(5), heard.append)
            async with asyncio.timeout(5):
                while not fake.connections:
                    await asyncio.sleep(0.001)
            transport.close()
            return heard

    assert asyncio.run(main()) == [Fault.CLOSED]
