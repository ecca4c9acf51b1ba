"""Sockets handed over by whoever started us: which are taken, which are refused, and with what."""

import os
import socket
from contextlib import ExitStack, closing

import pytest

from filterd.app import inherited as module
from filterd.app.inherited import inherit
from filterd.config.addresses import ListenAddress
from filterd.config.listen import ListenConfig
from filterd.model.errors import ConfigError
from tests.support.needs import absent

PLACE = 300  # descriptors begin here instead of at 3, where this process has its own
FORCE = 33  # SO_RCVBUFFORCE
PID = 4711


@pytest.fixture
def hand_over(monkeypatch):
    """Put copies of sockets where an activated process finds them; return its environment."""
    monkeypatch.setattr(module, "FIRST", PLACE)
    handed = []

    def put(*sockets):
        for number, sock in enumerate(sockets, PLACE):
            os.dup2(sock.fileno(), number)
            handed.append(number)
        return {"LISTEN_FDS": str(len(sockets)), "LISTEN_PID": str(PID), "LISTEN_FDNAMES": "x:y"}

    yield put
    for number in handed:
        try:
            os.close(number)
        except OSError:
            continue  # `inherit` has closed it


def bound(kind=socket.SOCK_DGRAM, *, port=0, shared=False):
    sock = socket.socket(type=kind)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, int(shared))
    sock.bind(("127.0.0.1", port))
    return sock


def door(sock):
    return ListenAddress("127.0.0.1", sock.getsockname()[1])


def listening(*, udp=None, tcp=None):
    """The configuration with these doors."""
    places = {"udp": udp, "tcp": tcp}
    return ListenConfig(
        **{kind: () if sock is None else (str(door(sock)),) for kind, sock in places.items()}
    )


def test_sockets_are_found_by_address_and_the_environment_forgets_them(hand_over):
    with ExitStack() as opened:
        tcp, udp = (opened.enter_context(bound(k)) for k in (socket.SOCK_STREAM, socket.SOCK_DGRAM))
        tcp.listen()
        environ = hand_over(tcp, udp) | {"PATH": "/bin"}
        listen = listening(udp=udp, tcp=tcp)
        with closing(inherit(environ, PID, listen)) as found:
            assert environ == {"PATH": "/bin"}
            taken = opened.enter_context(found.take("udp", door(udp)))
            assert taken.getsockname() == udp.getsockname()
            assert not taken.get_inheritable()
            assert found.take("udp", door(udp)) is None
            assert found.take("udp", door(tcp)) is None
            assert list(found.sockets) == [("tcp", *_address(tcp))]


def _address(sock):
    place = module._place("tcp", *sock.getsockname())
    return place[1:]


@pytest.mark.parametrize(
    "environ",
    [{}, {"LISTEN_FDS": "1", "LISTEN_PID": str(PID + 1)}, {"LISTEN_FDS": "-1"}],
)
def test_what_was_handed_to_another_process_is_not_ours(environ):
    assert not inherit(environ, PID, ListenConfig()).sockets
    assert not environ


def test_two_sockets_of_one_address_are_refused(hand_over):
    """The system would give half of the clients to the one that nobody reads."""
    with bound(shared=True) as first, bound(port=first.getsockname()[1], shared=True) as second:
        environ = hand_over(first, second)
        listen = listening(udp=first)
        with pytest.raises(ConfigError, match="is there twice"):
            inherit(environ, PID, listen)


def test_a_stream_socket_that_does_not_listen_is_refused(hand_over):
    with bound(socket.SOCK_STREAM) as sock:
        listen = listening(tcp=sock)
        with pytest.raises(ConfigError, match="say ListenStream="):
            inherit(hand_over(sock), PID, listen)


def test_a_small_buffer_grows_to_that_of_our_own_doors(hand_over):
    with bound() as sock, bound() as ours:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        ours.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, module.RECEIVE_BUFFER)
        listen = listening(udp=sock)
        with closing(inherit(hand_over(sock), PID, listen)):
            assert _buffer(sock) == _buffer(ours) > 8192


def test_a_buffer_that_only_the_unit_could_have_is_left_alone(hand_over):
    with bound() as sock:
        try:
            sock.setsockopt(socket.SOL_SOCKET, FORCE, 4 * module.RECEIVE_BUFFER)
        except PermissionError:
            absent("THE RIGHT to have a buffer larger than the limit", "become root")
        listen = listening(udp=sock)
        with closing(inherit(hand_over(sock), PID, listen)):
            assert _buffer(sock) == 8 * module.RECEIVE_BUFFER  # the system counts it double


def _buffer(sock):
    return sock.getsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF)
