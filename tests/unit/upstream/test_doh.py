"""DoH faults, one test each."""

import asyncio
from contextlib import asynccontextmanager

import pytest

from filterd.upstream.base import ExchangeError, Fault, exchange
from filterd.upstream.bootstrap import question
from filterd.upstream.counts import Counts, Drop
from filterd.upstream.doh import doh_transport
from filterd.upstream.server import Server
from tests.support.doh_server import FakeDoh, Response, proper
from tests.support.fake_upstream import fake_tcp, means, reply, server_context, soon, stay_silent
from tests.support.tls import make_authority

QUERY = question("www.example.test", 1)
HOST = "127.0.0.1"


@pytest.fixture(scope="module")
def authority(tmp_path_factory):
    return make_authority(tmp_path_factory.mktemp("tls"))


@asynccontextmanager
async def serving(authority, handler, *alpn):
    counts = Counts()
    context = server_context(authority.issue(HOST), *(alpn or ("h2",)))
    async with fake_tcp(handler, context) as fake:
        server = Server("https", HOST, fake.port, HOST, "/dns-query")
        transport = doh_transport(server, means(authority.ca_file), counts)
        try:
            yield transport, counts, fake
        finally:
            transport.close()
            await asyncio.sleep(0)


def ask(authority, respond, *, times=1, seconds=3.0, handler=None, alpn=()):
    """Return (outcomes, counts, fake server, connections)."""
    doh = FakeDoh(respond)

    async def main():
        async with serving(authority, handler or doh, *alpn) as (transport, counts, fake):
            outcomes = []
            for _ in range(times):
                try:
                    outcomes.append(await exchange(transport, QUERY, soon(seconds)))
                except ExchangeError as error:
                    outcomes.append(error.fault)
            return outcomes, counts, doh, fake.connections

    return asyncio.run(main())


def test_a_post_with_id_0_on_one_kept_connection(authority):
    outcomes, _, doh, connections = ask(authority, lambda q, n: proper(q), times=3)
    assert outcomes == [reply(QUERY)] * 3
    assert doh.bodies == [QUERY] * 3
    assert connections == 1
    headers = doh.requests[0]
    assert headers[":method"] == "POST"
    assert headers[":path"] == "/dns-query"
    assert headers["content-type"] == headers["accept"] == "application/dns-message"


def test_many_at_once(authority):
    async def main():
        async with serving(authority, FakeDoh(lambda q, n: proper(q))) as (transport, _, fake):
            names = [question(f"n{i}.example.test", 1) for i in range(300)]
            answers = await asyncio.gather(*(exchange(transport, q, soon(20)) for q in names))
            return answers == [reply(q) for q in names], fake.connections

    right, connections = asyncio.run(main())
    assert right
    assert connections <= 4


@pytest.mark.parametrize(
    "response",
    [
        Response(reply(QUERY), status=500),
        Response(reply(QUERY), status=404),
        Response(status=302),
        Response(reply(QUERY), type="text/html"),
        Response(reply(QUERY), type=""),
    ],
    ids=["HTTP 500", "HTTP 404", "redirect", "wrong content-type", "no content-type"],
)
def test_http_that_is_no_answer(authority, response):
    outcomes, _, _, connections = ask(authority, lambda q, n: response, times=2)
    assert outcomes == [Fault.HTTP] * 2
    assert connections == 1  # one bad response is no reason to leave


def test_a_content_type_may_have_parameters(authority):
    kind = "Application/DNS-Message; x=y"
    outcomes, _, _, _ = ask(authority, lambda q, n: Response(reply(q), type=kind))
    assert outcomes == [reply(QUERY)]


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"garbage",
        QUERY,
        reply(QUERY, question=question("x.example.test", 1)[12:]),
        reply(QUERY, id_=b"\1\2"),
    ],
    ids=["empty", "short", "reflected", "wrong question", "wrong id"],
)
def test_a_body_that_is_not_the_answer(authority, body):
    outcomes, counts, _, _ = ask(authority, lambda q, n: Response(body))
    assert outcomes == [Fault.GARBAGE]
    assert counts.drops[Drop.WRONG_QUESTION] == 1


def test_truncated_is_a_fault(authority):
    outcomes, _, _, _ = ask(authority, lambda q, n: Response(reply(q, tc=True)))
    assert outcomes == [Fault.TRUNCATED]


def test_oversized_is_cut_off_and_the_connection_goes_on(authority):
    def respond(query, n):
        return Response(reply(query) + bytes(70_000)) if n == 1 else proper(query)

    # The initial window is 65,535 octets, so the body comes in two parts; one is enough here.
    doh = FakeDoh(respond)

    async def main():
        async with serving(authority, doh) as (transport, _, fake):
            with pytest.raises(ExchangeError) as caught:
                await exchange(transport, QUERY, soon(0.5))
            good = await exchange(transport, QUERY, soon(3))
            return caught.value.fault, good, fake.connections

    fault, good, _ = asyncio.run(main())
    assert fault in {Fault.TIMEOUT, Fault.HTTP}
    assert good == reply(QUERY)


def test_a_reset_stream_is_a_fault_of_that_question_only(authority):
    outcomes, _, _, connections = ask(
        authority, lambda q, n: Response(reset=True) if n == 1 else proper(q), times=2
    )
    assert outcomes == [Fault.CLOSED, reply(QUERY)]
    assert connections == 1


def test_goaway_moves_the_question_to_a_new_connection(authority):
    outcomes, counts, _, connections = ask(
        authority, lambda q, n: Response(goaway=True) if n == 2 else proper(q), times=3
    )
    assert outcomes == [reply(QUERY)] * 3
    assert connections == 2
    assert counts.retries == 1


def test_goaway_at_once_is_a_fault_not_a_loop(authority):
    outcomes, _, _, connections = ask(authority, lambda q, n: Response(goaway=True))
    assert outcomes == [Fault.CLOSED]
    assert connections == 1


def test_silence_ends_at_the_deadline(authority):
    outcomes, _, _, _ = ask(authority, lambda q, n: Response(hold=True), seconds=0.3)
    assert outcomes == [Fault.TIMEOUT]


def test_a_server_that_speaks_no_http_2_is_a_fault(authority):
    outcomes, _, _, _ = ask(
        authority, lambda q, n: proper(q), handler=stay_silent, alpn=("http/1.1",)
    )
    assert outcomes == [Fault.HTTP]


def test_garbage_instead_of_http_2(authority):
    async def garbage(reader, writer):
        writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n" * 50)
        await stay_silent(reader, writer)

    outcomes, _, _, connections = ask(authority, lambda q, n: proper(q), handler=garbage)
    assert outcomes == [Fault.GARBAGE]
    assert connections == 1


def test_a_frame_without_end_is_not_collected(authority):
    async def endless(reader, writer):
        writer.write(bytes(3) + b"\4\0" + bytes(4))  # SETTINGS, empty
        await reader.read(4096)
        writer.write(b"\xff\xff\xff\0\0" + bytes(4))  # DATA of 16 MiB
        while True:
            writer.write(bytes(16384))
            await writer.drain()
            await asyncio.sleep(0)

    outcomes, _, _, _ = ask(authority, lambda q, n: proper(q), handler=endless, seconds=30)
    assert outcomes == [Fault.GARBAGE]


def test_a_certificate_for_somebody_else_is_refused(authority):
    async def main():
        context = server_context(authority.issue(HOST), "h2")
        async with fake_tcp(FakeDoh(lambda q, n: proper(q)), context) as fake:
            server = Server("https", HOST, fake.port, "other.example.test", "/dns-query")
            transport = doh_transport(server, means(authority.ca_file), Counts())
            try:
                await exchange(transport, QUERY, soon(3))
            except ExchangeError as error:
                return error.fault
            finally:
                transport.close()
                await asyncio.sleep(0)

    assert asyncio.run(main()) is Fault.TLS
