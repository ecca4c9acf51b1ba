"""DoT against faults: the certificate decides, tickets are used again, queries are padded."""

import asyncio
from contextlib import asynccontextmanager

import pytest

from filterd.upstream.base import ExchangeError, Fault, exchange
from filterd.upstream.bootstrap import question
from filterd.upstream.counts import Counts
from filterd.upstream.dot import dot_transport
from filterd.upstream.server import Server
from tests.support.fake_upstream import (
    answer_all,
    fake_tcp,
    framed,
    means,
    read_message,
    reply,
    server_context,
    soon,
    stay_silent,
)
from tests.support.tls import make_authority

QUERY = question("www.example.test", 1)
WITH_OPT = QUERY[:10] + b"\0\1" + QUERY[12:] + b"\0\0\x29\x04\xd0\0\0\0\0\0\0"
HOST = "127.0.0.1"


@pytest.fixture(scope="module")
def authority(tmp_path_factory):
    return make_authority(tmp_path_factory.mktemp("tls"))


@asynccontextmanager
async def asking(port, tls_name, ca_file):
    counts = Counts()
    server = Server("tls", HOST, port, tls_name)
    transport = dot_transport(server, means(ca_file), counts)
    try:
        yield transport, counts
    finally:
        transport.close()
        await asyncio.sleep(0)


def ask(authority, names, tls_name, *, ca_file=None, handler=answer_all, times=1, tls=True):
    async def main():
        context = server_context(authority.issue(*names)) if tls else None
        async with (
            fake_tcp(handler, context) as fake,
            asking(fake.port, tls_name, ca_file or authority.ca_file) as (transport, counts),
        ):
            outcomes = []
            for _ in range(times):
                try:
                    outcomes.append(await exchange(transport, QUERY, soon(3)))
                except ExchangeError as error:
                    outcomes.append(error.fault)
            return outcomes, counts, fake.connections

    return asyncio.run(main())


@pytest.mark.parametrize("tls_name", ["dns.example.test", HOST])
def test_a_certificate_for_the_name_or_the_address(authority, tls_name):
    outcomes, _, _ = ask(authority, ["dns.example.test", HOST], tls_name)
    assert outcomes == [reply(QUERY)]


@pytest.mark.parametrize("tls_name", ["other.example.test", HOST])
def test_a_certificate_for_somebody_else_is_refused(authority, tls_name):
    outcomes, _, _ = ask(authority, ["dns.example.test"], tls_name)
    assert outcomes == [Fault.TLS]


def test_a_certificate_of_another_authority_is_refused(authority, tmp_path):
    stranger = make_authority(tmp_path)
    outcomes, _, _ = ask(authority, [HOST], HOST, ca_file=stranger.ca_file)
    assert outcomes == [Fault.TLS]


def test_a_missing_ca_file_is_a_fault_that_names_it(authority, tmp_path, caplog):
    outcomes, _, connections = ask(authority, [HOST], HOST, ca_file=tmp_path / "none.pem")
    assert outcomes == [Fault.TLS]
    assert connections == 0
    assert "none.pem" in caplog.text


def test_the_reason_is_said_once(authority, caplog):
    ask(authority, ["dns.example.test"], "other.example.test", times=3)
    said = [r for r in caplog.records if "cannot be reached" in r.message]
    assert [r.levelname for r in said].count("WARNING") == 1
    assert "other.example.test" in said[0].getMessage()


def test_a_server_without_tls_is_a_fault(authority):
    async def plain(reader, writer):
        await reader.read(10)
        writer.write(framed(reply(QUERY)) * 20)
        await stay_silent(reader, writer)

    outcomes, _, _ = ask(authority, [HOST], HOST, handler=plain, tls=False)
    assert outcomes == [Fault.TLS]


def test_sessions_are_resumed(authority):
    async def one_each(reader, writer):
        writer.write(framed(reply(await read_message(reader))))
        await writer.drain()

    outcomes, counts, connections = ask(authority, [HOST], HOST, handler=one_each, times=3)
    assert outcomes == [reply(QUERY)] * 3
    assert connections == counts.connects == 3
    assert counts.resumed == 2


def test_queries_are_padded(authority):
    sizes = []

    async def measure(reader, writer):
        query = await read_message(reader)
        sizes.append(len(query))
        writer.write(framed(reply(query)))
        await stay_silent(reader, writer)

    async def main():
        context = server_context(authority.issue(HOST))
        async with (
            fake_tcp(measure, context) as fake,
            asking(fake.port, HOST, authority.ca_file) as (transport, _),
        ):
            await exchange(transport, WITH_OPT, soon(3))

    asyncio.run(main())
    assert sizes == [128]
