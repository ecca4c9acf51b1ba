"""What every transport promises, held against real servers: Unbound for all four, Knot for two."""

import asyncio
import random
from contextlib import asynccontextmanager

import dns.message
import dns.rdatatype
import pytest
import uvloop

from filterd.upstream.base import ABSENT, ExchangeError, Fault, Means, exchange
from filterd.upstream.bootstrap import question
from filterd.upstream.counts import Counts
from filterd.upstream.registry import TRANSPORTS, make_transport
from filterd.upstream.server import Server
from tests.support.fake_upstream import fake_tcp, fake_udp, stay_silent
from tests.support.knot import knot
from tests.support.servers import free_port
from tests.support.tls import make_authority
from tests.support.unbound import unbound

pytestmark = pytest.mark.real
HOST = "127.0.0.1"
SCHEMES = [entry.scheme for entry in TRANSPORTS]


@pytest.fixture(params=["asyncio", "uvloop"])
def run(request):
    """Runs a coroutine on either event loop; the daemon uses uvloop where it can."""
    factory = uvloop.new_event_loop if request.param == "uvloop" else None
    with asyncio.Runner(loop_factory=factory) as runner:
        yield runner.run


@pytest.fixture(scope="module")
def authority(tmp_path_factory):
    return make_authority(tmp_path_factory.mktemp("tls"))


@pytest.fixture(scope="module")
def servers(authority, tmp_path_factory):
    """Scheme -> the real server that speaks it."""
    lines = (
        'local-zone: "wild.example.test." redirect',
        'local-data: "wild.example.test. 60 IN A 192.0.2.9"',
    )
    folder = tmp_path_factory.mktemp("unbound")
    with unbound(folder, authority.issue("dns.example.test", HOST), *lines) as running:
        yield {
            "udp": Server("udp", HOST, running.port),
            "tcp": Server("tcp", HOST, running.port),
            "tls": Server("tls", HOST, running.tls_port, "dns.example.test"),
            "https": Server("https", HOST, running.https_port, HOST, "/dns-query"),
        }


@pytest.fixture(scope="module")
def knot_ports(tmp_path_factory):
    """Address -> port of a Knot there."""
    with (
        knot(tmp_path_factory.mktemp("knot4")) as port4,
        knot(tmp_path_factory.mktemp("knot6"), "::1") as port6,
    ):
        yield {HOST: port4, "::1": port6}


@asynccontextmanager
async def to(server, authority):
    loop = asyncio.get_running_loop()
    means = Means(loop, random.SystemRandom(), None, str(authority.ca_file))
    transport = make_transport(server, means, Counts())
    try:
        yield transport, loop
    finally:
        transport.close()
        await asyncio.sleep(0)


def addresses(answer):
    message = dns.message.from_wire(answer)
    return [rdata.to_text() for rrset in message.answer for rdata in rrset]


@pytest.mark.parametrize("scheme", SCHEMES)
def test_answers_with_id_0_and_the_question_as_asked(scheme, servers, authority, run):
    query = question("WWW.example.test".lower(), 1).replace(b"www", b"wWw")

    async def main():
        async with to(servers[scheme], authority) as (transport, loop):
            return await exchange(transport, query, loop.time() + 5)

    answer = run(main())
    assert answer[:2] == b"\0\0"
    assert answer[12 : len(query)] == query[12:]
    assert addresses(answer) == ["192.0.2.1"]


@pytest.mark.parametrize("scheme", SCHEMES)
def test_a_large_answer_arrives_whole(scheme, servers, authority, run):
    async def main():
        async with to(servers[scheme], authority) as (transport, loop):
            return await exchange(transport, question("many.example.test", 16), loop.time() + 5)

    answer = run(main())
    assert len(answer) > 4096
    assert len(addresses(answer)) == 20


@pytest.mark.parametrize("scheme", SCHEMES)
def test_a_hundred_at_once_each_get_their_own(scheme, servers, authority, run):
    names = [f"n{i}.wild.example.test" for i in range(100)]

    async def main():
        async with to(servers[scheme], authority) as (transport, loop):
            asked = [exchange(transport, question(n, 1), loop.time() + 10) for n in names]
            return await asyncio.gather(*asked)

    for name, answer in zip(names, run(main()), strict=True):
        message = dns.message.from_wire(answer)
        assert message.question[0].name.to_text() == f"{name}."
        assert addresses(answer) == ["192.0.2.9"]


@pytest.mark.parametrize("scheme", SCHEMES)
def test_done_comes_later_and_once_and_not_after_cancel(scheme, servers, authority, run):
    query = question("www.example.test", 1)

    async def main():
        async with to(servers[scheme], authority) as (transport, loop):
            kept, cancelled = [], []
            transport.ask(query, loop.time() + 5, kept.append)
            transport.ask(query, loop.time() + 5, cancelled.append)()
            at_once = list(kept)
            async with asyncio.timeout(5):
                while not kept:
                    await asyncio.sleep(0.005)
            await exchange(transport, query, loop.time() + 5)
            return at_once, kept, cancelled

    at_once, kept, cancelled = run(main())
    assert at_once == []
    assert len(kept) == 1
    assert isinstance(kept[0], bytes)
    assert cancelled == []


@pytest.mark.parametrize("scheme", SCHEMES)
def test_nobody_there(scheme, authority, run):
    server = Server(scheme, HOST, free_port(), HOST, "/dns-query")

    async def main():
        async with to(server, authority) as (transport, loop):
            await exchange(transport, question("www.example.test", 1), loop.time() + 5)

    with pytest.raises(ExchangeError) as caught:
        run(main())
    assert caught.value.fault is Fault.REFUSED
    assert caught.value.fault in ABSENT


@pytest.mark.parametrize("scheme", SCHEMES)
def test_silence_ends_at_the_deadline_and_close_ends_the_rest(scheme, authority, run):
    query = question("www.example.test", 1)

    async def main():
        port = free_port()
        server = Server(scheme, HOST, port, HOST, "/dns-query")
        async with (
            fake_udp(lambda q: [], port),
            fake_tcp(stay_silent, port=port),
            to(server, authority) as (transport, loop),
        ):
            heard = []
            transport.ask(query, loop.time() + 60, heard.append)
            began = loop.time()
            with pytest.raises(ExchangeError) as caught:
                await exchange(transport, query, began + 0.2)
            took = loop.time() - began
            transport.close()
            return caught.value.fault, took, heard

    fault, took, heard = run(main())
    assert fault is Fault.TIMEOUT
    assert took >= 0.19
    assert len(heard) == 1
    assert heard[0] in {Fault.CLOSED, Fault.TIMEOUT}


@pytest.mark.parametrize("scheme", ["udp", "tcp"])
@pytest.mark.parametrize("host", [HOST, "::1"])
def test_knot(scheme, host, knot_ports, authority, run):
    async def main():
        async with to(Server(scheme, host, knot_ports[host]), authority) as (transport, loop):
            small = await exchange(transport, question("www.example.test", 28), loop.time() + 5)
            large = await exchange(transport, question("many.example.test", 16), loop.time() + 5)
            return small, large

    small, large = run(main())
    assert addresses(small) == ["2001:db8::1"]
    assert len(addresses(large)) == 20


@pytest.mark.parametrize("scheme", ["tls", "https"])
def test_tls_sessions_are_resumed(scheme, servers, authority, run):
    async def main():
        loop = asyncio.get_running_loop()
        means = Means(loop, random.SystemRandom(), None, str(authority.ca_file))
        counts = Counts()
        transport = make_transport(servers[scheme], means, counts)
        query = question("www.example.test", 1)
        await exchange(transport, query, loop.time() + 5)
        for session in list(transport._sessions):  # as if the server had closed it
            transport.lost(session, session.abort(), Fault.CLOSED)
        await exchange(transport, query, loop.time() + 5)
        transport.close()
        await asyncio.sleep(0)
        return counts.connects, counts.resumed

    assert run(main()) == (2, 1)
