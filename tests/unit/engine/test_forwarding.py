"""The core asks plain servers by itself; what it cannot end is resolved as before."""

import asyncio
import contextlib

import dns.message

from filterd.engine.routing import routing
from filterd.upstream.resolver import Settings
from tests.support.desk import PLAIN, Desk
from tests.support.dnsclient import data_of
from tests.support.fake_upstream import fake_udp, reply

RIGHT = ["192.0.2.1"]
RECORDS = PLAIN + "records: [{name: printer.example.com, type: A, value: 192.0.2.9}]\n"


@contextlib.contextmanager
def desk(config=PLAIN):
    made = Desk(config, ["www.example.com A 192.0.2.7"])
    try:
        yield made
    finally:
        made.close()


async def forwarding(engine, port, owners=()):
    settings = Settings((f"127.0.0.1:{port}",))
    engine.forward(routing(settings, owners, deadline=5.0, stale_wait=5.0))


async def ask(one, name):
    """Ask as a client does that waits by a token."""
    packet = dns.message.make_query(name, "A", id=7, use_edns=0).to_wire()
    said = one.engine.handle(packet, "127.0.0.1", one.now, one.now, 1)
    if isinstance(said, int):
        there = asyncio.get_running_loop().create_future()
        one.engine.wait(said, there.set_result)
        async with asyncio.timeout(10):
            said = await there
    return dns.message.from_wire(said)


def test_the_core_resolves_without_the_resolver_and_counts():
    async def main(one):
        async with fake_udp(lambda q: [reply(q)]) as fake:
            await forwarding(one.engine, fake.port)
            answer = await ask(one, "www.example.com")
            (server,) = one.engine.forwarding()["servers"].values()
            return answer, server

    with desk() as one:
        answer, server = one.loop.run_until_complete(main(one))
        assert (answer.id, data_of(answer), one.upstream.asked) == (7, RIGHT, [])
        assert (server["queries"], server["answers"], server["up"]) == (1, 1, True)


def test_truncated_answers_and_local_records_are_for_python():
    async def main(one):
        async with fake_udp(lambda q: [reply(q, tc=True)]) as fake:
            await forwarding(one.engine, fake.port, ["printer.example.com"])
            answers = [await ask(one, f"{name}.example.com") for name in ("www", "printer")]
            return answers, len(fake.queries)

    with desk(RECORDS) as one:
        answers, asked = one.loop.run_until_complete(main(one))
        assert [data_of(answer) for answer in answers] == [["192.0.2.7"], ["192.0.2.9"]]
        assert (asked, len(one.upstream.asked)) == (1, 1)


def test_what_is_under_way_when_forwarding_ends_is_resolved_by_python():
    async def main(one):
        async with fake_udp(lambda q: []) as fake:
            await forwarding(one.engine, fake.port)
            asking = asyncio.create_task(ask(one, "www.example.com"))
            async with asyncio.timeout(10):
                while not fake.queries:
                    await asyncio.sleep(0.01)
            one.engine.forward(None)
            return data_of(await asking), one.engine.forwarding()

    with desk() as one:
        assert one.loop.run_until_complete(main(one)) == (["192.0.2.7"], None)


def test_another_routing_takes_the_place_of_the_first():
    async def main(one):
        async with fake_udp(lambda q: []) as first, fake_udp(lambda q: [reply(q)]) as second:
            await forwarding(one.engine, first.port)
            await forwarding(one.engine, second.port)
            return data_of(await ask(one, "www.example.com")), len(first.queries)

    with desk() as one:
        assert one.loop.run_until_complete(main(one)) == (RIGHT, 0)
