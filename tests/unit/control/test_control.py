"""Client and server of the control socket, over a real socket."""

import asyncio
import contextlib
import json
import os
import socket
import stat
import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st

from filterd.control.client import NobodyError, RefusedError, call
from filterd.control.messages import (
    MAX_REQUEST,
    Progress,
    Refusal,
    Request,
    Result,
    decode_answer,
    decode_request,
    encode,
)
from filterd.control.peer import Peer, allowed, peer_of
from filterd.control.server import ControlServer, Times
from filterd.model.errors import ControlError
from tests.support.needs import root

JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**9), 10**9) | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3)
    ),
    max_leaves=8,
)


async def echo(arguments, report):
    return dict(arguments)


async def count(arguments, report):
    for n in range(arguments["to"]):
        report(Progress("counting", n, arguments["to"]))
        await asyncio.sleep(0)
    return arguments["to"]


async def fail(arguments, report):
    raise ControlError("the list is held: it shrank")


async def crash(arguments, report):
    raise ZeroDivisionError("secret detail")


async def forever(arguments, report):
    await asyncio.Event().wait()


async def strange(arguments, report):
    return {1, 2}


HANDLERS = {
    "echo": echo, "count": count, "fail": fail, "crash": crash, "forever": forever, "strange": strange,
}  # fmt: skip


@contextlib.contextmanager
def serving(path, **settings):
    started = threading.Event()
    ended = []
    box = {}

    def run():
        async def main():
            server = ControlServer(path, HANDLERS, **settings)
            await server.start()
            box["loop"] = asyncio.get_running_loop()
            box["stop"] = asyncio.Event()
            started.set()
            await box["stop"].wait()
            await server.close()
            ended.append(True)

        asyncio.run(main())

    thread = threading.Thread(target=run)
    thread.start()
    assert started.wait(10)
    try:
        yield
    finally:
        box["loop"].call_soon_threadsafe(box["stop"].set)
        thread.join(10)
        assert ended


@pytest.fixture
def path(tmp_path):
    return tmp_path / "control.sock"


def raw(path, data: bytes) -> bytes:
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(10)
        connection.connect(str(path))
        with contextlib.suppress(BrokenPipeError):  # a refused peer is cut off while it sends
            connection.sendall(data)
            connection.shutdown(socket.SHUT_WR)
        received = b""
        with contextlib.suppress(ConnectionResetError):
            while piece := connection.recv(65536):
                received += piece
        return received


def test_a_command_and_its_result(path):
    with serving(path):
        assert call(path, "echo", {"tên": "lớp 3A", "n": [1, None]}) == {
            "tên": "lớp 3A",
            "n": [1, None],
        }
        assert call(path, "echo") == {}


def test_progress_comes_before_the_result(path):
    seen = []
    with serving(path):
        assert call(path, "count", {"to": 5}, progress=seen.append) == 5
    assert seen == [Progress("counting", n, 5) for n in range(5)]


def test_refusals_reach_the_caller(path):
    with serving(path):
        with pytest.raises(ControlError, match="it shrank"):
            call(path, "fail")
        with pytest.raises(ControlError, match="unknown command 'dance'; known are: count, crash"):
            call(path, "dance")


def test_a_crash_tells_nothing_but_goes_to_the_log(path, caplog):
    with serving(path):
        with pytest.raises(ControlError, match="its log says where") as caught:
            call(path, "crash")
        assert call(path, "echo", {"still": "here"}) == {"still": "here"}
    assert "secret" not in str(caught.value)
    assert "secret detail" in caplog.text


def test_an_answer_that_is_no_json_is_said(path):
    with serving(path), pytest.raises(ControlError, match="cannot be sent"):
        call(path, "strange")


def test_nothing_listens(path):
    with pytest.raises(ControlError, match="is filterd running"):
        call(path, "echo")
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(path))
    with pytest.raises(ControlError, match="is filterd running"):
        call(path, "echo")


def test_no_answer_in_time(path):
    with serving(path), pytest.raises(ControlError, match=r"no word from filterd for 0\.2 s"):
        call(path, "forever", timeout=0.2)


def test_a_command_has_a_longest_time(path):
    with (
        serving(path, times=Times(run=0.1)),
        pytest.raises(ControlError, match=r"not done within 0\.1 s"),
    ):
        call(path, "forever")


def test_the_socket_is_private_and_goes_at_the_end(path):
    with serving(path):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert not path.exists()


def test_with_a_group_the_group_may(path):
    group = os.getgroups()[0] if os.getgroups() else os.getgid()
    with serving(path, groups=[group]):
        assert stat.S_IMODE(path.stat().st_mode) == 0o660
        assert path.stat().st_gid == group
        assert call(path, "echo") == {}


def test_a_group_that_may_not_be_given_commands_nothing_and_the_rest_goes_on(
    path, monkeypatch, caplog
):
    def refused(*_words):
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(os, "chown", refused)
    with serving(path, groups=[54_321]):
        assert call(path, "echo", {"a": 1}) == {"a": 1}
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert "control.group: not in force" in caplog.text


def test_who_may_command():
    stranger = Peer(1, 1000, frozenset({1000, 50}))
    assert not allowed(stranger, 990, ())
    assert not allowed(stranger, 990, (51,))
    assert allowed(stranger, 990, (50,))
    assert allowed(stranger, 1000, ())
    assert allowed(Peer(1, 0, frozenset()), 990, ())


def test_the_kernel_says_who_connects():
    one, two = socket.socketpair(socket.AF_UNIX)
    with one, two:
        peer = peer_of(one)
    assert (peer.pid, peer.uid) == (os.getpid(), os.getuid())
    assert {os.getgid(), *os.getgroups()} <= peer.groups


def test_a_stranger_is_cut_off(path, monkeypatch, caplog):
    monkeypatch.setattr("filterd.control.server.peer_of", lambda _: Peer(7, 4242, frozenset()))
    with serving(path), pytest.raises(ControlError, match="uid 4242 may not command"):
        call(path, "echo")
    assert "refused uid 4242" in caplog.text


def test_who_is_cut_off_before_asking_still_hears_why(path, monkeypatch):
    gone = threading.Event()

    def slow(message):
        assert gone.wait(10)
        return encode(message)

    monkeypatch.setattr("filterd.control.client.encode", slow)
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))
        listener.listen(1)

        def refuse():
            peer, _ = listener.accept()
            with peer:
                peer.sendall(encode(Refusal("go away")))
            gone.set()

        server = threading.Thread(target=refuse)
        server.start()
        with pytest.raises(RefusedError, match="go away"):
            call(path, "echo")
        server.join()


def test_nobody_there_is_told_from_a_refusal(path):
    with pytest.raises(NobodyError, match="is filterd running"):
        call(path, "echo")
    with serving(path), pytest.raises(RefusedError, match="unknown command"):
        call(path, "nothing")


@pytest.mark.parametrize(
    ("groups", "answered"), [([], False), ([4711], False), ([4711, 4712, 4713], True)]
)
def test_a_real_stranger_is_cut_off_unless_of_the_group(path, groups, answered):
    root("to become another user")
    with serving(path, groups=[4712]):
        assert path.stat().st_gid == 4712
        path.chmod(0o666)
        path.parent.chmod(0o755)
        for folder in path.parents[:-1]:
            folder.chmod(folder.stat().st_mode | 0o011)
        child = os.fork()
        if child == 0:
            status = 9
            try:
                os.setgroups(groups)
                os.setgid(65534)
                os.setuid(65534)
                status = 0 if call(path, "echo") == {} else 7
            except ControlError as error:
                status = 1 if "uid 65534 may not command" in str(error) else 8
            finally:
                os._exit(status)
        status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        assert status == (0 if answered else 1)


def test_a_second_server_is_refused_and_a_dead_socket_replaced(path):
    with serving(path):

        async def second():
            await ControlServer(path, HANDLERS).start()

        with pytest.raises(ControlError, match="another filterd listens"):
            asyncio.run(second())
        assert call(path, "echo") == {}
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(path))
    with serving(path):
        assert call(path, "echo") == {}


def test_a_path_that_cannot_be_used(tmp_path):
    async def start():
        await ControlServer(tmp_path / "absent" / "s", HANDLERS).start()

    with pytest.raises(ControlError, match="cannot listen on"):
        asyncio.run(start())


def test_several_requests_on_one_connection(path):
    with serving(path):
        answers = raw(
            path, encode(Request("echo", {"n": 1})) + b"{]\n" + encode(Request("echo", {"n": 2}))
        )
    lines = [decode_answer(line) for line in answers.splitlines()]
    assert lines[0] == Result({"n": 1})
    assert isinstance(lines[1], Refusal)
    assert lines[2] == Result({"n": 2})


def test_a_request_without_end_is_cut_off(path):
    with serving(path):
        answer = raw(path, b"x" * (2 * MAX_REQUEST + 1))
        assert call(path, "echo") == {}
    assert b"at most" in answer or answer == b""


def test_an_idle_connection_is_ended(path):
    with serving(path, times=Times(idle=0.1)):
        with socket.socket(socket.AF_UNIX) as idle:
            idle.settimeout(10)
            idle.connect(str(path))
            assert idle.recv(1) == b""
        assert call(path, "echo") == {}


def test_too_many_connections_are_told(path):
    with serving(path), contextlib.ExitStack() as stack:
        for _ in range(16):
            idle = stack.enter_context(socket.socket(socket.AF_UNIX))
            idle.connect(str(path))
        with pytest.raises(ControlError, match="too many control connections"):
            call(path, "echo")


def test_a_client_that_does_not_read_stops_nobody(path):
    with serving(path), socket.socket(socket.AF_UNIX) as lazy:
        lazy.connect(str(path))
        lazy.sendall(encode(Request("count", {"to": 50_000})))
        assert call(path, "echo") == {}


def test_shutdown_ends_a_running_command(path):
    with serving(path), socket.socket(socket.AF_UNIX) as waiting:
        waiting.settimeout(10)
        waiting.connect(str(path))
        waiting.sendall(encode(Request("forever")))
        assert call(path, "echo") == {}


@given(st.text(max_size=20), st.dictionaries(st.text(max_size=5), JSON, max_size=4))
def test_requests_survive_the_wire(command, arguments):
    line = encode(Request(command, arguments))
    assert line.count(b"\n") == 1
    assert decode_request(line) == Request(command, arguments)


@given(
    st.builds(Result, JSON)
    | st.builds(Refusal, st.text())
    | st.builds(Progress, st.text(), st.integers(0, 9**9), st.none() | st.integers(0, 9**9))
)
def test_answers_survive_the_wire(answer):
    assert decode_answer(encode(answer)) == answer


@given(st.binary(max_size=80) | JSON.map(lambda value: json.dumps(value).encode()))
def test_garbage_is_refused_not_crashed(line):
    for decode in (decode_request, decode_answer):
        with contextlib.suppress(ControlError):
            decode(line)


def test_deep_nesting_is_refused():
    with pytest.raises(ControlError):
        decode_request(b"[" * 100_000)
