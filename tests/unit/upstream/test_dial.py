import asyncio
import ssl

import pytest

from filterd.upstream.base import ExchangeError, Fault
from filterd.upstream.dial import dial, fault_of, interleaved
from tests.support.fake_upstream import fake_tcp, stay_silent
from tests.support.servers import free_port


def test_families_take_turns():
    assert interleaved(["::1", "::2", "::3", "192.0.2.1"]) == ["::1", "192.0.2.1", "::2", "::3"]
    assert interleaved(["192.0.2.1", "192.0.2.2", "::1"]) == ["192.0.2.1", "::1", "192.0.2.2"]
    assert interleaved([]) == []


def test_an_address_that_fails_gives_way_to_the_next():
    async def main():
        async with fake_tcp(stay_silent) as fake:
            protocol = await dial(("::1", "127.0.0.1"), fake.port, Recorder)
            peer = protocol.transport.get_extra_info("peername")
            protocol.transport.abort()
            await asyncio.sleep(0)
            return peer[0]

    assert asyncio.run(main()) == "127.0.0.1"


def test_all_fail():
    async def main():
        await dial(("127.0.0.1", "127.0.0.2"), free_port(), Recorder)

    with pytest.raises(ExchangeError) as caught:
        asyncio.run(main())
    assert caught.value.fault is Fault.REFUSED


def test_no_address():
    with pytest.raises(ExchangeError) as caught:
        asyncio.run(dial((), 53, Recorder))
    assert caught.value.fault is Fault.UNREACHABLE


@pytest.mark.parametrize(
    ("error", "fault"),
    [
        (ssl.SSLCertVerificationError(), Fault.TLS),
        (ssl.SSLError(), Fault.TLS),
        (ConnectionRefusedError(), Fault.REFUSED),
        (ConnectionResetError(), Fault.CLOSED),
        (TimeoutError(), Fault.TIMEOUT),
        (OSError(), Fault.UNREACHABLE),
        (ExchangeError(Fault.BOOTSTRAP), Fault.BOOTSTRAP),
    ],
)
def test_faults_have_names(error, fault):
    assert fault_of(error) is fault


class Recorder(asyncio.Protocol):
    transport = None

    def connection_made(self, transport):
        self.transport = transport
