import asyncio
import http.client
import random
import socket

import pytest
from prometheus_client import CollectorRegistry, Gauge

from filterd.metrics import http as door
from filterd.metrics.http import MAX_CONNECTIONS, MAX_HEAD, MetricsServer
from tests.support.needs import absent


class Clock:
    def __init__(self):
        self.now = 0.0

    def __call__(self):
        return self.now


class Setup:
    def __init__(self):
        self.registry = CollectorRegistry()
        self.gauge = Gauge("filterd_test", "A test.", registry=self.registry)
        self.reasons = []
        self.clock = Clock()
        self.server = MetricsServer(self.registry, lambda: self.reasons, self.clock)

    def run(self, work):
        """Run `work(port)` in a thread against the real server."""

        async def main():
            _, port = await self.server.start("127.0.0.1", 0)
            try:
                return await asyncio.to_thread(work, port)
            finally:
                await self.server.close()

        return asyncio.run(main())


@pytest.fixture
def setup():
    return Setup()


def ask(port, method="GET", path="/metrics", **headers):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    try:
        connection.request(method, path, headers=headers)
        response = connection.getresponse()
        return response.status, dict(response.getheaders()), response.read()
    finally:
        connection.close()


def raw(port, data):
    with socket.create_connection(("127.0.0.1", port), timeout=10) as connection:
        connection.sendall(data)
        connection.shutdown(socket.SHUT_WR)
        received = b""
        while chunk := connection.recv(65536):
            received += chunk
        return received


def test_metrics_in_the_text_format(setup):
    setup.gauge.set(7)
    status, headers, body = setup.run(ask)
    assert status == 200
    assert headers["Content-Type"].startswith("text/plain; version=0.0.4")
    assert b"filterd_test 7.0" in body


def test_openmetrics_when_asked_for(setup):
    accept = "application/openmetrics-text; version=1.0.0"
    status, headers, body = setup.run(lambda port: ask(port, Accept=accept))
    assert status == 200
    assert headers["Content-Type"].startswith("application/openmetrics-text")
    assert body.endswith(b"# EOF\n")


@pytest.mark.parametrize("version", ["abc", "", "9" * 400, "1.0.0.0.0", "-1"])
def test_a_strange_version_in_accept_still_gets_numbers(setup, version):
    accept = f"application/openmetrics-text; version={version}, text/plain;version={version}"
    status, _, body = setup.run(lambda port: ask(port, Accept=accept))
    assert status == 200
    assert b"filterd_test" in body


def test_a_page_is_rendered_at_most_once_a_second(setup):
    def work(port):
        bodies = []
        for number, time in enumerate((0.0, 0.9, 1.1)):
            setup.gauge.set(number)
            setup.clock.now = time
            bodies.append(ask(port)[2])
        return bodies

    first, second, third = setup.run(work)
    assert first == second
    assert b"filterd_test 2.0" in third


def test_head_has_the_length_and_no_body(setup):
    def work(port):
        return ask(port), ask(port, "HEAD")

    (_, headers, body), (status, head_headers, nothing) = setup.run(work)
    assert status == 200
    assert head_headers["Content-Length"] == headers["Content-Length"] == str(len(body))
    assert nothing == b""


def test_healthz(setup):
    assert setup.run(lambda port: ask(port, path="/healthz"))[::2] == (200, b"ok\n")


def test_readyz_gives_reasons_until_there_are_none(setup):
    def work(port):
        setup.reasons = ["no rules loaded", "no upstream answers"]
        before = ask(port, path="/readyz?verbose")
        setup.reasons = []
        return before, ask(port, path="/readyz")

    before, after = setup.run(work)
    assert before[::2] == (503, b"no rules loaded\nno upstream answers\n")
    assert after[::2] == (200, b"ready\n")


def test_a_fault_in_a_callable_is_500_and_the_next_request_works(setup, caplog):
    def work(port):
        setup.server._not_ready = lambda: 1 / 0
        return ask(port, path="/readyz")[0], ask(port, path="/healthz")[0]

    assert setup.run(work) == (500, 200)
    assert "cannot answer" in caplog.text


def test_other_paths_and_methods(setup):
    def work(port):
        return ask(port, path="/"), ask(port, "POST"), ask(port, "DELETE", "/healthz")

    missing, post, delete = setup.run(work)
    assert missing[0] == 404
    assert (post[0], post[1]["Allow"]) == (405, "GET, HEAD")
    assert delete[0] == 405


@pytest.mark.parametrize(
    ("data", "status"),
    [
        (b"\r\n\r\n", b"400"),
        (b"GET /metrics\r\n\r\n", b"400"),
        (b"GET  /metrics HTTP/1.1\r\n\r\n", b"400"),
        (b"GET /metrics HTTP/2.0\r\n\r\n", b"400"),
        (b"GET http://example.com/ HTTP/1.1\r\n\r\n", b"400"),
        (b"GET /metrics HTTP/1.1\r\nno colon\r\n\r\n", b"400"),
        (b"GET /metrics HTTP/1.1\r\n folded: x\r\n\r\n", b"400"),
        (b"GET /metrics HTTP/1.1\r\n", b"400"),
        (b"GET /metrics HTTP/1.1\r\nAccept: text/plain; version=1.0.0\nX: y\r\n\r\n", b"400"),
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", b"400"),
        (b"\xff\x00" * 100 + b"\r\n\r\n", b"400"),
        (b"POST /metrics HTTP/1.1\r\nContent-Length: 99999\r\n\r\n" + b"x" * 99999, b"405"),
        (b"GET /metrics HTTP/1.1\r\nX: " + b"a" * (2 * MAX_HEAD) + b"\r\n\r\n", b"431"),
        (b"A" * 200_000, b"431"),
    ],
)
def test_bad_requests_get_their_status_and_the_server_lives(setup, data, status):
    def work(port):
        return raw(port, data), ask(port, path="/healthz")[0]

    received, after = setup.run(work)
    assert received.startswith(b"HTTP/1.1 " + status)
    assert after == 200


def test_random_bytes_never_end_the_server(setup, caplog):
    chance = random.Random(1)

    def work(port):
        for _ in range(100):
            data = chance.randbytes(chance.randrange(1, 300))
            if chance.random() < 0.5:
                data = b"GET /metrics HTTP/1.1\r\n" + data + b"\r\n\r\n"
            assert raw(port, data).startswith(b"HTTP/1.1 ")
        return ask(port, path="/healthz")[0]

    assert setup.run(work) == 200
    assert caplog.records == []


def test_reset_connections_are_no_news(setup, caplog):
    def work(port):
        for _ in range(20):
            connection = socket.create_connection(("127.0.0.1", port), timeout=10)
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
            connection.send(b"GET /met")
            connection.close()
        return ask(port, path="/healthz")[0]

    assert setup.run(work) == 200
    assert caplog.records == []


def test_a_client_that_says_nothing_is_sent_away(setup, monkeypatch):
    monkeypatch.setattr(door, "READ_TIME", 0.05)

    def work(port):
        with socket.create_connection(("127.0.0.1", port), timeout=10) as connection:
            connection.send(b"GET ")
            return connection.recv(1000)

    assert setup.run(work).startswith(b"HTTP/1.1 408")


def test_too_many_connections_are_turned_away(setup):
    def work(port):
        idle = [socket.create_connection(("127.0.0.1", port)) for _ in range(MAX_CONNECTIONS)]
        try:
            refused = ask(port, path="/healthz")[0]
        finally:
            for connection in idle:
                connection.close()
        return refused

    assert setup.run(work) == 503


def test_an_address_in_use_is_an_os_error(setup):
    async def main():
        host, port = await setup.server.start("127.0.0.1", 0)
        other = MetricsServer(setup.registry, list, setup.clock)
        with pytest.raises(OSError, match="in use"):
            await other.start(host, port)
        await setup.server.close()

    asyncio.run(main())


def test_ipv6():
    setup = Setup()

    async def main():
        try:
            host, port = await setup.server.start("::1", 0)
        except OSError as error:
            absent(f"::1 ({error})", "give this machine an IPv6 loopback")
        reader, writer = await asyncio.open_connection(host, port)
        writer.write(b"GET /healthz HTTP/1.0\r\n\r\n")
        answer = await reader.read()
        writer.close()
        await writer.wait_closed()
        await setup.server.close()
        return answer

    assert asyncio.run(main()).endswith(b"\r\n\r\nok\n")
