"""Sockets that share an address, with the kernel's own rules for who may have it."""

import errno
import selectors
import socket
from contextlib import ExitStack

import pytest

from filterd.dns import workers
from filterd.dns.udp import udp_socket
from filterd.dns.workers import reuseport_sockets

HOSTS = ["127.0.0.1", "::1"]


def assert_taken(host, port):
    """A second daemon begins with this."""
    with pytest.raises(OSError, match=f"no UDP on {host} port {port}") as caught:
        udp_socket(host, port).close()
    assert caught.value.errno == errno.EADDRINUSE


@pytest.mark.parametrize("host", HOSTS)
def test_at_no_moment_of_a_start_is_the_address_free_for_another(monkeypatch, host):
    tried = []

    def watched(host, port, *, shared=False):
        if tried:
            assert_taken(host, tried[0])
        sock = udp_socket(host, port, shared=shared)
        tried.append(sock.getsockname()[1])
        assert_taken(host, tried[0])
        return sock

    monkeypatch.setattr(workers, "udp_socket", watched)
    with ExitStack() as opened:
        for sock in reuseport_sockets(host, 0, 3):
            opened.enter_context(sock)
        assert len(tried) == 3
        assert len(set(tried)) == 1
        for count in (1, 2):
            with pytest.raises(OSError, match="no UDP on"):
                reuseport_sockets(host, tried[0], count)


def test_somebody_elses_shared_sockets_are_not_joined():
    with (
        udp_socket("127.0.0.1", 0, shared=True) as theirs,
        pytest.raises(OSError, match="no UDP on"),
    ):
        reuseport_sockets("127.0.0.1", theirs.getsockname()[1], 2)


def test_nothing_is_left_open_when_one_cannot_be_had(monkeypatch):
    port = []

    def third_fails(host, number, *, shared=False):
        if len(port) == 2:
            raise OSError(errno.ENOBUFS, "no room")
        sock = udp_socket(host, number, shared=shared)
        port.append(sock.getsockname()[1])
        return sock

    monkeypatch.setattr(workers, "udp_socket", third_fails)
    with pytest.raises(OSError, match="no room"):
        reuseport_sockets("127.0.0.1", 0, 3)
    udp_socket("127.0.0.1", port[0]).close()


@pytest.mark.parametrize("host", HOSTS)
def test_the_system_spreads_clients_over_all_of_them(host):
    with ExitStack() as opened, selectors.DefaultSelector() as selector:
        sockets = [opened.enter_context(sock) for sock in reuseport_sockets(host, 0, 3)]
        for sock in sockets:
            selector.register(sock, selectors.EVENT_READ)
        for _ in range(200):
            with socket.socket(sockets[0].family, socket.SOCK_DGRAM) as client:
                client.sendto(b"x", sockets[0].getsockname())
        assert {key.fileobj for key, _ in selector.select(5)} == set(sockets)
