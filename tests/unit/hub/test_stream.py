"""Ingest through a real nats-server, with the writer killed where it hurts."""

import asyncio

import pytest
from sqlalchemy import func, select, text

from filterd.hub import stream as streams
from filterd.hub.arriving import Arrived, What
from filterd.hub.database import open_database
from filterd.hub.enrolment import end_node
from filterd.hub.stream import Stream, StreamError
from filterd.hub.tables import audits, batches, counts, receipts
from tests.support.fleet import NOW_MS, Member, tallied
from tests.support.nats import broker
from tests.support.steps import killed_at

pytestmark = pytest.mark.real


@pytest.fixture
def server(tmp_path):
    with broker(tmp_path / "nats") as server:
        yield server


@pytest.fixture
def member(database):
    return Member().enrol(database)


def of(member, value, what=What.BATCH):
    return Arrived(what, member.id, value, NOW_MS)


def number_of(database, table):
    with database.read() as connection:
        return connection.execute(select(func.count()).select_from(table)).scalar_one()


def offered(server, *arrived):
    async def run():
        stream = await Stream.open([server.url], ack_wait=2)
        new = [await stream.offer(each) for each in arrived]
        await stream.close()
        return new

    return asyncio.run(run())


def written(server, database, writers=1, seconds=60):
    """Be writers until the stream is empty."""

    async def run():
        stream = await Stream.open([server.url], ack_wait=2)
        stop = asyncio.Event()
        tasks = [asyncio.create_task(stream.write(database, stop)) for _ in range(writers)]
        async with asyncio.timeout(seconds):
            while await stream.waiting():
                await asyncio.sleep(0.05)
        stop.set()
        await asyncio.gather(*tasks)
        await stream.close()

    asyncio.run(run())


def test_what_is_offered_is_written_once(server, database, member):
    batch = member.batch()
    proofs = of(member, [member.receipt(1), member.receipt(2)], What.RECEIPTS)
    assert offered(server, of(member, batch), proofs, of(member, batch)) == [True, True, False]
    written(server, database)
    assert number_of(database, counts) == 3
    assert number_of(database, receipts) == 2
    with database.read() as connection:
        assert connection.execute(select(batches.c.arrived_at)).scalar_one() == NOW_MS


def test_many_writers_share_the_work(server, database):
    members = [Member().enrol(database, name=f"School {at}") for at in range(12)]
    sent = [of(each, each.batch(tallied(4))) for each in members for _ in range(12)]
    assert all(offered(server, *sent))
    written(server, database, writers=4)
    assert number_of(database, batches) == 144
    assert number_of(database, counts) == 4 * 144
    with database.read() as connection:
        assert set(connection.execute(select(batches.c.chain)).scalars()) == {"whole"}


def test_a_writer_killed_at_every_step_loses_and_doubles_nothing(server, database, monkeypatch):
    """Also between commit and acknowledgement: `_settle` is a step."""
    url = database.engine.url.render_as_string(hide_password=False)
    step = 0
    while True:
        step += 1
        member = Member().enrol(database, name=f"School {step}")
        proofs = of(member, [member.receipt(1)], What.RECEIPTS)
        assert all(offered(server, of(member, member.batch()), proofs))
        database.close()

        def work(reached):
            write, settle = streams.write_messages, streams._settle

            def writing(database, messages):
                reached()
                done = write(database, messages)
                reached()
                return done

            async def settling(message, good):
                reached()
                await settle(message, good)
                reached()

            monkeypatch.setattr(streams, "write_messages", writing)
            monkeypatch.setattr(streams, "_settle", settling)
            written(server, open_database(url))

        killed = killed_at(step, work)
        written(server, database)
        assert number_of(database, batches) == number_of(database, receipts) == step
        assert number_of(database, counts) == 3 * step
        database.close()
        if not killed:
            break
    assert step >= 6


def test_what_cannot_be_written_is_set_aside_and_the_rest_is_written(server, database, member):
    other = Member().enrol(database, name="Other school")
    first = member.batch()
    member.sequence, member.before = 0, bytes(32)
    second = member.batch(tallied(5))  # the same id, another content
    sent = [
        of(member, first),
        of(other, other.batch()),
        of(member, second),
        of(member, member.batch()),
    ]
    assert all(offered(server, *sent))
    with database.write() as connection:
        end_node(connection, other.id, NOW_MS)
    written(server, database)
    assert number_of(database, batches) == 2
    with database.read() as connection:
        rows = connection.execute(select(audits).order_by(audits.c.number)).all()
    assert {(row.what, row.subject) for row in rows} == {
        ("set-aside", member.id),
        ("set-aside", other.id),
    }
    assert any("was another one" in row.detail for row in rows)


def test_a_message_that_nobody_wrote_is_set_aside(server, database, member):
    async def run():
        stream = await Stream.open([server.url], ack_wait=2)
        await stream._jetstream.publish(streams.SUBJECT, b"\x00rubbish")
        await stream.offer(of(member, member.batch()))
        await stream.close()

    asyncio.run(run())
    written(server, database)
    assert number_of(database, batches) == 1
    assert number_of(database, audits) == 1


def test_a_database_that_is_away_costs_nothing(server, database, member, monkeypatch):
    monkeypatch.setattr(streams, "_AGAIN", 0.1)
    assert offered(server, of(member, member.batch())) == [True]
    with database.write() as connection:
        connection.execute(text("ALTER TABLE counted RENAME TO hidden"))
    tries = []
    write = streams.write_messages

    def writing(database, messages):
        if len(tries) == 2:
            with database.write() as connection:
                connection.execute(text("ALTER TABLE hidden RENAME TO counted"))
        tries.append(len(messages))
        return [False] if len(tries) <= 2 else write(database, messages)

    monkeypatch.setattr(streams, "write_messages", writing)
    written(server, database)
    assert number_of(database, counts) == 3
    assert len(tries) == 3


def test_what_the_stream_took_outlives_the_server(server, database, member):
    assert offered(server, of(member, member.batch())) == [True]
    server.kill()
    server.start()
    written(server, database)
    assert number_of(database, counts) == 3


def test_a_server_that_is_not_there_is_one_clear_line(server, member):
    server.kill()

    with pytest.raises(StreamError, match="no JetStream there"):
        offered(server, of(member, member.batch()))


def test_a_server_that_goes_away_takes_nothing_and_comes_back(server, database, member):
    async def run():
        stream = await Stream.open([server.url], ack_wait=2)
        server.pause()
        try:
            with pytest.raises(StreamError, match="did not take it"):
                await stream.offer(of(member, batch))
        finally:
            server.go_on()
        async with asyncio.timeout(30):
            await stream.offer(of(member, batch))
        await stream.close()

    batch = member.batch()
    asyncio.run(run())
    written(server, database)
    assert number_of(database, counts) == 3
