"""Names of upstreams, resolved by real and by failing bootstrap servers."""

import asyncio
import socket

import pytest

from filterd.upstream import bootstrap
from filterd.upstream.base import ExchangeError, Fault
from filterd.upstream.bootstrap import Bootstrap, located
from filterd.upstream.server import Server, parse_server
from tests.support.fake_upstream import fake_udp, means, reply
from tests.support.knot import knot
from tests.support.servers import free_port


def server_at(port):
    return Server("udp", "127.0.0.1", port)


def run(scenario, *ports):
    """Run `scenario(boot)` with a Bootstrap over these ports."""

    async def main():
        boot = Bootstrap([server_at(port) for port in ports], means())
        try:
            return await scenario(boot)
        finally:
            boot.close()
            await asyncio.sleep(0)

    return asyncio.run(main())


@pytest.mark.real
def test_both_families_from_a_real_server(tmp_path, monkeypatch):
    def never(*args, **kwargs):
        raise AssertionError("the system's resolver was asked")

    with knot(tmp_path) as port:
        monkeypatch.setattr(socket, "getaddrinfo", never)
        found = run(lambda boot: boot.addresses("www.example.test"), port)
    assert found == ("2001:db8::1", "192.0.2.1")


@pytest.mark.real
def test_a_name_that_is_not_there(tmp_path):
    with knot(tmp_path) as port, pytest.raises(ExchangeError, match=r"missing\.example\.test") as e:
        run(lambda boot: boot.addresses("missing.example.test"), port)
    assert e.value.fault is Fault.BOOTSTRAP


def test_the_next_server_is_asked_when_one_is_dead(monkeypatch):
    monkeypatch.setattr(bootstrap, "SECONDS", 0.2)

    async def main():
        async with fake_udp(lambda q: []) as silent, fake_udp(lambda q: [reply(q)]) as fake:
            boot = Bootstrap([server_at(silent.port), server_at(fake.port)], means())
            found = await boot.addresses("dns.example.test")
            boot.close()
            return found

    assert asyncio.run(main()) == ("192.0.2.1",)


def test_asked_once_by_many_and_kept_for_the_ttl():
    async def main():
        async with fake_udp(lambda q: [reply(q)]) as fake:
            boot = Bootstrap([server_at(fake.port)], means())
            found = await asyncio.gather(*(boot.addresses("dns.example.test") for _ in range(20)))
            await boot.addresses("dns.example.test")
            boot.close()
            return set(found), len(fake.queries)

    assert asyncio.run(main()) == ({("192.0.2.1",)}, 2)  # A and AAAA


def test_old_addresses_serve_while_new_ones_are_fetched(monkeypatch):
    monkeypatch.setattr(bootstrap, "LEAST_TTL", 0)
    monkeypatch.setattr(bootstrap, "MOST_TTL", 0)

    async def main():
        async with fake_udp(lambda q: [reply(q)]) as fake:
            boot = Bootstrap([server_at(fake.port)], means())
            first = await boot.addresses("dns.example.test")
            fake.respond = lambda q: [reply(q, address=b"\xc0\0\2\2")]
            second = await boot.addresses("dns.example.test")
            async with asyncio.timeout(5):
                while (third := await boot.addresses("dns.example.test")) == second:
                    await asyncio.sleep(0.005)
            boot.close()
            return first, second, third

    assert asyncio.run(main()) == (("192.0.2.1",), ("192.0.2.1",), ("192.0.2.2",))


def test_a_dead_bootstrap_server_harms_nothing_that_worked(monkeypatch, caplog):
    monkeypatch.setattr(bootstrap, "LEAST_TTL", 0)
    monkeypatch.setattr(bootstrap, "MOST_TTL", 0)
    monkeypatch.setattr(bootstrap, "SECONDS", 0.05)

    async def main():
        async with fake_udp(lambda q: [reply(q)]) as fake:
            boot = Bootstrap([server_at(fake.port)], means())
            await boot.addresses("dns.example.test")
            fake.respond = lambda q: []
            found = await boot.addresses("dns.example.test")
            async with asyncio.timeout(5):
                while "going on with the addresses from before" not in caplog.text:
                    await asyncio.sleep(0.005)
            asked = len(fake.queries)
            again = await boot.addresses("dns.example.test")
            await asyncio.sleep(0.02)
            boot.close()
            return found, again, len(fake.queries) - asked

    assert asyncio.run(main()) == (("192.0.2.1",), ("192.0.2.1",), 0)


def test_no_bootstrap_server_answers():
    with pytest.raises(ExchangeError) as caught:
        run(lambda boot: boot.addresses("dns.example.test"), free_port())
    assert caught.value.fault is Fault.BOOTSTRAP


def test_an_address_needs_no_bootstrap():
    async def main():
        assert await located(parse_server("tls://192.0.2.1#dns.example"), means()) == ("192.0.2.1",)
        with pytest.raises(ExchangeError, match="no bootstrap server"):
            await located(parse_server("tls://dns.example"), means())

    asyncio.run(main())
