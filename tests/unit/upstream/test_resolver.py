"""The face: exactly one `done`, the right EDE, zones, overload, numbers."""

import asyncio

import pytest

from filterd.model.errors import ConfigError
from filterd.upstream.base import Fault
from filterd.upstream.bootstrap import question
from filterd.upstream.resolver import Resolver, Settings
from tests.support.fake_upstream import (
    REFUSED,
    SERVFAIL,
    fake_tcp,
    fake_udp,
    reply,
    soon,
    stay_silent,
)
from tests.support.knot import knot
from tests.support.servers import free_port
from tests.support.tls import make_authority
from tests.support.unbound import unbound

NAME = "www.example.test"
QUERY = question(NAME, 1)


async def ask(resolver, name=NAME, query=QUERY, seconds=2.0):
    done = asyncio.get_running_loop().create_future()
    heard = []

    def settle(answer, ede):
        heard.append((answer, ede))
        if len(heard) == 1:
            done.set_result(None)

    resolver.resolve(name, query, soon(seconds), settle)
    assert heard == []
    await done
    await asyncio.sleep(0.01)
    assert len(heard) == 1
    return heard[0]


def run(settings, scenario=ask):
    async def main():
        resolver = Resolver(settings, asyncio.get_running_loop())
        try:
            return await scenario(resolver), resolver.stats()
        finally:
            resolver.close()
            await asyncio.sleep(0)

    return asyncio.run(main())


def with_fake(respond, scenario=ask, **settings):
    async def main():
        async with fake_udp(respond) as fake:
            ours = Settings((f"127.0.0.1:{fake.port}",), **settings)
            resolver = Resolver(ours, asyncio.get_running_loop())
            try:
                return await scenario(resolver), resolver.stats()
            finally:
                resolver.close()
                await asyncio.sleep(0)

    return asyncio.run(main())


@pytest.mark.real
def test_every_scheme_in_one_resolver_against_real_servers(tmp_path):
    authority = make_authority(tmp_path)
    certificate = authority.issue("dns.example.test")
    with unbound(tmp_path / "unbound", certificate) as real, knot(tmp_path / "knot") as knot_port:
        settings = Settings(
            (
                f"127.0.0.1:{real.port}",
                f"tcp://127.0.0.1:{real.port}",
                f"tls://dns.example.test:{real.tls_port}",
                f"https://dns.example.test:{real.https_port}/dns-query",
                f"127.0.0.1:{knot_port}",
            ),
            strategy="fastest",
            bootstrap=(f"127.0.0.1:{knot_port}",),
            ca_file=str(authority.ca_file),
        )

        async def scenario(resolver):
            answers = [await ask(resolver) for _ in range(5)]
            await asyncio.sleep(0.5)  # those asked beside
            return answers

        answers, stats = run(settings, scenario)
    assert {ede for _, ede in answers} == {0}
    assert len(stats["servers"]) == 5
    assert all(s["rtt_average"] is not None and s["up"] for s in stats["servers"].values())


@pytest.mark.real
def test_a_real_server_that_dies_and_comes_back(tmp_path):
    port = free_port()

    async def scenario(resolver):
        dead = await ask(resolver, seconds=0.3)
        async with fake_udp(lambda q: [reply(q)], port):
            return dead, await ask(resolver)

    (dead, alive), stats = run(Settings((f"127.0.0.1:{port}",)), scenario)
    assert dead == (None, 22)
    assert alive == (reply(QUERY), 0)
    server = stats["servers"][f"udp://127.0.0.1:{port}"]
    assert server["failures"][Fault.REFUSED] >= 1
    assert server["answers"] == 1


@pytest.mark.parametrize(
    ("respond", "outcome"),
    [
        (lambda q: [reply(q)], (reply(QUERY), 0)),
        (lambda q: [], (None, 22)),
        (lambda q: [b"\xff" * 30], (None, 22)),  # dropped, so nobody answered
        (lambda q: [reply(q, rcode=REFUSED)], (None, 23)),
        (lambda q: [reply(q, rcode=SERVFAIL)], (reply(QUERY, rcode=SERVFAIL), 0)),
    ],
    ids=["answer", "silence", "noise", "REFUSED", "SERVFAIL"],
)
def test_how_it_ends(respond, outcome):
    heard, stats = with_fake(respond, lambda r: ask(r, seconds=0.3))
    assert heard == outcome
    assert stats["in_flight"] == 0


def test_a_broken_certificate_is_a_network_error(tmp_path):
    async def main():
        async with fake_tcp(stay_silent) as fake:
            resolver = Resolver(
                Settings((f"tls://127.0.0.1:{fake.port}",), ca_file=str(tmp_path / "none")),
                asyncio.get_running_loop(),
            )
            heard = await ask(resolver)
            resolver.close()
            await asyncio.sleep(0)
            return heard

    assert asyncio.run(main()) == (None, 23)


def test_zones_have_servers_of_their_own():
    async def main():
        async with (
            fake_udp(lambda q: [reply(q)]) as out,
            fake_udp(lambda q: [reply(q, address=b"\x0a\0\0\1")]) as inside,
        ):
            settings = Settings(
                (f"127.0.0.1:{out.port}",), zones=(("school.test", (f"127.0.0.1:{inside.port}",)),)
            )
            resolver = Resolver(settings, asyncio.get_running_loop())
            query = question("pc.school.test", 1)
            local = await ask(resolver, "pc.school.test", query)
            other = await ask(resolver)
            resolver.close()
            return local[0][-4:], other[0][-4:], len(out.queries), len(inside.queries)

    assert asyncio.run(main()) == (b"\x0a\0\0\1", b"\xc0\0\2\1", 1, 1)


def test_overload_fails_at_once_and_is_counted():
    async def scenario(resolver):
        heard = []
        for _ in range(5):
            resolver.resolve(NAME, QUERY, soon(60), lambda answer, ede: heard.append(ede))
        assert heard == []
        await asyncio.sleep(0.01)
        return heard

    heard, stats = with_fake(lambda q: [], scenario, max_in_flight=3)
    assert heard[:2] == [23, 23]
    assert stats["overload"] == 2
    assert stats["in_flight_peak"] == 3


def test_close_ends_what_is_open_and_opens_nothing_again():
    async def main():
        async with fake_udp(lambda q: []) as fake:
            server = f"127.0.0.1:{fake.port}"
            resolver = Resolver(Settings((server, f"tcp://{server}")), asyncio.get_running_loop())
            heard = []
            resolver.resolve(NAME, QUERY, soon(60), lambda *outcome: heard.append(outcome))
            resolver.close()
            at_once = list(heard)
            resolver.resolve(NAME, QUERY, soon(60), lambda *outcome: heard.append(outcome))
            await asyncio.sleep(0.05)
            return at_once, heard

    at_once, heard = asyncio.run(main())
    assert at_once == [(None, 22)]
    assert heard == [(None, 22)] * 2


def test_what_is_no_query_is_not_sent():
    heard, stats = with_fake(lambda q: [reply(q)], lambda r: ask(r, query=b"\0" * 12))
    assert heard == (None, 23)
    assert stats["in_flight"] == 0


def test_numbers():
    async def scenario(resolver):
        for _ in range(10):
            await ask(resolver)

    _, stats = with_fake(lambda q: [b"\0" * 20, reply(q)], scenario)
    (server,) = stats["servers"].values()
    assert server["queries"] == server["answers"] == 10
    assert server["dropped"]["wrong_id"] == 10
    assert server["rtt"]["count"] == 10
    buckets = [n for _, n in server["rtt"]["buckets"]]
    assert buckets == sorted(buckets)
    assert server["rtt"]["buckets"][-1] == ("+Inf", 10)


def problems_of(settings):
    async def main():
        return Resolver(settings, asyncio.get_running_loop())

    with pytest.raises(ConfigError) as caught:
        asyncio.run(main())
    return caught.value.problems


def test_every_fault_of_the_settings_at_once():
    problems = problems_of(
        Settings(
            ("dns.example", "tls://dns.example"),
            strategy="best",
            zones=(("school.test", ()),),
        )
    )
    assert [p.partition(":")[0] for p in problems] == [
        "servers",
        "zones.school.test",
        "bootstrap",
        "strategy",
    ]


def test_bootstrap_servers_are_plain():
    (problem,) = problems_of(Settings(("192.0.2.1",), bootstrap=("tls://192.0.2.1",)))
    assert "must be udp:// or tcp://" in problem
